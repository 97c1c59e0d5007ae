"""Numbers in Mandarin words as they are said in Taiwan.

`兩` before 百 (as is said, though both are right), 千, 萬, 億 and measure words; `二` in 十, in
digits and after the point. The python packages for this write 二百 and simplified 万: hence own
code.
"""

DIGITS = "零一二三四五六七八九"
_PLACES = ("", "十", "百", "千")
_GROUPS = ("", "萬", "億", "兆", "京")
MAX_WHOLE_DIGITS = 4 * len(_GROUPS)

MEASURES = frozenset(
    "個位名人次年天夜週秒分小頭隻條張本塊元圓角台臺輛架艘杯瓶碗盤份件套雙對副把支枝根顆粒棵朵片層間家所"
    "座棟句頁篇首部場遍趟回種類樣歲倍公里斤克升尺吋英磅噸坪組隊群批堂門項包袋盒箱罐桶串段步口匹度點千百萬億"
)
"""Characters that may begin a measure word: two of something is 兩."""


def whole(digits: str) -> str:
    """A whole number of any length: ``"2205"`` is 兩千兩百零五. Very long ones digit by digit."""
    digits = digits.lstrip("0")
    if not digits:
        return "零"
    if len(digits) > MAX_WHOLE_DIGITS:
        return one_by_one(digits)
    groups = []
    while digits:
        groups.append(digits[-4:])
        digits = digits[:-4]
    said, gap = "", False
    for index in range(len(groups) - 1, -1, -1):
        value = groups[index].zfill(4)
        if value == "0000":
            gap = bool(said)
            continue
        if said and (gap or value[0] == "0"):
            said += "零"
        said += _group(value, first=not said, unit=_GROUPS[index])
        gap = False
    return said


def counted(digits: str) -> str:
    """A whole number before a measure word: ``"2"`` is 兩."""
    return "兩" if digits.lstrip("0") == "2" else whole(digits)


def decimal(number: str) -> str:
    """A number with a point: ``"3.14"`` is 三點一四."""
    integer, _, fraction = number.partition(".")
    return f"{whole(integer or '0')}點{one_by_one(fraction)}" if fraction else whole(integer)


def one_by_one(digits: str, *, one: str = "一") -> str:
    """Each digit by itself, as in years and telephone numbers; `one` may be 么."""
    return "".join(one if digit == "1" else DIGITS[int(digit)] for digit in digits)


def _group(value: str, *, first: bool, unit: str) -> str:
    """Up to four digits and the unit of ten thousands they count."""
    if value == "0002" and unit:
        return "兩" + unit
    said, zero = "", False
    for position, digit in enumerate(value):
        place = _PLACES[3 - position]
        if digit == "0":
            zero = bool(said)
            continue
        if zero:
            said += "零"
            zero = False
        said += _digit(digit, place, leading=first and not said) + place
    return said + unit


def _digit(digit: str, place: str, *, leading: bool) -> str:
    if digit == "2" and place in ("百", "千"):
        return "兩"
    if digit == "1" and place == "十" and leading:
        return ""  # 十五, but 一百一十五
    return DIGITS[int(digit)]
