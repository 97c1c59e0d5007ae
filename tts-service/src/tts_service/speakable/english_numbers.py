"""Numbers in English words.

num2words is LGPL and drags in an abandoned parser; inflect takes 1.5 s to import: hence own code.
"""

_SMALL = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_GROUPS = ("", "thousand", "million", "billion", "trillion", "quadrillion")
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
MAX_WHOLE_DIGITS = 3 * len(_GROUPS)


def whole(digits: str) -> str:
    """A whole number: ``"1250"`` is one thousand two hundred fifty. Very long ones by digit."""
    digits = digits.lstrip("0")
    if not digits:
        return "zero"
    if len(digits) > MAX_WHOLE_DIGITS:
        return one_by_one(digits)
    parts: list[str] = []
    for name in _GROUPS:
        if not digits:
            break
        group, digits = int(digits[-3:]), digits[:-3]
        if group:
            parts.insert(0, f"{_hundreds(group)} {name}".strip())
    return " ".join(parts)


def decimal(number: str) -> str:
    """A number with a point: ``"3.14"`` is three point one four."""
    integer, _, fraction = number.partition(".")
    if not fraction:
        return whole(integer)
    return f"{whole(integer) if integer else ''} point {one_by_one(fraction)}".strip()


def ordinal(digits: str) -> str:
    """``"21"`` is twenty-first."""
    said = whole(digits)
    cut = max(said.rfind(" "), said.rfind("-")) + 1
    last = said[cut:]
    if last in _ORDINALS:
        return said[:cut] + _ORDINALS[last]
    return said[:cut] + (last[:-1] + "ieth" if last.endswith("y") else last + "th")


def year(digits: str) -> str:
    """A year of four digits: ``"1905"`` is nineteen oh five, ``"2026"`` twenty twenty-six."""
    value = int(digits)
    century, rest = divmod(value, 100)
    if value < 1000 or (century % 10 == 0 and rest < 10):
        return whole(digits)
    if rest == 0:
        return f"{_hundreds(century)} hundred"
    return f"{_hundreds(century)} {'oh ' if rest < 10 else ''}{_hundreds(rest)}"


def one_by_one(digits: str, *, zero: str = "zero") -> str:
    """Each digit by itself; `zero` may be oh."""
    return " ".join(zero if digit == "0" else _SMALL[int(digit)] for digit in digits)


def _hundreds(value: int) -> str:
    hundreds, rest = divmod(value, 100)
    parts = [f"{_SMALL[hundreds]} hundred"] if hundreds else []
    if rest or not parts:
        parts.append(_tens(rest))
    return " ".join(parts)


def _tens(value: int) -> str:
    if value < len(_SMALL):
        return _SMALL[value]
    tens, ones = divmod(value, 10)
    return _TENS[tens - 2] + (f"-{_SMALL[ones]}" if ones else "")
