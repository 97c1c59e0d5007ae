"""Rules for English: each pattern in turn, the most particular first."""

import re

from tts_service.speakable import english_numbers as numbers
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

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_MONTH = r"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?"
_CURRENCIES = {
    "NT$": ("New Taiwan dollar", "cent"), "TWD": ("New Taiwan dollar", "cent"),
    "US$": ("US dollar", "cent"), "USD": ("US dollar", "cent"), "HK$": ("Hong Kong dollar", "cent"),
    "$": ("dollar", "cent"), "€": ("euro", "cent"), "EUR": ("euro", "cent"),
    "£": ("pound", "penny"), "GBP": ("pound", "penny"), "¥": ("yen", ""), "JPY": ("yen", ""),
    "CNY": ("yuan", ""), "RMB": ("yuan", ""),
}  # fmt: skip
_SIGN = r"(NT\$|US\$|HK\$|\$|€|£|¥)"
_CODE = r"(TWD|USD|EUR|GBP|JPY|CNY|RMB)"
_SCALES = {"k": "thousand", "m": "million", "b": "billion", "bn": "billion"}
_UNITS = {
    "km/h": "kilometer per hour", "kph": "kilometer per hour", "mph": "mile per hour",
    "m/s": "meter per second", "km²": "square kilometer", "km2": "square kilometer",
    "m²": "square meter", "m2": "square meter", "m³": "cubic meter", "m3": "cubic meter",
    "km": "kilometer", "cm": "centimeter", "mm": "millimeter", "m": "meter", "kg": "kilogram",
    "mg": "milligram", "g": "gram", "lbs": "pound", "lb": "pound", "oz": "ounce", "ft": "foot",
    "mi": "mile", "ml": "milliliter", "l": "liter", "hrs": "hour", "hr": "hour", "h": "hour",
    "mins": "minute", "min": "minute", "secs": "second", "sec": "second", "ms": "millisecond",
    "s": "second", "khz": "kilohertz", "mhz": "megahertz", "ghz": "gigahertz", "hz": "hertz",
    "kwh": "kilowatt hour", "kw": "kilowatt", "mw": "megawatt", "w": "watt", "kb": "kilobyte",
    "mb": "megabyte", "gb": "gigabyte", "tb": "terabyte", "kbps": "kilobit per second",
    "mbps": "megabit per second", "gbps": "gigabit per second", "db": "decibel",
    "kcal": "kilocalorie", "cal": "calorie", "px": "pixel", "fps": "frame per second",
}  # fmt: skip
_IRREGULAR = {
    "foot": "feet", "hertz": "hertz", "kilohertz": "kilohertz", "megahertz": "megahertz",
    "gigahertz": "gigahertz", "penny": "pence", "yen": "yen", "yuan": "yuan",
}  # fmt: skip
_FRACTIONS = {"2": ("half", "halves"), "4": ("quarter", "quarters")}
_ABBREVIATIONS = {
    "mr": "Mister", "mrs": "Missus", "ms": "Miz", "dr": "Doctor", "prof": "Professor",
    "vs": "versus", "etc": "et cetera", "e.g": "for example", "i.e": "that is", "approx":
    "approximately", "no": "number", "st": "Saint",
}  # fmt: skip


def words(text: str) -> str:
    """English `text` with everything in words."""
    said = applied(_RULES, text)
    return re.sub(r"\s+([,.!?;:])", r"\1", re.sub(r" {2,}", " ", said)).strip()


def number(value: str) -> str:
    """A number as it is said by itself; leading zeros mean digit by digit."""
    plain = bare(value)
    if "." in plain:
        return numbers.decimal(plain)
    if (len(plain) > 1 and plain[0] == "0") or is_code(value):
        return numbers.one_by_one(plain)
    if "," not in value and len(plain) == 4 and 1900 <= int(plain) < 2100:
        return numbers.year(plain)
    return numbers.whole(plain)


def _count(value: str) -> str:
    return numbers.decimal(bare(value))


def _plural(name: str, value: str) -> str:
    if bare(value) == "1":
        return name
    head, per, tail = name.partition(" per ")
    cut = head.rfind(" ") + 1
    last = head[cut:]
    return head[:cut] + _IRREGULAR.get(last, last + "s") + per + tail


def _date(year: str | None, month: int, day: int) -> str | None:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    said = f"{MONTHS[month - 1]} {numbers.ordinal(str(day))}"
    return f"{said}, {numbers.year(year)}" if year else said


def _iso_date(found: "re.Match[str]") -> str:
    return _date(found[1], int(found[2]), int(found[3])) or found[0]


def _us_date(found: "re.Match[str]") -> str:
    first, second = int(found[1]), int(found[2])
    month, day = (second, first) if first > 12 else (first, second)
    return _date(found[3], month, day) or found[0]


def _month_day(found: "re.Match[str]") -> str:
    return _date(found[3], _month_index(found[1]), int(found[2])) or found[0]


def _day_month(found: "re.Match[str]") -> str:
    return _date(found[3], _month_index(found[2]), int(found[1])) or found[0]


def _month_index(name: str) -> int:
    return next(i for i, month in enumerate(MONTHS, 1) if month.startswith(name.title()))


def _time(found: "re.Match[str]") -> str:
    hour, minute, half = int(found[1]), int(found[2]), found[4]
    if hour > 24 or minute > 59:
        return found[0]
    said = numbers.whole(str(hour))
    if minute:
        said += (" oh " if minute < 10 else " ") + numbers.whole(str(minute))
    elif not half:
        said += " o'clock" if 1 <= hour <= 12 else " hundred"
    if found[3]:
        said += f" and {numbers.whole(found[3])} {_plural('second', found[3].lstrip('0'))}"
    return f"{said} {half[0].upper()}M" if half else said


def _money(sign: str, value: str, scale: str | None) -> str:
    major, minor = _CURRENCIES[sign.upper()]
    value = bare(value)
    if scale:
        said = _SCALES.get(scale.lower(), scale.lower())
        return f"{_count(value)} {said} {_plural(major, '2')}"
    whole, _, cents = value.partition(".")
    if len(cents) != 2 or not minor:
        return f"{_count(value)} {_plural(major, value)}"
    parts = []
    if int(whole) or not int(cents):
        parts.append(f"{numbers.whole(whole)} {_plural(major, whole)}")
    if int(cents):
        parts.append(f"{numbers.whole(cents)} {_plural(minor, cents.lstrip('0'))}")
    return " and ".join(parts)


def _phone(found: "re.Match[str]") -> str:
    groups = [numbers.one_by_one(group, zero="oh") for group in re.findall(r"\d+", found[0])]
    return ("plus " if found[0].startswith("+") else "") + ", ".join(groups)


def _version(found: "re.Match[str]") -> str:
    parts = found[0].split(".")
    if len(parts) == 4:
        return " dot ".join(numbers.one_by_one(part) for part in parts)
    return " point ".join(numbers.whole(part) for part in parts)


def _fraction(found: "re.Match[str]") -> str:
    over, under = found[1], found[2]
    if (over, under) == ("24", "7"):
        return "twenty-four seven"
    if not int(under) or int(under) > 100:
        return f"{numbers.whole(over)} slash {numbers.whole(under)}"
    one, many = _FRACTIONS.get(under) or (numbers.ordinal(under), numbers.ordinal(under) + "s")
    return f"{numbers.whole(over)} {one if over == '1' else many}"


def _decade(found: "re.Match[str]") -> str:
    said = numbers.year(found[1]) if len(found[1]) == 4 else numbers.whole(found[1])
    return said[:-1] + "ies" if said.endswith("y") else said + "s"


def _unit(found: "re.Match[str]") -> str:
    value, unit = found[1], found[2]
    if len(unit) == 1 and unit not in SHORT_UNITS:
        return found[0]  # 5G, 4K
    return f"{_count(value)} {_plural(_UNITS[unit.lower()], value)}"


def _abbreviation(found: "re.Match[str]") -> str:
    return _ABBREVIATIONS[found[1].lower()]


_UNIT = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
_RULES: tuple[Rule, ...] = (
    (re.compile(r"\b7-(?:11|Eleven)\b", re.IGNORECASE), lambda _: "Seven Eleven"),
    (re.compile(r"\b([CF])#"), lambda f: f"{f[1]} sharp"),
    (re.compile(r"\bv(?=\d+\.\d)", re.IGNORECASE), lambda _: "version "),
    (LONG_DIGITS, lambda f: numbers.one_by_one(f[0])),
    (PHONE, _phone),
    (VERSION, _version),
    *compiled(
        [
            (r"\b(e\.g|i\.e)\.", _abbreviation),
            (r"\b(mr|mrs|ms|dr|prof|vs|etc|approx)\.", _abbreviation),
            (r"\b(no)\.(?= ?\d)", _abbreviation),
            (r"\b(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})\b", _iso_date),
            (r"\b(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})\b", _us_date),
            (rf"\b{_MONTH} (\d{{1,2}})(?:st|nd|rd|th)?(?:,? (\d{{4}}))?\b", _month_day),
            (rf"\b(\d{{1,2}})(?:st|nd|rd|th)? (?:of )?{_MONTH},?(?: (\d{{4}}))?\b", _day_month),
            (r"(?<=\d) ?[-~–] ?(?=\d{1,2}:\d{2})", lambda _: " to "),
            (r"(?<=[\d°%CF]) ?~ ?(?=-?\d)", lambda _: " to "),
            (
                r"(?<=\d) ?/ ?(?=(?:month|year|week|day|night|hour|minute|person)\b)",
                lambda _: " per ",
            ),
            (r"(\d)\^(?=\d)", lambda f: f"{f[1]} to the power of "),
            (r"\b(\d{1,2}):(\d{2})(?::(\d{2}))?(?: ?([ap])\.?m\b\.?)?", _time),
            (r"\b(\d{1,2}) ?([ap])\.?m\b\.?", lambda f: f"{number(f[1])} {f[2].upper()}M"),
            (
                rf"{_SIGN} ?({NUMBER})(?: ?(million|billion|trillion|bn|[kmb])\b)?",
                lambda f: _money(f[1], f[2], f[3]),
            ),
            (
                rf"\b({NUMBER})(?: (million|billion|trillion))? ?{_CODE}\b",
                lambda f: _money(f[3], f[1], f[2]),
            ),
            (rf"\b{_CODE} ?({NUMBER})\b", lambda f: _money(f[1], f[2], None)),
            (r"\b(\d{4}|\d0)s\b(?<=0s)", _decade),
            (r"\b(\d+)(?:st|nd|rd|th)\b", lambda f: numbers.ordinal(f[1])),
        ]
    ),
    (
        re.compile(rf"(?<![\w.-])({NUMBER}) ?[-~–] ?(?=(?:{NUMBER})(?![\d-]))"),
        lambda f: f"{f[1]} to ",
    ),
    *compiled(
        [
            (rf"(?<![\w.])-(?=(?:{NUMBER}))", lambda _: "minus "),
            (rf"({NUMBER}) ?(?:°C|℃)", lambda f: f"{_count(f[1])} degrees Celsius"),
            (rf"({NUMBER}) ?(?:°F|℉)", lambda f: f"{_count(f[1])} degrees Fahrenheit"),
            (rf"({NUMBER}) ?°", lambda f: f"{_count(f[1])} degrees"),
            (rf"({NUMBER}) ?%", lambda f: f"{_count(f[1])} percent"),
            (rf"({NUMBER}) ?‰", lambda f: f"{_count(f[1])} per mille"),
            (
                rf"(?<![\w.])({NUMBER}) ?({_UNIT})(?![\w/²³])",
                _unit,
            ),
            (r"(?<![\w./])(\d{1,3})/(\d{1,3})(?![\w/])", _fraction),
            (r"#(?=\d)", lambda _: "number "),
            (r"(?<=\d) ?[×x*] ?(?=\d)", lambda _: " times "),
            (r"(?<=[A-Za-z])-?(?=\d)", lambda _: " "),
            (r"(?<=\d)(?=[A-Za-z])", lambda _: " "),
            (rf"({NUMBER})", lambda f: number(f[1])),
            (r" ?& ?", lambda _: " and "),
            (r" ?\+ ?(?=\w)", lambda _: " plus "),
            (r"\+", lambda _: " plus"),
            (r" ?= ?", lambda _: " equals "),
            (r" ?÷ ?", lambda _: " divided by "),
            (r" ?± ?", lambda _: " plus or minus "),
            (r" ?× ?", lambda _: " times "),
            (r" ?@ ?", lambda _: " at "),
            (r" ?[%] ?", lambda _: " percent "),
            (r" ?\$ ?", lambda _: " dollar "),
            (r"²", lambda _: " squared"),
            (r"³", lambda _: " cubed"),
            (r" ?[/#~^] ?", lambda _: " "),
        ]
    ),
)
