"""Dates, years and times of day in English words."""

import re

from tts_service.speakable import english_numbers as numbers
from tts_service.speakable.rules import Rule, compiled, is_score

MONTHS = (
    "January February March April May June July August September October November December"
).split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_MONTH = r"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?"
_DAY = r"\((Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*\.?\)"
_YEAR = r"1[0-9]\d\d|20\d\d"
_BEFORE_YEAR = (
    r"in|since|from|until|till|by|year|of|before|after|around|circa|c\.|ca\.|born|died|between|and|to|early"
    r"|late|mid|during|summer|winter|spring|autumn|fall|copyright|©"
)
_UNCOUNTED = (
    r"(?!,\d|[.:]\d| ?[%$°]"
    r"| (?:people|men|women|users|items|copies|dollars|words|times|years|days|miles))"
)


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


def _with_weekday(found: "re.Match[str]") -> str:
    first, second = int(found[1]), int(found[2])
    month, day = (second, first) if first > 12 else (first, second)
    said = _date(None, month, day)
    name = next(day for day in _DAYS if day.startswith(found[3].title()))
    return f"{said}, {name}" if said else found[0]


def _days(found: "re.Match[str]") -> str:
    first = _date(None, int(found[1]), int(found[2]))
    last = _date(None, int(found[3]), int(found[4]))
    return f"{first} to {last}" if first and last else found[0]


def _month_day(found: "re.Match[str]") -> str:
    return _date(found[3], _month_index(found[1]), int(found[2])) or found[0]


def _day_month(found: "re.Match[str]") -> str:
    return _date(found[3], _month_index(found[2]), int(found[1])) or found[0]


def _month_index(name: str) -> int:
    return next(i for i, month in enumerate(MONTHS, 1) if month.startswith(name.title()))


def _time(found: "re.Match[str]") -> str:
    hour, minute, half = int(found[1]), int(found[2]), found[4]
    if hour > 24 or minute > 59:
        return f"{numbers.whole(found[1])} to {numbers.whole(found[2])}"
    if not half and not found[3] and is_score(found):
        return f"{numbers.whole(found[1])} to {numbers.whole(found[2])}"
    said = numbers.whole(str(hour))
    if minute:
        said += (" oh " if minute < 10 else " ") + numbers.whole(str(minute))
    elif not half:
        said += " o'clock" if 1 <= hour <= 12 else " hundred"
    if found[3]:
        unit = "second" if int(found[3]) == 1 else "seconds"
        said += f" and {numbers.whole(found[3])} {unit}"
    return f"{said} {half[0].upper()}M" if half else said


def _decade(found: "re.Match[str]") -> str:
    said = numbers.year(found[1]) if len(found[1]) == 4 else numbers.whole(found[1])
    return said[:-1] + "ies" if said.endswith("y") else said + "s"


def _years(found: "re.Match[str]") -> str:
    first, last = found[1], found[2]
    if int(first) > int(last):
        return found[0]
    return f"{numbers.year(first)} to {numbers.year(last)}"


DATES: tuple[Rule, ...] = compiled(
    [
        (r"\b(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})\b", _iso_date),
        (r"\b(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})\b", _us_date),
        (rf"\b(\d{{1,2}})/(\d{{1,2}}) ?{_DAY}", _with_weekday),
        (r"(?<![\d/])(\d{1,2})/(\d{1,2}) ?[-–~] ?(\d{1,2})/(\d{1,2})(?![\d/])", _days),
        (
            r"\b((?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*\.?,?) (\d{1,2})/(\d{1,2})(?![\d/])",
            lambda f: f"{f[1]} {_date(None, int(f[2]), int(f[3])) or f[0][len(f[1]) + 1 :]}",
        ),
        (
            rf"\b{_MONTH} (\d{{1,2}}) ?[-–~] ?(\d{{1,2}})(?![\d:])",
            lambda f: (
                f"{_date(None, _month_index(f[1]), int(f[2])) or f[0]} to {numbers.ordinal(f[3])}"
            ),
        ),
        (rf"\b{_MONTH} (\d{{1,2}})(?:st|nd|rd|th)?(?![\d:.])(?:,? (\d{{4}}))?\b", _month_day),
        (
            rf"\b(\d{{1,2}})(?:st|nd|rd|th)? (?:of )?{_MONTH}(?![a-z]),?(?: (\d{{4}}))?\b",
            _day_month,
        ),
        (rf"\b({_YEAR}) ?[-–~] ?({_YEAR})\b(?!-)", _years),
        (
            rf"\b({_BEFORE_YEAR}) ({_YEAR})\b{_UNCOUNTED}",
            lambda f: f"{f[1]} {numbers.year(f[2])}",
        ),
        (
            rf"\b{_MONTH} ({_YEAR})\b",
            lambda f: f"{MONTHS[_month_index(f[1]) - 1]} {numbers.year(f[2])}",
        ),
        (rf"\b({_YEAR})(?= ?(?:AD|BC|CE|BCE)\b)", lambda f: numbers.year(f[1])),
        (rf"\(({_YEAR})\)", lambda f: f"({numbers.year(f[1])})"),
        (r"(?<![\w'])'(\d0)s\b", _decade),
        (r"\b(\d{4}|\d0)s\b(?<=0s)", _decade),
    ]
)

TIMES: tuple[Rule, ...] = compiled(
    [
        (
            r"(?<=[ap]m) ?[-~–] ?(?=\d{1,2}(?::\d\d)? ?[ap]\.?m)",
            lambda _: " to ",
        ),
        (r"(?<=\d) ?[-~–] ?(?=\d{1,2}:\d{2})", lambda _: " to "),
        (
            r"(?<![\d:])(\d{1,2})[:：](\d{2})(?:[:：](\d{2}))?(?![\d:])"
            r"(?: ?([ap])\.?m\b\.?| o'clock)?",
            _time,
        ),
        (
            r"(?<![\d:.])(\d{1,3}) ?[:：] ?(\d{1,7})(?!\d|:\d|, ?\d)",
            lambda f: f"{numbers.whole(f[1])} to {numbers.whole(f[2])}",
        ),
        (
            r"\b(\d{1,2})(?: ?[-–~] ?(\d{1,2}))? ?([ap])\.?m\b\.?",
            lambda f: (
                " to ".join(numbers.whole(hour) for hour in f.group(1, 2) if hour)
                + f" {f[3].upper()}M"
            ),
        ),
    ]
)
