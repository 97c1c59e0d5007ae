"""Single constructs of Markdown, HTML and TeX: where one ends, and what it says.

markdown-it-py parses links, images, entities and the cells of tables, so that nested brackets,
titles, escapes and code inside them are read as CommonMark says.
"""

from __future__ import annotations

import re
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.common.utils import normalizeReference
from markdown_it.token import Token

LONGEST_LINK = 600
LONGEST_MATH = 2_000
_LONGEST_DOLLARS = 300

_TAGS = frozenset(
    """
    a abbr b big blockquote body br center code dd del details div dl dt em font h1 h2 h3 h4 h5
    h6 hr
    html i img ins kbd li mark ol p pre q s small span strike strong sub summary sup table tbody td
    th thead tr tt u ul var
    """.split()
)
_BREAKS = frozenset(
    "br p div li tr hr h1 h2 h3 h4 h5 h6 ul ol table blockquote dt dd details summary".split()
)
_TAG = re.compile(r"</?([A-Za-z][A-Za-z0-9]*)(?:\s[^<>]*)?/?>\Z")
_RAISED = re.compile(r"(?i)<sup>\s*([^<>]{1,20}?)\s*</sup>\Z")
_AUTOLINK = re.compile(
    r"<([A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*|[^\s<>@]+@[^\s<>@]+\.[^\s<>@]+)>\Z"
)
_POWERS = str.maketrans("0123456789+-n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ")
_MARKED = re.compile(r"[\\^_={}<>]")
_ALGEBRA = re.compile(r"(?!\d+\Z)(?:\d*[A-Za-zα-ω](?![A-Za-z])|\d+(?!\d)|[-+*/()'|., ]|−)+\Z")
_PRICED = re.compile(r"\$\d[\d,.]*( ?)(.?)")
_REFERENCE = re.compile(
    r"\[([^\]\n]+)\]:[ \t]*(\S+)(?:[ \t]+(?:\"[^\"]*\"|'[^']*'|\([^)]*\)))?[ \t]*\Z"
)
_ADDRESS = re.compile(r"<?(?:[A-Za-z][\w+.-]*:|www\.|[./#]|[^\s]+[./][^\s])")
_CITED_BEFORE = re.compile(
    r"(?i)(?:\b(?:in|see|of|from|reference|source|equation)|見|參見|參考|文獻)\s*\Z"
)


@cache
def parser() -> MarkdownIt:
    """The parser of links, entities and tables."""
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def inline(text: str) -> str:
    """What one inline construct says: a link its text, a picture its description."""
    return _said(parser().parseInline(text, {})[0].children or [])


def _said(tokens: list[Token]) -> str:
    parts = []
    for token in tokens:
        if token.type == "image":
            parts.append(_said(token.children or []))
        elif token.type in ("softbreak", "hardbreak"):
            parts.append(" ")
        elif token.type != "html_inline":
            parts.append(token.content)
    return "".join(parts)


def label(text: str) -> str:
    """The text of ``[text][reference]``, whose definition may come later or never."""
    found = re.search(r"\]\s?\[([^\]]*)\]\Z", text)
    name = normalizeReference(found[1] if found and found[1] else text)
    references = {name: {"href": "", "title": "", "map": [0, 0]}}
    tokens = parser().parseInline(text, {"references": references})[0].children or []
    return _said(tokens)


def cells(row: str) -> list[str]:
    """The cells of one row of a table, as Markdown."""
    columns = row.count("|") + 1
    tokens = parser().parse(f"{row}\n{'|---' * columns}|\n")
    found = [token.content for token in tokens if token.type == "inline"]
    if any(token.type == "table_open" for token in tokens):
        return found
    # The row has fewer cells than bars: some are escaped, or stand in code.
    for count in range(columns, 0, -1):
        tokens = parser().parse(f"{row}\n{'|---' * count}|\n")
        if any(token.type == "table_open" for token in tokens):
            return [token.content for token in tokens if token.type == "inline"]
    return [row.strip(" |")]


def closing_bracket(text: str, at: int) -> int | None:
    """Where the bracket that opens at `at` closes."""
    depth = 0
    index = at
    while index < len(text):
        character = text[index]
        if character == "\\":
            index += 1
        elif character == "[":
            depth += 1
        elif character == "]":
            depth -= 1
            if not depth:
                return index
        index += 1
    return None


def closing_paren(text: str, at: int) -> int | None:
    """Where the destination that opens at `at` closes: parentheses balance, quotes hide them."""
    depth, quote = 0, ""
    index = at
    while index < len(text):
        character = text[index]
        if character == "\\":
            index += 1
        elif quote:
            quote = "" if character == quote else quote
        elif character == '"' and depth == 1 and text[index - 1].isspace():
            quote = character
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if not depth:
                return index
        index += 1
    return None


def tag(text: str) -> str | None:
    """What an HTML tag or a bare link in angles comes to; None when it is neither."""
    if found := _RAISED.match(text):
        power = found[1]
        return power.translate(_POWERS) if re.fullmatch(r"[-+]?(?:\d+|n)", power) else power
    if found := _AUTOLINK.match(text):
        return found[1]
    if text.startswith("<!--"):
        return ""
    found = _TAG.match(text)
    if not found or found[1].lower() not in _TAGS:
        return None
    return "\n" if found[1].lower() in _BREAKS else ""


def is_definition(line: str) -> bool:
    """Whether a line only says where a reference leads."""
    found = _REFERENCE.match(line.strip())
    return bool(found and not found[1].startswith("^") and _ADDRESS.match(found[2]))


def is_citation(before: str, number: str, after: str) -> bool:
    """Whether ``[12]`` names a source, which is shown but not said.

    Args:
        before: the text before it; after: the character that follows, or nothing.
    """
    if not number.isdigit() or len(number) > 3 or number.startswith("0"):
        return False
    if re.search(r"(?:^|[^A-Za-z])[A-Za-z]\Z", before):
        return False  # x[1]
    if _CITED_BEFORE.search(before):
        return False
    attached = not before[-1:].isspace() and before[-1:] not in ("", "(", "（")
    return attached or after in ("", "[") or not (after.isalnum() or after in " ([=")


def is_math(inside: str) -> bool:
    """Whether what stands between two dollar signs is a formula, and not between two prices."""
    return bool(_MARKED.search(inside) or _ALGEBRA.match(inside))


def math(text: str, *, final: bool) -> tuple[int, str] | None:
    """The formula that `text` begins with: its length and its inside.

    A length of 0 says that there is none, None that more text must come first.
    """
    for opening, closing in (("$$", "$$"), ("\\(", "\\)"), ("\\[", "\\]")):
        if text.startswith(opening):
            return _between(text, opening, closing, final=final)
    return _dollars(text, final=final)


def _between(text: str, opening: str, closing: str, *, final: bool) -> tuple[int, str] | None:
    end = text.find(closing, len(opening))
    if end >= 0:
        return end + len(closing), text[len(opening) : end]
    over = final or len(text) > LONGEST_MATH or "\n\n" in text
    return (0, "") if over else None


def _dollars(text: str, *, final: bool) -> tuple[int, str] | None:
    if text == "$":
        return (0, "") if final else None
    if text[1].isspace():
        return 0, ""
    if text[1].isdigit() and (decided := _price(text, final=final)) != "formula":
        return (0, "") if decided == "price" else None
    end = text.find("$", 2)
    if end < 0:
        over = final or "\n" in text or len(text) > _LONGEST_DOLLARS
        return (0, "") if over else None
    if end + 1 == len(text) and not final:
        return None
    inside, after = text[1:end], text[end + 1 : end + 2]
    good = (
        not inside[-1].isspace()
        and not (after.isascii() and after.isalnum())
        and "\n" not in inside
    )
    return (end + 1, inside) if good and is_math(inside) else (0, "")


def _price(text: str, *, final: bool) -> str | None:
    """Whether a dollar before a digit begins a price or a formula; None: not yet known."""
    found = _PRICED.match(text)
    if not found or not found[2]:
        return "price" if final else None
    return (
        "formula" if found[2] in "^_\\+*/=<>{" or (found[2].isalpha() and not found[1]) else "price"
    )
