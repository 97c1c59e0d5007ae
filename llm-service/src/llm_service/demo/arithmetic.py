"""Arithmetic as people ask for it, in both languages, worked out exactly and without `eval`.

expression = term { ("+" | "-") term }
term       = power { ("*" | "/" | "of") power }
power      = factor [ "^" power ]
factor     = "-" factor | "root" factor | number [ "%" ] | "(" expression ")"
"""

import math
import re
from dataclasses import dataclass
from fractions import Fraction

from llm_service.demo.language import Language
from llm_service.demo.numerals import english_number, number_at

MAX_PARTS = 64
MAX_BITS = 100

_ENGLISH_LEAD = re.compile(
    r"^(?:(?:please|can you|could you|tell me|so|and|ok|okay|now)\s+)*"
    r"(?:what's|what is|what are|whats|how much is|how much are|how many is|calculate|compute|"
    r"work out|solve|do)?\s+"
)
_ENGLISH_TAIL = re.compile(
    r"\s+(?:equals?(?: to)?(?: what)?|is what|is|makes?|please|=)+\s*$|=\s*$"
)
_CHINESE_LEAD = re.compile(
    r"^(?:請問|请问|請|请|幫我|帮我|那麼|那|計算|计算|算一下|算算看|算算|算)+"
)
_CHINESE_TAIL = re.compile(
    r"(?:\s*(?:等於|等于|是|=|得)?\s*(?:多少|幾|几|什麼|什么)?\s*(?:呢|呀|啊|嗎|吗)?)$"
)

_ENGLISH_OPERATORS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("to", "the", "power", "of"), "^"),
    (("square", "root", "of"), "root"),
    (("the", "square", "root", "of"), "root"),
    (("multiplied", "by"), "*"),
    (("divided", "by"), "/"),
    (("divide", "by"), "/"),
    (("per", "cent"), "%"),
    (("added", "to"), "+"),
    (("plus",), "+"),
    (("add",), "+"),
    (("minus",), "-"),
    (("less",), "-"),
    (("negative",), "-"),
    (("times",), "*"),
    (("x",), "*"),
    (("over",), "/"),
    (("percent",), "%"),
    (("of",), "of"),
    (("squared",), "^2"),
    (("cubed",), "^3"),
)
_CHINESE_OPERATORS: tuple[tuple[str, str], ...] = (
    ("加上", "+"),
    ("減去", "-"),
    ("减去", "-"),
    ("乘以", "*"),
    ("乘上", "*"),
    ("除以", "/"),
    ("再加", "+"),
    ("再減", "-"),
    ("再乘", "*"),
    ("根號", "root"),
    ("根号", "root"),
    ("的平方根", "rootof"),
    ("的平方", "^2"),
    ("的立方", "^3"),
    ("次方", "power"),
    ("加", "+"),
    ("減", "-"),
    ("减", "-"),
    ("乘", "*"),
    ("除", "/"),
    ("負", "-"),
    ("负", "-"),
)
_SYMBOLS = {
    "+": "+",
    "-": "-",
    "*": "*",
    "×": "*",
    "÷": "/",
    "/": "/",
    "^": "^",
    "(": "(",
    ")": ")",
}

# What a recogniser writes for numbers and operators when it has no reason to expect a sum.
_HOMOPHONES = {"to": "two", "too": "two", "for": "four", "won": "one", "ate": "eight"}

Part = Fraction | str


@dataclass(frozen=True)
class Answer:
    """A calculation read and worked out; `error` is set instead of `value` when it has none."""

    parts: tuple[Part, ...]
    value: Fraction | None
    exact: bool
    error: str | None = None


class _NotArithmeticError(Exception):
    pass


class _NoValueError(Exception):
    pass


def solve(plain_text: str, language: Language) -> Answer | None:
    """Reads the whole of a plain text as a calculation; None when it is anything else."""
    body = _strip(plain_text, language)
    parts = _parts_or_none(body)
    if parts is None and language == "en":
        parts = _parts_or_none(" ".join(_HOMOPHONES.get(word, word) for word in body.split()))
    if parts is None:
        return None
    if len(parts) < 2 or not any(isinstance(p, str) and p not in "()" for p in parts):
        return None
    parser = _Parser(parts)
    try:
        value = parser.whole()
    except _NotArithmeticError:
        return None
    except _NoValueError as reason:
        return Answer(tuple(parts), None, exact=True, error=str(reason))
    return Answer(tuple(parts), value, parser.exact)


def _parts_or_none(body: str) -> list[Part] | None:
    try:
        return _parts(body)
    except _NotArithmeticError:
        return None


def _strip(text: str, language: Language) -> str:
    if language == "zh":
        text = _CHINESE_LEAD.sub("", text)
        return _CHINESE_TAIL.sub("", text, count=1).strip()
    text = _ENGLISH_LEAD.sub("", text + " ", count=1)
    return _ENGLISH_TAIL.sub("", text).strip()


def _parts(body: str) -> list[Part]:
    """Splits into numbers and operators; _NotArithmeticError at the first thing that is neither."""
    parts: list[Part] = []
    index = 0
    while index < len(body):
        if body[index].isspace():
            index += 1
            continue
        part, index = _part_at(body, index)
        _push(parts, part)
        if len(parts) > MAX_PARTS:
            raise _NotArithmeticError
    return parts


def _push(parts: list[Part], part: Part) -> None:
    if isinstance(part, str) and part in ("^2", "^3"):
        parts.extend(["^", Fraction(int(part[1]))])
    elif part == "power":
        # 二的三次方 arrives as 2 of 3 power: the "of" becomes the operator.
        if len(parts) < 3 or parts[-2] != "of":
            raise _NotArithmeticError
        parts[-2] = "^"
    elif part == "rootof":
        parts.insert(len(parts) - 1, "root")
    else:
        parts.append(part)


def _part_at(body: str, index: int) -> tuple[Part, int]:
    if body.startswith("百分之", index):
        part = number_at(body, index + 3)
        if part is None:
            raise _NotArithmeticError
        return part[0] / 100, part[1]
    number = number_at(body, index)
    if number is not None:
        value, end = number
        return (value / 100, end + 1) if body[end : end + 1] == "%" else (value, end)
    if body[index] in _SYMBOLS:
        if body.startswith("**", index):
            return "^", index + 2
        return _SYMBOLS[body[index]], index + 1
    for words, operator in _CHINESE_OPERATORS:
        if body.startswith(words, index):
            return operator, index + len(words)
    if body[index] == "的":
        return "of", index + 1
    return _english_part(body, index)


def _english_part(body: str, index: int) -> tuple[Part, int]:
    if not body[index].isascii() or not body[index].isalpha():
        raise _NotArithmeticError
    words = body[index:].replace("-", " ").split()
    for spelling, operator in _ENGLISH_OPERATORS:
        if tuple(words[: len(spelling)]) == spelling:
            return operator, _after(body, index, len(spelling))
    number = english_number(words, 0)
    if number is None:
        raise _NotArithmeticError
    return number[0], _after(body, index, number[1])


def _after(body: str, index: int, words: int) -> int:
    for _ in range(words):
        match = re.compile(r"[\s-]*[^\s-]+").match(body, index)
        if match is None:
            raise _NotArithmeticError
        index = match.end()
    return index


class _Parser:
    """Recursive descent over at most MAX_PARTS parts, so its depth is bounded too."""

    def __init__(self, parts: list[Part]) -> None:
        self._parts = parts
        self._index = 0
        self.exact = True

    def whole(self) -> Fraction:
        value = self._expression()
        if self._index != len(self._parts):
            raise _NotArithmeticError
        return value

    def _peek(self) -> Part | None:
        return self._parts[self._index] if self._index < len(self._parts) else None

    def _take(self) -> Part:
        part = self._peek()
        if part is None:
            raise _NotArithmeticError
        self._index += 1
        return part

    def _expression(self) -> Fraction:
        value = self._term()
        while self._peek() in ("+", "-"):
            value = value + self._term() if self._take() == "+" else value - self._term()
        return _bounded(value)

    def _term(self) -> Fraction:
        value = self._power()
        while self._peek() in ("*", "/", "of"):
            operator, right = self._take(), self._power()
            if operator == "/" and right == 0:
                raise _NoValueError("zero")
            value = value / right if operator == "/" else value * right
        return _bounded(value)

    def _power(self) -> Fraction:
        base = self._factor()
        if self._peek() != "^":
            return base
        self._take()
        return self._raised(base, self._power())

    def _raised(self, base: Fraction, exponent: Fraction) -> Fraction:
        if exponent.denominator != 1 or abs(exponent) > 200 or abs(base) > 10**9:
            raise _NoValueError("large")
        if base == 0 and exponent < 0:
            raise _NoValueError("zero")
        return _bounded(base ** int(exponent))

    def _factor(self) -> Fraction:
        part = self._take()
        if isinstance(part, Fraction):
            if self._peek() == "%":
                self._take()
                return part / 100
            return part
        if part == "-":
            return -self._factor()
        if part == "root":
            return self._root(self._factor())
        if part != "(":
            raise _NotArithmeticError
        value = self._expression()
        if self._take() != ")":
            raise _NotArithmeticError
        return value

    def _root(self, value: Fraction) -> Fraction:
        if value < 0:
            raise _NoValueError("root")
        top, bottom = math.isqrt(value.numerator), math.isqrt(value.denominator)
        if top * top == value.numerator and bottom * bottom == value.denominator:
            return Fraction(top, bottom)
        self.exact = False
        return Fraction(math.sqrt(value)).limit_denominator(10**9)


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise _NoValueError("large")
    return value


_WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "+": "plus",
        "-": "minus",
        "*": "times",
        "/": "divided by",
        "^": "to the power of",
        "of": "of",
        "root": "the square root of",
    },
    "zh": {"+": "加", "-": "減", "*": "乘以", "/": "除以", "of": "乘以", "root": "根號"},
}
_ERRORS: dict[Language, dict[str, str]] = {
    "en": {
        "zero": "Nothing can be divided by zero.",
        "large": "That number is larger than I can work with.",
        "root": "A negative number has no real square root.",
    },
    "zh": {
        "zero": "不能除以零。",
        "large": "這個數字太大，我算不了。",
        "root": "負數沒有實數的平方根。",
    },
}


def say(answer: Answer, language: Language) -> str:
    """One sentence with the calculation as it was understood and its result."""
    if answer.error is not None or answer.value is None:
        return _ERRORS[language][answer.error or "large"]
    result, exact = _decimal(abs(answer.value))
    if answer.value < 0:
        result = f"負 {result}" if language == "zh" else f"minus {result}"
    about = not (exact and answer.exact)
    said = _said(answer.parts, language)
    if language == "zh":
        return f"{said}{'大約' if about else ''}等於 {result}。".replace("  ", " ")
    said = said[0].upper() + said[1:]
    return f"{said} is {'about ' if about else ''}{result}."


def _said(parts: tuple[Part, ...], language: Language) -> str:
    words: list[str] = []
    for index, part in enumerate(parts):
        if isinstance(part, Fraction):
            words.append(_number_said(part, parts, index))
        elif language == "zh" and part == "^":
            words.append("的")
        elif part == "-" and (index == 0 or isinstance(parts[index - 1], str)):
            words.append("負" if language == "zh" else "minus")
        else:
            words.append(_WORDS[language].get(part, part))
        if language == "zh" and index > 0 and parts[index - 1] == "^":
            words[-1] += " 次方"
    text = " ".join(words).replace("( ", "(").replace(" )", ")").replace(" %", "%")
    return text + (" " if language == "zh" else "")


def _number_said(value: Fraction, parts: tuple[Part, ...], index: int) -> str:
    beside = {parts[i] for i in (index - 1, index + 1) if 0 <= i < len(parts)}
    if "of" in beside and value < 1 and (value * 100).denominator == 1:
        return f"{int(value * 100)}%"
    return _decimal(value)[0]


def _decimal(value: Fraction) -> tuple[str, bool]:
    """At most six decimals, without trailing zeros; and whether that is the whole number."""
    if value.denominator == 1:
        return str(value.numerator), True
    scaled = round(value * 10**6)
    sign = "-" if scaled < 0 else ""
    whole, rest = divmod(abs(scaled), 10**6)
    text = f"{sign}{whole}.{rest:06d}".rstrip("0").rstrip(".")
    return text, Fraction(scaled, 10**6) == value
