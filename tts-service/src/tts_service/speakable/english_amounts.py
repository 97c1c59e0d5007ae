"""Money, measures, fractions and the number by itself in English words."""

import re

from tts_service.speakable import english_numbers as numbers
from tts_service.speakable.rules import (
    NUMBER,
    SHORT_UNITS,
    Rule,
    applied,
    bare,
    compiled,
    groups,
    is_code,
)
from tts_service.speakable.tables import CURRENCY_CODE, CURRENCY_SIGN, UNIT, alternation, units

_SCALES = {
    "k": "thousand",
    "thousand": "thousand",
    "m": "million",
    "mn": "million",
    "million": "million",
    "b": "billion",
    "bn": "billion",
    "billion": "billion",
    "t": "trillion",
    "trillion": "trillion",
}
_SCALE = r"(thousand|million|billion|trillion|bn|mn|[kmbt](?![A-Za-z]))"
_TO = r" ?[-–~] ?"
_FRACTIONS = {"2": ("half", "halves"), "4": ("quarter", "quarters")}
_CURRENCY_NAMES = (
    r"(?:[A-Z][a-z]+ )?(?:dollars?|euros?|pounds?|yen|yuan|won|rupees?|USD|TWD|NTD|EUR|GBP|JPY)\b"
)
_SHOWN = (
    r"(?:tvs?|television|video|videos|resolution|monitor|monitors|display|displays|screen|screens|footage|camera"
    r"|content|streaming|uhd|run|race|race|runners?)\b"
)


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


def count(value: str) -> str:
    """A number of something."""
    return numbers.decimal(bare(value))


def plural(name: str, value: str) -> str:
    """The name of a unit after `value` of it."""
    if bare(value) == "1":
        return name
    head, per, tail = name.partition(" per ")
    irregular = units().irregular
    if head in irregular:
        return irregular[head] + per + tail
    cut = head.rfind(" ") + 1
    return head[:cut] + irregular.get(head[cut:], head[cut:] + "s") + per + tail


def _money(sign: str, value: str, scale: str | None) -> str:
    currency = units().currencies[sign.upper()]
    value = bare(value)
    if scale:
        return f"{count(value)} {_SCALES[scale.lower()]} {plural(currency.en, '2')}"
    whole, _, cents = value.partition(".")
    if len(cents) != 2 or not currency.cent:
        return f"{count(value)} {plural(currency.en, value)}"
    parts = []
    if int(whole or 0) or not int(cents):
        parts.append(f"{numbers.whole(whole)} {plural(currency.en, whole)}")
    if int(cents):
        parts.append(f"{numbers.whole(cents)} {plural(currency.cent, cents.lstrip('0'))}")
    return " and ".join(parts)


def _money_range(found: "re.Match[str]") -> str:
    sign, low, low_scale, high, scale = found[1], found[2], found[3], found[4], found[5]
    low_said = count(low)
    if low_scale and low_scale.lower() != (scale or "").lower():
        low_said += f" {_SCALES[low_scale.lower()]}"
    return f"{low_said} to {_money(sign, high, scale)}"


def _fraction(found: "re.Match[str]") -> str:
    whole, over, under = found[1], found[2], found[3]
    if not int(under) or int(under) > 100:
        return (
            f"{numbers.whole(over)} {'over' if int(over) > 20 else 'slash'} {numbers.whole(under)}"
        )
    if not whole and int(over) + int(under) == 100:
        return _share(over, under)
    if not whole and int(over) > int(under) >= 20:
        return f"{numbers.whole(over)} over {numbers.whole(under)}"
    one, many = _FRACTIONS.get(under) or (numbers.ordinal(under), numbers.ordinal(under) + "s")
    said = f"{numbers.whole(over)} {one if over == '1' else many}"
    if not whole:
        return said
    return f"{numbers.whole(whole)} and {'a half' if said == 'one half' else said}"


def _share(one: str, other: str) -> str:
    joint = "-" if one == other else " "
    return f"{numbers.whole(one)}{joint}{numbers.whole(other)}"


def _unit(found: "re.Match[str]") -> str:
    value, unit = found[1], found[2]
    if len(unit) == 1 and unit.isascii() and unit not in SHORT_UNITS:
        return found[0]  # 5G, 4K
    return f"{count(value)} {plural(_unit_name(unit), value)}"


def _unit_each(found: "re.Match[str]") -> str:
    value = found[1]
    return f"{count(value)} {plural(_unit_name(found[2]), value)} per {_unit_name(found[3])}"


def _unit_name(unit: str) -> str:
    return units().units[unit.lower()].en


def _magnitude(found: "re.Match[str]") -> str:
    value, letter, after = found[1], found[2], found[3] or ""
    shown = re.match(_SHOWN, after.strip(), re.IGNORECASE)
    alone = letter == "K" and not re.match(r" [A-Za-z]", after) and value in ("2", "4", "5", "8")
    if letter in "kK" and value in ("1", "2", "4", "5", "8", "10", "16") and (shown or alone):
        return found[0]
    return f"{count(value)} {_SCALES[letter.lower()]}{after}"


def _height(found: "re.Match[str]") -> str:
    return f"{numbers.whole(found[1])} foot {numbers.whole(found[2])}"


def _angle(found: "re.Match[str]") -> str:
    said = f"{count(found[1])} degrees {count(found[2])} {plural('minute', found[2])}"
    return f"{said} {count(found[3])} {plural('second', found[3])}" if found[3] else said


def _inches(found: "re.Match[str]") -> str:
    if found.string.count('"') != 1:
        return found[0]
    of_something = re.match(r" [a-z]", found.string[found.end() :])
    return f"{count(found[1])} {'inch' if of_something else plural('inch', found[1])}"


def identifier(found: "re.Match[str]") -> str:
    """Each group's digits; short groups without zeros in front are numbers."""
    parts = groups(found)
    if all(len(part) <= 2 and not part.startswith("0") for part in parts):
        return ", ".join(numbers.whole(part) for part in parts)
    return ", ".join(numbers.one_by_one(part) for part in parts)


MONEY: tuple[Rule, ...] = compiled(
    [
        (
            rf"({CURRENCY_SIGN}) ?({NUMBER}){_SCALE}?{_TO}(?:{CURRENCY_SIGN})? ?({NUMBER})(?![\d-])"
            rf"(?: ?{_SCALE}\b)?(?: ?{_CURRENCY_NAMES})?",
            _money_range,
        ),
        (
            rf"({CURRENCY_SIGN}) ?({NUMBER})(?: ?{_SCALE}\b)?(?: ?{_CURRENCY_NAMES})?",
            lambda f: _money(f[1], f[2], f[3]),
        ),
        (
            rf"\b({NUMBER})(?: ?{_SCALE})? ?({CURRENCY_CODE})\b",
            lambda f: _money(f[3], f[1], f[2]),
        ),
        (
            rf"(?<![\w.])({NUMBER})(?: ?{_SCALE})? ?([€£¥₩₹₫₱₽])",
            lambda f: _money(f[3], f[1], f[2]),
        ),
        (rf"({NUMBER}) ?¢", lambda f: f"{count(f[1])} {plural('cent', f[1])}"),
        (
            rf"\b({CURRENCY_CODE}) ?({NUMBER})(?: ?{_SCALE}\b)?",
            lambda f: _money(f[1], f[2], f[3]),
        ),
        (rf"({CURRENCY_SIGN})", lambda f: f" {units().currencies[f[1].upper()].en} "),
    ]
)
_PER = r"month|year|week|day|night|hour|minute|second|person|user|kilo|unit|piece"
_COUNTED = alternation(
    {plural(currency.en.rpartition(" ")[2], "2") for currency in units().currencies.values()}
    | {plural(unit.en.partition(" ")[0], "2") for unit in units().units.values()}
    | {"cents", "pence", "thousand", "million", "billion"}
)
MEASURES: tuple[Rule, ...] = (
    (re.compile(rf"(?<![\w.-])({NUMBER}) ?([kKMB]|bn)\b(?![/'-])( [A-Za-z]+)?"), _magnitude),
    *compiled(
        [
            (r"(\d+)° ?(\d{1,2})' ?(?:(\d{1,2}(?:\.\d+)?)\")?", _angle),
            (r"(?<![\w.'])(\d{1,2})' ?(\d{1,2}(?:\.\d+)?)(?:\"|'')?(?![\w'])", _height),
            (rf"(?<![\w.])({NUMBER})\"(?!\w)", _inches),
            (rf"({NUMBER}) ?(?:°C\b|℃)(?: ?Celsius)?", lambda f: f"{count(f[1])} degrees Celsius"),
            (
                rf"({NUMBER}) ?(?:°F\b)(?: ?Fahrenheit)?",
                lambda f: f"{count(f[1])} degrees Fahrenheit",
            ),
            (rf"({NUMBER}) ?°(?: ?degrees?)?", lambda f: f"{count(f[1])} {plural('degree', f[1])}"),
            (r"°C\b", lambda _: " degrees Celsius"),
            (r"°F\b", lambda _: " degrees Fahrenheit"),
            (rf"({NUMBER}) ?%(?: ?percent\b)?", lambda f: f"{count(f[1])} percent"),
            (rf"({NUMBER}) ?‰", lambda f: f"{count(f[1])} per mille"),
            (
                r"(?<![\w.])(\d+) ?h(?:rs?)? ?(\d{1,2}) ?m(?:ins?)?(?![\w/])",
                lambda f: (
                    f"{count(f[1])} {plural('hour', f[1])} {count(f[2])} {plural('minute', f[2])}"
                ),
            ),
            (rf"(?<![\w.])({NUMBER}) ?({UNIT})/({UNIT})(?![\w²³])", _unit_each),
            (rf"(?<![\w.])({NUMBER}) ?({UNIT})(?![\w²³]|/[A-Za-z])", _unit),
            (
                rf"(?<![\w./])({NUMBER})/(\d+)(?= stars?\b| points?\b)"
                r"|(?<![\w./])(\d+\.\d+)/(\d+)(?![\w/])",
                lambda f: f"{count(f[1] or f[3])} out of {count(f[2] or f[4])}",
            ),
            (
                rf"\b({_COUNTED})( [a-z]+)? ?/ ?({UNIT}|{_PER})(?![\w²³])",
                lambda f: f"{f[1]}{f[2] or ''} per {_per(f[3])}",
            ),
            (r"(?<=\d) ?/ ?(?=(?:" + _PER + r")\b)", lambda _: " per "),
            (r"(?<![\w./])(?:(\d{1,4}) )?(\d{1,3})/(\d{1,4})(?![\w/])", _fraction),
        ]
    ),
)
"""Counts with what they count."""


def _per(unit: str) -> str:
    return unit if re.fullmatch(_PER, unit, re.IGNORECASE) else _unit_name(unit)


def with_units(text: str) -> str:
    """`text` with its money and measures in words."""
    return applied(MEASURES, applied(MONEY, text))
