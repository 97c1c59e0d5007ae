"""Numbers as people say them, in English words and in Chinese numerals, both ways."""

import re
from fractions import Fraction

_UNITS = (
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
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SMALL = {word: value for value, word in enumerate(_UNITS)} | {
    word: 20 + 10 * index for index, word in enumerate(_TENS)
}
_SMALL |= {"oh": 0, "fourty": 40}
_LARGE = {"thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}

_HAN_DIGITS = {c: v for v, c in enumerate("零一二三四五六七八九")}
_HAN_DIGITS |= {"〇": 0, "兩": 2, "两": 2, "壹": 1, "貳": 2, "參": 3, "肆": 4, "伍": 5}
_HAN_DIGITS |= {"陸": 6, "柒": 7, "捌": 8, "玖": 9}
_HAN_SMALL_UNITS = {"十": 10, "百": 100, "千": 1_000, "拾": 10, "佰": 100, "仟": 1_000}
_HAN_LARGE_UNITS = {"萬": 10_000, "万": 10_000, "億": 100_000_000, "亿": 100_000_000}

HAN_NUMBER_CHARACTERS = "".join([*_HAN_DIGITS, *_HAN_SMALL_UNITS, *_HAN_LARGE_UNITS])
_HAN_NUMBER = re.compile(rf"[{HAN_NUMBER_CHARACTERS}]+(?:[點点][{''.join(_HAN_DIGITS)}]+)?")
_MAX_CHARACTERS = 30
_ARABIC = re.compile(rf"[0-9]{{1,{_MAX_CHARACTERS}}}(?:\.[0-9]{{1,{_MAX_CHARACTERS}}})?")


def english_number(words: list[str], start: int) -> tuple[Fraction, int] | None:
    """Reads number words from `words[start:]`; the value and the index after it, or None.

    Takes "twenty three", "one hundred and five", "a hundred", "three point one four".
    """
    total, current, index, seen = 0, 0, start, False
    while index < len(words):
        step = _english_step(words, index, total, current, seen)
        if step is None:
            break
        total, current, index = step
        seen = True
    if not seen:
        return None
    value = Fraction(total + current)
    if index + 1 < len(words) and words[index] == "point" and words[index + 1] in _SMALL:
        return _english_decimals(words, index + 1, value)
    return value, index


def _english_step(
    words: list[str], index: int, total: int, current: int, seen: bool
) -> tuple[int, int, int] | None:
    word = words[index]
    following = words[index + 1] if index + 1 < len(words) else ""
    if word == "a" and not seen and (following == "hundred" or following in _LARGE):
        return total, 1, index + 1
    if word == "and" and seen and following in _SMALL and (current or total) and current % 100 == 0:
        return total, current + _SMALL[following], index + 2
    if word in _SMALL:
        value = _SMALL[word]
        fits = current % 100 == 0 or (current % 10 == 0 and current % 100 >= 20 and 0 < value < 10)
        fits = fits and not (seen and current == 0 and total == 0)
        return (total, current + value, index + 1) if fits else None
    if word == "hundred" and 0 < current < 100:
        return total, current * 100, index + 1
    if word in _LARGE and current > 0:
        return total + current * _LARGE[word], 0, index + 1
    return None


def _english_decimals(words: list[str], start: int, whole: Fraction) -> tuple[Fraction, int]:
    digits, index = "", start
    while index < len(words) and words[index] in _SMALL and _SMALL[words[index]] < 10:
        digits += str(_SMALL[words[index]])
        index += 1
    if not digits:
        return whole, start - 1
    return whole + Fraction(int(digits), 10 ** len(digits)), index


def number_at(text: str, start: int) -> tuple[Fraction, int] | None:
    """Reads an Arabic or Chinese number at `text[start]`; the value and the index after it."""
    arabic = _ARABIC.match(text, start)
    if arabic:
        return _with_han_unit(text, Fraction(arabic.group()), arabic.end())
    han = _HAN_NUMBER.match(text, start)
    if han and len(han.group()) <= _MAX_CHARACTERS:
        value = chinese_number(han.group())
        return None if value is None else (value, han.end())
    return None


def _with_han_unit(text: str, value: Fraction, index: int) -> tuple[Fraction, int]:
    while index < len(text) and (text[index] in _HAN_LARGE_UNITS or text[index] in "百千佰仟"):
        value *= _HAN_LARGE_UNITS.get(text[index]) or _HAN_SMALL_UNITS[text[index]]
        index += 1
    return value, index


def chinese_number(numeral: str) -> Fraction | None:
    """Value of a Chinese numeral: 兩百五十, 一萬零三, 二〇二六, 三點一四, and the short 兩百五."""
    whole, _, decimals = numeral.replace("点", "點").partition("點")
    value = _chinese_whole(whole) if whole else 0
    if value is None:
        return None
    if not decimals:
        return Fraction(value)
    if any(c not in _HAN_DIGITS for c in decimals):
        return None
    digits = "".join(str(_HAN_DIGITS[c]) for c in decimals)
    return value + Fraction(int(digits), 10 ** len(digits))


def _chinese_whole(numeral: str) -> int | None:
    if all(c in _HAN_DIGITS for c in numeral):
        return int("".join(str(_HAN_DIGITS[c]) for c in numeral))
    total, section, digit, unit = 0, 0, None, 1
    for character in numeral:
        if character in _HAN_DIGITS:
            if digit not in (None, 0):
                return None
            digit = _HAN_DIGITS[character]
            unit = 1 if digit == 0 else unit
        elif character in _HAN_SMALL_UNITS:
            unit = _HAN_SMALL_UNITS[character]
            section += (1 if digit in (None, 0) else digit) * unit
            digit = None
        else:
            unit = _HAN_LARGE_UNITS[character]
            total = (
                (total + section + (digit or 0)) * unit
                if unit > 10_000
                else (total + (section + (digit or 0)) * unit)
            )
            section, digit = 0, None
    # 兩百五 is 250 and 三萬二 is 32,000: a last bare digit stands one place below the unit.
    last = (digit or 0) * (unit // 10 if unit >= 100 else 1)
    return total + section + last


def to_english(value: int) -> str:
    """Words for 0 <= value <= 999."""
    if value < 20:
        return _UNITS[value]
    if value < 100:
        tens, unit = divmod(value, 10)
        return _TENS[tens - 2] + (f"-{_UNITS[unit]}" if unit else "")
    hundreds, rest = divmod(value, 100)
    return f"{_UNITS[hundreds]} hundred" + (f" and {to_english(rest)}" if rest else "")


def to_chinese(value: int) -> str:
    """Chinese numeral for 0 <= value <= 999."""
    digits = "零一二三四五六七八九"
    if value < 10:
        return digits[value]
    if value < 100:
        tens, unit = divmod(value, 10)
        return ("" if tens == 1 else digits[tens]) + "十" + (digits[unit] if unit else "")
    hundreds, rest = divmod(value, 100)
    if rest == 0:
        return f"{digits[hundreds]}百"
    if rest < 10:
        return f"{digits[hundreds]}百零{digits[rest]}"
    tens, unit = divmod(rest, 10)
    return f"{digits[hundreds]}百{digits[tens]}十" + (digits[unit] if unit else "")
