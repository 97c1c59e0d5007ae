"""Words for searching: how text is cut into terms, how a query is, and where it hits.

Text is compared as `folding` leaves it: without width, case, diacritics and Chinese variants. A run
of Chinese, Japanese or Korean characters becomes its overlapping pairs and its last character; so
two characters are one term, and one character is the beginning of a term. Any other word is one
term. Any other visible character (``%``, ``_``, an emoji) is a term by itself, so nothing in a
query is a wildcard.

    天氣很好 hello_1   ▶   天氣 氣很 很好 好 hello _ 1      "天" "天氣" "天氣很" "hel" "_1" hit
"""

import re
from dataclasses import dataclass

from profile_service import folding

MAX_QUERY_CHARS = 200
MAX_TERM_CHARS = 64
MAX_INDEXED_CHARS = 50_000
"""Of one side of a turn; what is beyond is not found. A tsvector ends at 1 MiB."""

SEPARATOR = "\x1f"
"""Between the two sides of a turn in normalised text: no query can contain it."""

_CJK = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3040-\u30ff\u3100-\u312f\u3131-\u318e\u31a0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUNS = re.compile(rf"(?P<cjk>[{_CJK}]+)|(?P<word>[^\W_{_CJK}]+)|(?P<sign>[^\s\w]|_)")
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def storable(text: str) -> str:
    """`text` without NUL and lone surrogates, which Postgres and UTF-8 refuse."""
    return _UNSTORABLE.sub("", text)


def normalise(text: str) -> str:
    """`text` as it is compared."""
    return _CONTROL.sub(" ", folding.fold(storable(text)))


def terms(norm: str) -> list[str]:
    """The distinct terms of normalised text, in the order of their first appearance."""
    found: dict[str, None] = {}
    for run in _RUNS.finditer(norm):
        text = run.group()
        if run.lastgroup == "cjk":
            found.update(dict.fromkeys(text[at : at + 2] for at in range(len(text))))
        else:
            found[text[:MAX_TERM_CHARS]] = None
    return list(found)


def indexed(*sides: str) -> tuple[str, str]:
    """``(norm, terms)`` to store for a text, or for both sides of a turn."""
    # Cut twice: one character may become eighteen.
    norms = [normalise(side[:MAX_INDEXED_CHARS])[:MAX_INDEXED_CHARS] for side in sides]
    return SEPARATOR.join(norms), " ".join(terms(" ".join(norms)))


@dataclass(frozen=True)
class QueryTerm:
    """A term that must be there; a prefix stands for every term that begins so."""

    text: str
    prefix: bool


@dataclass(frozen=True)
class Query:
    """What is searched: all terms, and all needles as they are, in one turn.

    `needles` are the parts of the query whose terms alone do not say that they stand together.
    """

    text: str
    parts: tuple[str, ...]
    terms: tuple[QueryTerm, ...]
    needles: tuple[str, ...]


def parse(text: str) -> Query | None:
    """The query that a person typed; None when there is nothing in it."""
    norm = normalise(text[:MAX_QUERY_CHARS])
    parts = tuple(dict.fromkeys(norm.split()))
    wanted: dict[QueryTerm, None] = {}
    needles = []
    for part in parts:
        cut = _query_terms(part)
        wanted.update(dict.fromkeys(cut))
        if len(cut) > 1 or len(part) > MAX_TERM_CHARS:
            needles.append(part)
    return Query(norm, parts, tuple(wanted), tuple(needles)) if wanted else None


def _query_terms(part: str) -> list[QueryTerm]:
    cut: list[QueryTerm] = []
    for run in _RUNS.finditer(part):
        text, last = run.group(), run.end() == len(part)
        if run.lastgroup == "cjk":
            pairs = [text[at : at + 2] for at in range(len(text) - 1)] or [text]
            cut += [QueryTerm(pair, prefix=len(pair) == 1) for pair in pairs]
        else:
            word = run.lastgroup == "word"
            cut.append(QueryTerm(text[:MAX_TERM_CHARS], prefix=word and last))
    return cut


@dataclass(frozen=True)
class Mark:
    """A hit in a text: what is before it, the hit as it is written, what is after it."""

    before: str
    match: str
    after: str


def mark(text: str, query: Query, around: int = 30) -> Mark | None:
    """The first place where a part of `query` stands in `text`; None when none does."""
    folded = folding.traced(text)
    norm = _CONTROL.sub(" ", folded.text)
    places = [(at, len(part)) for part in query.parts if (at := _find(norm, part)) >= 0]
    if not places:
        return None
    at, length = min(places, key=lambda place: (place[0], -place[1]))
    start, end = folded.places[at][0], folded.places[at + length - 1][1]
    before, after = text[max(0, start - around) : start], text[end : end + around]
    return Mark(
        before=("…" if start > around else "") + before,
        match=text[start:end],
        after=after + ("…" if end + around < len(text) else ""),
    )


def _find(norm: str, part: str) -> int:
    """Where `part` begins, at the beginning of a word if it begins with one."""
    if not re.match(rf"[^\W_{_CJK}]", part):
        return norm.find(part)
    found = re.search(rf"(?<![^\W_{_CJK}]){re.escape(part)}", norm)
    return found.start() if found else norm.find(part)
