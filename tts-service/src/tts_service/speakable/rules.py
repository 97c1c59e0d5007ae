"""What both languages' rules are made of."""

import re
from collections.abc import Callable, Sequence

NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
"""A number without a sign; group marks are commas."""

Rule = tuple[re.Pattern[str], Callable[["re.Match[str]"], str]]

PHONE = re.compile(
    r"(?<![\w.])(?:"
    r"\+\d{1,3}[ -]?\(?\d{1,4}\)?(?:[ -]?\d{2,4}){2,4}"  # +886 2 2345-6789
    r"|\(0\d{1,3}\)[ -]?\d{3,4}[ -]?\d{3,4}"  # (02) 2345-6789
    r"|09\d{2}[ -]?\d{3}[ -]?\d{3}"  # 0912-345-678
    r"|0\d{1,3}[ -]\d{3,4}[ -]?\d{3,4}"  # 02-2345-6789
    r"|0800[ -]?\d{3}[ -]?\d{3}"
    r"|\(?[2-9]\d{2}\)?[ -]\d{3}-\d{4}"  # 415-555-2671
    r")(?![\w-]|\.\d)"
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


def phone_groups(number: str) -> list[str]:
    """The digits of a telephone number as they are grouped when said."""
    return re.findall(r"\d+", number)
