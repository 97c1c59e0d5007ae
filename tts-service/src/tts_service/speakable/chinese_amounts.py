"""Money, measures and magnitudes in Mandarin words."""

import re

from tts_service.speakable import chinese_numbers as numbers
from tts_service.speakable.chinese_times import count, month_day
from tts_service.speakable.rules import NUMBER, SHORT_UNITS, Rule, compiled, scaled
from tts_service.speakable.tables import CURRENCY_CODE, CURRENCY_SIGN, UNIT, units

SCALE = "[十百千萬億兆]"
NUM = rf"({NUMBER})"
TO = r"(?: ?[~～] ?| [-–—] |[-–—])"
_TO_MONEY = r" ?[-–—~～至到] ?"
_MONEY_NAME = (
    r"(?: ?(元|塊錢|塊|圓|美元|美金|歐元|日圓|日元|英鎊|港幣|港元|人民幣|韓元|泰銖|新台幣|台幣"
    r"|新臺幣|USD|TWD|NTD|EUR|GBP|JPY))?"
)
_LETTERS = r"([kKMB]|bn)(?![A-Za-z])"
_PLACES = {"k": 3, "m": 6, "b": 9, "bn": 9}
_SHOWN = r"(?! ?(?:電視|影片|畫質|螢幕|解析|畫面|攝影|顯示|路跑|影像|超高|馬拉松|直播))"


def money(sign: str, value: str, scale: str | None, name: str | None = None) -> str:
    """An amount; what is written after it, as in ``€20 歐元``, is its name."""
    named = units().currencies[sign.upper()].zh
    if name and not name.isascii():
        # 元 after a foreign sign is no news.
        named = named if name in ("元", "塊", "圓", "塊錢") and named != "元" else name
    elif name:
        named = units().currencies[name.upper()].zh
    if scale and scale.lower() in _PLACES:
        value, scale = scaled(value, _PLACES[scale.lower()]), None
    if "." in value:
        value = value.rstrip("0").rstrip(".") or "0"
    return f"{count(value, scale or '元')}{scale or ''}{named}"


def _money_range(found: "re.Match[str]") -> str:
    low, low_scale, scale = found[2], found[3] or "", found[5] or ""
    said = f"{count(low, low_scale or scale or '元')}{low_scale}"
    return f"{said}到{money(found[1], found[4], scale, found[6])}"


def _magnitude(found: "re.Match[str]") -> str:
    value, letter = found[1], found[2]
    alone = not found.string[found.end() :].strip(" 。，！？,.!?")
    if letter in "kKB" and value in ("2", "4", "5", "8") and alone:
        return found[0]
    moved = scaled(value, _PLACES[letter.lower()])
    after = found.string[found.end() :].lstrip()[:1]
    return count(moved, after)


def _unit(found: "re.Match[str]") -> str:
    unit = found[2]
    if len(unit) == 1 and unit.isascii() and unit not in SHORT_UNITS:
        return found[0]  # 5G, 4K
    name = unit_name(unit)
    return count(found[1], "公") + name


def unit_name(unit: str) -> str:
    """A unit's name."""
    return units().units[unit.lower()].zh


def _slash(found: "re.Match[str]") -> str:
    """A fraction, two shares of a hundred, or a day of the year."""
    whole, first, second = found[1], int(found[2]), int(found[3])
    if whole:
        return f"{numbers.whole(whole)}又{numbers.whole(found[3])}分之{numbers.whole(found[2])}"
    if first + second == 100:
        return (
            "一半一半"
            if first == second
            else f"{numbers.whole(found[2])}比{numbers.whole(found[3])}"
        )
    if re.search(r"血壓[^。！？]{0,8}\Z", found.string[: found.start()]):
        return f"{numbers.whole(found[2])}，{numbers.whole(found[3])}"
    if first < second <= 10 or second > 31 or not 1 <= first <= 12:
        return f"{numbers.whole(found[3])}分之{numbers.whole(found[2])}"
    return month_day(first, second)


def _degrees(found: "re.Match[str]") -> str:
    low, high = (("零下" if found[i] else "") + count(found[i + 1]) for i in (1, 3))
    return f"攝氏{low}到{high}度"


def _angle(found: "re.Match[str]") -> str:
    second = f"{count(found[3])}秒" if found[3] else ""
    return f"{count(found[1])}度{count(found[2])}分{second}"


def _inches(found: "re.Match[str]") -> str:
    return found[0] if found.string.count('"') != 1 else f"{count(found[1], '吋')}吋"


MONEY: tuple[Rule, ...] = compiled(
    [
        (
            rf"({CURRENCY_SIGN}) ?{NUM} ?({SCALE})?{_TO_MONEY}(?:{CURRENCY_SIGN})? ?{NUM}(?!\d*-)"
            rf" ?({SCALE})?"
            rf"{_MONEY_NAME}",
            _money_range,
        ),
        (
            rf"({CURRENCY_SIGN}) ?{NUM} ?({SCALE}|(?:[kMB]|bn)(?![A-Za-z]))?{_MONEY_NAME}",
            lambda f: money(f[1], f[2], f[3], f[4]),
        ),
        (rf"{NUM} ?({SCALE})? ?({CURRENCY_CODE})\b(?: ?元)?", lambda f: money(f[3], f[1], f[2])),
        (rf"{NUM} ?({SCALE})? ?([€£¥₩₹₫₱₽])", lambda f: money(f[3], f[1], f[2])),
        (
            rf"\b({CURRENCY_CODE}) ?{NUM} ?({SCALE})?{_MONEY_NAME}",
            lambda f: money(f[1], f[2], f[3], f[4]),
        ),
        (rf"({CURRENCY_SIGN})", lambda f: units().currencies[f[1].upper()].zh),
    ]
)

MAGNITUDES: tuple[Rule, ...] = (
    (
        re.compile(rf"(?<![A-Za-z\d.]){NUM} ?{_LETTERS}{_SHOWN}(?: (?=[\u4e00-\u9fff]))?"),
        _magnitude,
    ),
)

MEASURES: tuple[Rule, ...] = compiled(
    [
        (
            r"(?<![A-Za-z0-9.'°])(\d{1,2})' ?(\d{1,2}(?:\.\d+)?)(?:\"|'')?(?![A-Za-z0-9'])",
            lambda f: f"{count(f[1], '尺')}英尺{count(f[2], '吋')}英寸",
        ),
        (r"(\d+)° ?(\d{1,2})' ?(?:(\d{1,2}(?:\.\d+)?)\")?", _angle),
        (rf"(?<![A-Za-z0-9.]){NUM}\"(?![A-Za-z0-9])", _inches),
        (rf"([-−]?){NUM}(?: ?(?:°C|℃))?{TO}([-−]?){NUM} ?(?:°C|℃)", _degrees),
        (
            rf"(?<![A-Za-z0-9_.-]){NUM}(?: ?%)?{TO}(?=(?:{NUMBER}) ?%)",
            lambda f: f"百分之{count(f[1])}到",
        ),
        (
            rf"(?<![\d.-])(?<![A-Za-z]){NUM}( ?[個%])?{TO}(?=(?:{NUMBER})(?!\d*-))",
            lambda f: f"{count(f[1], '個')}{(f[2] or '').strip()}到",
        ),
        (
            rf"(?:攝氏)?(?:零下)?[-−]{NUM} ?(?:°C|℃)(?: ?度)?",
            lambda f: f"攝氏零下{count(f[1])}度",
        ),
        (
            rf"(?:華氏)?(?:零下)?[-−]{NUM} ?(?:°F|℉)(?: ?度)?",
            lambda f: f"華氏零下{count(f[1])}度",
        ),
        (rf"零下 ?[-−]?{NUM}", lambda f: f"零下{count(f[1])}"),
        (rf"(?<![A-Za-z0-9.%])[-−](?={NUM})", lambda _: "負"),
        (rf"(?:百分之 ?)?{NUM} ?%", lambda f: f"百分之{count(f[1])}"),
        (rf"{NUM} ?‰", lambda f: f"千分之{count(f[1])}"),
        (rf"(?:攝氏 ?)?{NUM} ?(?:°C|℃)(?: ?度)?", lambda f: f"攝氏{count(f[1])}度"),
        (rf"(?:華氏 ?)?{NUM} ?(?:°F|℉)(?: ?度)?", lambda f: f"華氏{count(f[1])}度"),
        (rf"{NUM} ?°(?: ?度)?", lambda f: f"{count(f[1])}度"),
        (r"°C(?![A-Za-z])", lambda _: "攝氏"),
        (r"°F(?![A-Za-z])", lambda _: "華氏"),
        (
            r"(?<![A-Za-z\d.])(\d+) ?h(?:rs?)? ?(\d{1,2}) ?m(?:ins?)?(?![A-Za-z\d/])",
            lambda f: f"{count(f[1], '小')}小時{count(f[2], '分')}分鐘",
        ),
        (
            rf"(?<![A-Za-z\d.]){NUM} ?({UNIT})/({UNIT})(?![A-Za-z²³])",
            lambda f: f"{count(f[1], '公')}{unit_name(f[2])}每{unit_name(f[3])}",
        ),
        (rf"(?<![A-Za-z\d.]){NUM} ?({UNIT})(?![A-Za-z²³]|/[A-Za-z]) ?", _unit),
        (
            rf"(?<=[\u4e00-\u9fff\d]) ?/ ?({UNIT})(?![A-Za-z²³])",
            lambda f: f"每{unit_name(f[1])}",
        ),
        (rf"(?<=[每平]) ?({UNIT})(?![A-Za-z²³])", lambda f: unit_name(f[1])),
        (r"(?<![A-Za-z0-9./])(?:(\d{1,4}) )?(\d{1,3})/(\d{1,4})(?![A-Za-z0-9/])", _slash),
    ]
)


_TWICE = re.compile(
    r"(公斤|公里|公分|公尺|公克|毫升|公升|分鐘|小時|歐元|美元|日圓|英鎊|大卡"
    r"|[秒度](?= ?[秒度](?!\w)))"
    r" ?\1"
)


def repeated(text: str) -> str:
    """`text` with a unit that is written as a sign and as a word said once."""
    return _TWICE.sub(r"\1", text)


__all__ = ["MAGNITUDES", "MEASURES", "MONEY", "NUM", "repeated"]
