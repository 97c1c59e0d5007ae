"""Rules for Chinese as it is read aloud in Taiwan: each in turn, the most particular first."""

import re

from tts_service.speakable import chinese_numbers as numbers
from tts_service.speakable.rules import (
    LONG_DIGITS,
    NUMBER,
    PHONE,
    SHORT_UNITS,
    VERSION,
    Rule,
    applied,
    bare,
    compiled,
    is_code,
)

_CURRENCIES = {
    "NT$": "元", "TWD": "元", "$": "元", "US$": "美元", "USD": "美元", "HK$": "港幣", "€": "歐元",
    "EUR": "歐元", "£": "英鎊", "GBP": "英鎊", "¥": "日圓", "JPY": "日圓", "RMB": "人民幣",
    "CNY": "人民幣", "NTD": "元",
}  # fmt: skip
_SIGN = r"(NT\$|US\$|HK\$|\$|€|£|¥)"
_CODE = r"(TWD|NTD|USD|EUR|GBP|JPY|CNY|RMB)"
_UNITS = {
    "km/h": "公里每小時", "kph": "公里每小時", "m/s": "公尺每秒", "mph": "英里每小時",
    "km²": "平方公里", "km2": "平方公里", "m²": "平方公尺", "m2": "平方公尺", "m³": "立方公尺",
    "m3": "立方公尺", "km": "公里", "cm": "公分", "mm": "公釐", "m": "公尺", "kg": "公斤",
    "mg": "毫克", "g": "公克", "lbs": "磅", "lb": "磅", "oz": "盎司", "ft": "英尺", "ml": "毫升",
    "cc": "西西", "l": "公升", "hrs": "小時", "hr": "小時", "mins": "分鐘", "min": "分鐘",
    "secs": "秒", "sec": "秒", "ms": "毫秒", "s": "秒", "khz": "千赫", "mhz": "百萬赫",
    "hz": "赫茲", "kwh": "度", "kw": "瓩", "w": "瓦", "v": "伏特", "db": "分貝", "kcal": "大卡",
}  # fmt: skip
_HALVES = {"a": "上午", "p": "下午"}
_GAPS = re.compile(r"(?<=[\u4e00-\u9fff]) +(?=[\d$])|(?<=[\d%]) +(?=[\u4e00-\u9fff])")
"""Spaces that typesetters put around digits; said, they would be pauses."""
_TO = r"(?: ?[~～] ?| [-–—] |[-–—])"
_SCALE = "[十百千萬億兆]"


def words(text: str) -> str:
    """Chinese `text` with everything in words. Latin letters stay as they are."""
    return re.sub(" {2,}", " ", applied(_RULES, _GAPS.sub("", text))).strip()


def count(value: str, after: str = "") -> str:
    """A number before `after`, the character that follows it: 2 is 兩 before a measure word."""
    plain = bare(value)
    if "." in plain:
        return numbers.decimal(plain)
    return numbers.counted(plain) if after and after in numbers.MEASURES else numbers.whole(plain)


def _bare_number(found: "re.Match[str]") -> str:
    value, after = found[1], found[2] or ""
    plain = bare(value)
    if "." not in plain and len(plain) > 1 and plain[0] == "0":
        return numbers.one_by_one(plain)
    if is_code(value) and after not in numbers.MEASURES:
        return numbers.one_by_one(plain)
    year = "," not in value and len(plain) == 4 and plain.isdigit() and plain[:2] in ("19", "20")
    if year and after not in numbers.MEASURES and plain[1:] != "000":
        return numbers.one_by_one(plain)
    return count(value, after)


def _date(found: "re.Match[str]") -> str:
    year, month, day = found[1], int(found[2]), int(found[3])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return found[0]
    return f"{numbers.one_by_one(year)}年{_month_day(month, day)}"


def _date_us(found: "re.Match[str]") -> str:
    first, second = int(found[1]), int(found[2])
    month, day = (second, first) if first > 12 else (first, second)
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return found[0]
    return f"{numbers.one_by_one(found[3])}年{_month_day(month, day)}"


def _month_day(month: int, day: int) -> str:
    return f"{numbers.whole(str(month))}月{numbers.whole(str(day))}日"


def _year(found: "re.Match[str]") -> str:
    digits = found[1]
    return (numbers.one_by_one(digits) if len(digits) == 4 else count(digits, "年")) + "年"


def _time(found: "re.Match[str]") -> str:
    hour, minute, second, half = found[1], found[2], found[3], found[4]
    if int(hour) > 24 or int(minute) > 59:
        return found[0]
    said = _HALVES[half.lower()] if half else ""
    said += numbers.counted(hour) + "點"
    if int(minute) or second:
        said += ("零" if int(minute) < 10 and int(minute) else "") + numbers.whole(minute) + "分"
    if second:
        said += numbers.whole(second) + "秒"
    return said


def _clock(found: "re.Match[str]") -> str:
    minute = found[2]
    said = numbers.counted(found[1]) + "點"
    if minute:
        said += ("零" if minute[0] == "0" and int(minute) else "") + numbers.whole(minute) + "分"
    return said


def _money(sign: str, value: str, scale: str | None) -> str:
    name = _CURRENCIES[sign.upper()]
    return f"{count(value, scale or '元')}{scale or ''}{name}"


def _phone(found: "re.Match[str]") -> str:
    groups = [numbers.one_by_one(group) for group in re.findall(r"\d+", found[0])]
    return ("加" if found[0].startswith("+") else "") + "，".join(groups)


def _version(found: "re.Match[str]") -> str:
    parts = found[0].split(".")
    say = numbers.one_by_one if len(parts) == 4 else numbers.whole
    return "點".join(say(part) for part in parts)


def _slash(found: "re.Match[str]") -> str:
    """A small proper fraction, else a day of the year."""
    first, second = int(found[1]), int(found[2])
    if first < second <= 10 or second > 31 or not 1 <= first <= 12:
        return f"{numbers.whole(found[2])}分之{numbers.whole(found[1])}"
    return _month_day(first, second)


def _degrees(found: "re.Match[str]") -> str:
    low, high = (("零下" if found[i] else "") + count(found[i + 1]) for i in (1, 3))
    return f"攝氏{low}到{high}度"


def _unit(found: "re.Match[str]") -> str:
    if len(found[2]) == 1 and found[2] not in SHORT_UNITS:
        return found[0]  # 5G, 4K
    return count(found[1], "公") + _UNITS[found[2].lower()]


_ROOMS = "號公車|號房|路公車|會議室|教室|室|房"
_SAID = "零一二兩三四五六七八九十百千萬億"
_UNIT = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
_NUM = rf"({NUMBER})"
_RULES: tuple[Rule, ...] = (
    (LONG_DIGITS, lambda f: numbers.one_by_one(f[0])),
    (PHONE, _phone),
    (VERSION, _version),
    *compiled(
        [
            (r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)", _date),
            (r"(?<![\d/.-])(\d{1,2})[-/](\d{1,2})[-/](\d{4})(?!\d)", _date_us),
            (r"(?<!\d)(\d{1,2}) ?月 ?(\d{1,2}) ?(日|號)",
             lambda f: f"{numbers.whole(f[1])}月{numbers.whole(f[2])}{f[3]}"),
            (r"(?<!\d)(\d{1,2}) ?(月|日|號)(?!\d)", lambda f: numbers.whole(f[1]) + f[2]),
            (r"(?<![\d.,])(\d{2,4}) ?年", _year),
            (r"(?<![\d:])(\d{1,2}):(\d{2})(?::(\d{2}))?(?: ?([ap])\.?m(?![A-Za-z])\.?)?(?![\d:])",
             _time),
            (r"(?<![\d:.])(\d{1,2}) ?([ap])\.?m(?![A-Za-z])\.?",
             lambda f: f"{_HALVES[f[2].lower()]}{numbers.counted(f[1])}點"),
            (r"(?<![\d.])(\d{1,2}) ?點(?: ?(\d{1,2}) ?分)?(?![\d多])", _clock),
            (rf"{_SIGN} ?{_NUM} ?({_SCALE})?", lambda f: _money(f[1], f[2], f[3])),
            (rf"{_NUM} ?({_SCALE})? ?{_CODE}\b", lambda f: _money(f[3], f[1], f[2])),
            (rf"\b{_CODE} ?{_NUM} ?({_SCALE})?", lambda f: _money(f[1], f[2], f[3])),
            (r"(?<![\d.])(\d{1,3}) ?[:：] ?(\d{1,3})(?![\d,]| ?[，、])",
             lambda f: f"{numbers.whole(f[1])}比{numbers.whole(f[2])}"),
            (r"(\d+)\^(\d+)", lambda f: f"{numbers.whole(f[1])}的{numbers.whole(f[2])}次方"),
            (r"(?<=[轉機]) ?(\d{2,5})(?!\d)", lambda f: numbers.one_by_one(f[1])),
            (rf"(?<!\d)(\d{{3,4}}) ?(?={_ROOMS})", lambda f: numbers.one_by_one(f[1])),
            (r"(?<![A-Za-z\d])(\d{1,2})F(?![A-Za-z\d])", lambda f: f"{numbers.whole(f[1])}樓"),
            (r"(?<![\d.])(\d{1,2})[.)] ?(?=[\u4e00-\u9fff])",
             lambda f: f"{numbers.whole(f[1])}、"),
            (rf"([-−]?){_NUM}(?: ?(?:°C|℃))?{_TO}([-−]?){_NUM} ?(?:°C|℃)", _degrees),
            (rf"(?<![A-Za-z0-9_.-]){_NUM}(?: ?%)?{_TO}(?=(?:{NUMBER}) ?%)",
             lambda f: f"百分之{count(f[1])}到"),
            (rf"(?<![\d.-])(?<![A-Za-z]){_NUM}( ?[個%])?{_TO}(?=(?:{NUMBER})(?!\d*-))",
             lambda f: f"{count(f[1], '個')}{(f[2] or '').strip()}到"),
            (rf"[-−]{_NUM} ?(?:°C|℃)", lambda f: f"攝氏零下{count(f[1])}度"),
            (rf"(?<![A-Za-z0-9.%])[-−](?={_NUM})", lambda _: "負"),
            (rf"{_NUM} ?%", lambda f: f"百分之{count(f[1])}"),
            (rf"{_NUM} ?‰", lambda f: f"千分之{count(f[1])}"),
            (rf"{_NUM} ?(?:°C|℃)", lambda f: f"攝氏{count(f[1])}度"),
            (rf"{_NUM} ?(?:°F|℉)", lambda f: f"華氏{count(f[1])}度"),
            (rf"{_NUM} ?°", lambda f: f"{count(f[1])}度"),
            (rf"(?<![A-Za-z\d.]){_NUM} ?({_UNIT})(?![A-Za-z/²³]) ?", _unit),
            (r"(?<![A-Za-z0-9./])(\d{1,3})/(\d{1,3})(?![A-Za-z0-9/])", _slash),
            (r"第 ?(\d+)", lambda f: "第" + numbers.whole(f[1])),
            (r"#(\d+)", lambda f: "第" + numbers.whole(f[1])),
            (r"(?<=\d) ?[×x*] ?(?=\d)", lambda _: "乘以"),
            (r"(?<=[\d\)]) ?\+ ?(?=[\d\(])", lambda _: "加"),
            (r"(?<=[\d\)]) ?÷ ?(?=[\d\(])", lambda _: "除以"),
            (r"(\d+) ?分之 ?(\d+)",
             lambda f: f"{numbers.whole(f[1])}分之{numbers.whole(f[2])}"),
            (rf"(?<![A-Za-z]){_NUM}(?= ?(.)?)", _bare_number),
            (r" ?= ?", lambda _: "等於"),
            (r" ?± ?", lambda _: "正負"),
            (r" ?[×] ?", lambda _: "乘以"),
            (r"(?<=[\u4e00-\u9fff]) ?& ?", lambda _: "和"),
            (r"(?<=[\u4e00-\u9fff]) ?[/／] ?(?=[\u4e00-\u9fff])", lambda _: "、"),
            (r"(?<=[\u4e00-\u9fff]) ?\+ ?", lambda _: "加"),
            (rf"(?<=[{_SAID}點分秒日月年度個]) ?[-~～–] ?(?=[{_SAID}])", lambda _: "到"),
            (r"²", lambda _: "平方"),
            (r"³", lambda _: "立方"),
            (r"[~～#^]", lambda _: ""),
        ]
    ),
)  # fmt: skip
