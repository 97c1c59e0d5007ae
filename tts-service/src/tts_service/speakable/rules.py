"""What both languages' rules are made of."""

import re
from collections.abc import Callable, Sequence

NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|(?<![A-Za-z0-9.])\.\d+"
"""A number without a sign; group marks are commas, and nothing need stand before the point."""

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
    r"|1-8\d\d-\d{3}-\d{4}"
    r")(?![A-Za-z0-9_-]|\.\d)"
)
"""Telephone numbers of Taiwan and North America, and international ones."""

VERSION = re.compile(r"(?<![\d.])\d+(?:\.\d+){2,}(?![\d.]*\d)")
"""Three or more numbers with points: versions and IP addresses."""

IDENTIFIER = re.compile(
    r"(?<![A-Za-z0-9_.,/-])(?:"
    r"(?!\d{4}-\d{1,2}-\d{1,2}(?!\d))(?!\d{1,2}-\d{1,2}-\d{4}(?!\d))\d+(?:-\d+){2,}"
    r"|\d{3,4}-\d{5,}|\d{5,}-\d{1,}"
    r"|\d{4}(?: \d{4}){2,}(?: \d{1,4})?|\d{4} \d{6} \d{5}"
    r")(?![A-Za-z0-9_-]|\.\d|,\d|/\d)"
)
"""Groups of digits that count nothing: a bank card's, a social security number, an ISBN."""

LETTERED = re.compile(
    r"(?<![A-Za-z0-9-])(?:[A-Z]{1,4}-?\d{5,}|[A-Z]{2,3}-\d{4})(?![A-Za-z0-9]|[.,]\d)"
)
"""Letters and many digits: the number of an identity card, an order, an invoice."""

CODE = re.compile(
    r"(?i)((?:\b(?:code|pin|password|passcode|otp|zip|zip ?code|serial number|account number"
    r"|order number|confirmation number|tracking number|id|extension|ext\.?)"
    r"|密碼|代碼|驗證碼|認證碼|號碼|帳號|帳戶|字號|識別碼|卡號|編號|序號|單號|代號|郵遞區號|統編|統一編號)"
    r"(?: ?(?:is|was|=|:|：|是|為)){0,2} ?)(\d{3,})(?!\d|[.,:/%-]\d|%)"
)
"""A number that a word before it calls a code."""

SCORE = re.compile(
    r"(?i)(?:\b(?:scores?d?|ratio|odds|aspect|won|wins?|lost|lose|beat|beats|lead|leads|leading|led"
    r"|tied|defeated|scale|mix|match|game|finals?|ended|finished|victory|defeat|draw)\b|比例|比分|比數|比率|勝|敗|贏|輸|領先|打成)[^.。!！?？\n]{0,24}\Z"
)
"""Words before two numbers that make them a score or a ratio."""


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


def is_score(found: "re.Match[str]") -> bool:
    """Whether what stands before a match makes its numbers a score or a ratio."""
    return bool(SCORE.search(found.string[max(0, found.start() - 60) : found.start()]))


def scaled(number: str, places: int) -> str:
    """A number with its point moved right: ``("1.5", 3)`` is 1500."""
    whole, _, fraction = bare(number).partition(".")
    moved = (whole + fraction[:places].ljust(places, "0")).lstrip("0") or "0"
    rest = fraction[places:]
    return f"{moved}.{rest}" if rest else moved


def groups(found: "re.Match[str]") -> list[str]:
    """The groups of digits of an identifier or telephone number."""
    return re.findall(r"\d+", found[0])
