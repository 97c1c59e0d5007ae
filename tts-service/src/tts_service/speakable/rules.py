"""What both languages' rules are made of."""

import re
from collections.abc import Callable, Sequence

NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
"""A number without a sign; group marks are commas."""

_CODE_DIGITS = 8

SHORT_UNITS = "mgslLhWV"
"""Units of one letter mean something else in the other case: 5G is no weight."""

LONG_DIGITS = re.compile(r"\d{20,}")
"""Read one by one, and first: patterns that begin with a number would try each of its digits."""

Rule = tuple[re.Pattern[str], Callable[["re.Match[str]"], str]]

PHONE = re.compile(
    r"(?<![A-Za-z0-9_.:,])(?:"
    r"\+\d{1,3}[ -]?\(?\d{1,4}\)?(?:[ -]?\d{2,4}){2,4}"  # +886 2 2345-6789
    r"|\(0\d{1,3}\)[ -]?\d{3,4}[ -]?\d{3,4}"  # (02) 2345-6789
    r"|09\d{2}[ -]?\d{3}[ -]?\d{3}"  # 0912-345-678
    r"|0\d{1,3}[ -]\d{3,4}[ -]?\d{4}"  # 02-2345-6789
    r"|0800[ -]?\d{3}[ -]?\d{3}"
    r"|\(?[2-9]\d{2}\)?[ -]\d{3}-\d{4}"  # 415-555-2671
    r")(?![A-Za-z0-9_-]|\.\d)"
)
"""Telephone numbers of Taiwan and North America, and international ones."""

VERSION = re.compile(r"(?<![\d.])\d+(?:\.\d+){2,}(?![\d.]*\d)")
"""Three or more numbers with points: versions and IP addresses."""


def compiled(rules: Sequence[tuple[str, Callable[["re.Match[str]"], str]]]) -> tuple[Rule, ...]:
    """Rules with their patterns compiled, case ignored."""
    return tuple((re.compile(pattern, re.IGNORECASE), say) for pattern, say in rules)


def applied(rules: Sequence[Rule], text: str) -> str:
    """`text` after each rule in turn."""
    for pattern, say in rules:
        text = pattern.sub(say, text)
    return text


def bare(number: str) -> str:
    """A number without its group marks."""
    return number.replace(",", "")


def is_code(number: str) -> bool:
    """Whether a number is an order's or a ticket's, which is read digit by digit."""
    return number.isdigit() and len(number) >= _CODE_DIGITS and not number.endswith("0000")
