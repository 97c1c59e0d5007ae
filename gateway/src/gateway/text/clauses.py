"""Cuts a growing answer into clauses, each of which is spoken by one request.

The first clause is cut as early as it can be, because the listener waits for it; later ones are
longer, because an engine speaks a longer clause more naturally and costs are nearly flat per call.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_STOPS = "。！？!?…\n"
_COMMAS = "，；、：,;:"
_CLOSERS = "」』”’）)】》\"'"
_PAIRS = ("「」", "『』", "“”", "（）", "()", "《》")
_WHOLE = (("《", "》", 40), ("〈", "〉", 40), ("\\(", "\\)", 2_000))
"""Titles and formulas, which nothing cuts, and the length after which an end is not awaited."""
_ABBREVIATIONS = frozenset(
    """
    mr mrs ms mx dr prof sr jr st mt ft gen col maj capt cmdr lt sgt cpl rev fr hon pres gov sen rep
    amb supt vs etc e.g i.e cf al approx est dept univ assn bros inc ltd co corp llc intl natl
    ed eds a.m p.m u.s u.k
    ave blvd rd ln hwy apt bldg jan feb mar apr jun jul aug sep sept oct nov dec
    mon tue tues wed thu thurs fri ph.d
    """.split()
)
_NUMBERED = frozenset("no nos vol fig figs sec ch eq eqs art pt p pp par ref tab app ver".split())
"""Abbreviations before a number; before anything else they are words that may end a sentence."""
_SHOUTED = frozenset({"yahoo", "jeopardy", "yum"})
"""Names that end in an exclamation mark."""
_INITIALS = re.compile(r"(?:[a-z]{1,2}\.)*[a-z]\Z")
_CJK = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\u3040-\u30ff]")
_WORD = re.compile(r"[A-Za-z0-9][\w'’.-]*")
_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_MONTH_DAY = re.compile(rf"(?:{_MONTHS})[a-z]*\.? \d{{1,2}}(?:st|nd|rd|th)?\Z")
_CAPITALISED = re.compile(r"[A-Z][\w.'’-]*\Z")
_SUFFIX = re.compile(r" ?(?:Jr|Sr|Inc|Ltd|LLC|Ph\.?D|M\.?D|D\.?C|Esq|II|III|IV)(?![A-Za-z])")
_SUFFIX_SO_FAR = re.compile(r" ?(?:[JSILPMDE][A-Za-z.]{0,3})?\Z")


@dataclass(frozen=True)
class ClauseLimits:
    """Lengths in units: a Chinese character or an English word is one unit."""

    first_min: int = 2
    """Units the first clause needs before a comma may end it."""
    later_min: int = 8
    """Units a later clause needs before a comma may end it."""
    longest: int = 60
    """Units after which a clause is cut although nothing ends it."""


def units(text: str) -> int:
    """Length as it is spoken: Chinese characters plus words of other scripts."""
    return len(_CJK.findall(text)) + len(_WORD.findall(_CJK.sub(" ", text)))


def _is_open(text: str) -> bool:
    """Whether a quotation or bracket that began in `text` has not ended."""
    return any(text.count(pair[0]) > text.count(pair[1]) for pair in _PAIRS)


def _inside_whole(text: str) -> bool:
    """Whether a title or formula that began in `text` has not ended."""
    for opening, closing, longest in _WHOLE:
        begun = text.rfind(opening)
        if begun >= 0 and len(text) - begun < longest and text.find(closing, begun) < 0:
            return True
    return False


def _last_word(text: str) -> str:
    words = text.split()
    return words[-1].lower().strip("(\"'“‘（「") if words else ""


class ClauseCutter:
    """Feed it text as it comes; it gives back the clauses that are complete."""

    def __init__(self, limits: ClauseLimits | None = None) -> None:
        self._limits = limits or ClauseLimits()
        self._rest = ""
        self._given = 0
        self._decided = 0
        """Characters of the rest where no clause can end any more."""

    def feed(self, text: str) -> list[str]:
        """Clauses that `text` completes, with their punctuation and inner spaces."""
        clauses = []
        for character in text:
            self._rest += character
            while (end := self._end()) is not None:
                clauses += self._take(end)
        return clauses

    def flush(self) -> list[str]:
        """What is left when the answer is complete."""
        return self._take(len(self._rest))

    def _take(self, end: int) -> list[str]:
        clause, self._rest = self._rest[:end].strip(), self._rest[end:]
        self._decided = 0
        if not units(clause):
            return []
        self._given += 1
        return [clause]

    def _end(self) -> int | None:
        """Where the first complete clause ends, or None while that can't be said yet."""
        while self._decided < len(self._rest):
            at = self._decided
            ends = self._ends_at(at)
            if ends is None:
                return None
            if ends:
                return ends
            self._decided = at + 1
        return self._too_long()

    def _ends_at(self, at: int) -> int | None:
        """The end of the clause that the character at `at` ends; 0: it ends none; None: unknown."""
        char, before = self._rest[at], self._rest[:at]
        if char not in _STOPS + _COMMAS + "." or not units(before) or _inside_whole(before):
            return 0
        if char in _STOPS:
            sure = char not in "!?" and not _is_open(before)
            return self._sentence(at, sure=sure)
        if char == ".":
            return self._full_stop(at)
        return self._comma(at) if self._long_enough(before) else 0

    def _sentence(self, at: int, *, sure: bool) -> int | None:
        """The end of a stop at `at` with the brackets and stops that follow it."""
        end = self._after_closers(at)
        if sure:
            return end
        if end == len(self._rest):
            return None
        if self._rest[at] == "!" and _last_word(self._rest[:at]) in _SHOUTED:
            return 0
        if self._rest[at] in "!?" and self._rest[end] == " ":
            return self._unless_it_goes_on(end)
        return end

    def _after_closers(self, at: int) -> int:
        end = at + 1
        while end < len(self._rest) and self._rest[end] in _CLOSERS + _STOPS.replace("\n", ""):
            end += 1
        return end

    def _unless_it_goes_on(self, end: int) -> int | None:
        """`end`, unless the next word has a small letter: "Hello!" she said."""
        rest = self._rest[end:].lstrip(" ")
        if not rest:
            return None
        return 0 if rest[0].isascii() and rest[0].islower() else end

    def _full_stop(self, at: int) -> int | None:
        """The end of the sentence that the full stop at `at` ends."""
        end = self._after_closers(at)
        if end == len(self._rest):
            return None
        following = self._rest[end]
        if not (following.isspace() or _CJK.match(following)):
            return 0
        before = self._rest[:at]
        word = _last_word(before)
        if word.endswith(".."):
            return end
        is_item = word.isdigit() and before.rpartition("\n")[2].strip() == word
        if is_item or word in _ABBREVIATIONS or _INITIALS.match(word):
            return 0
        if word in _NUMBERED and self._rest[end:].lstrip(" ")[:1].isdigit():
            return 0
        return self._unless_it_goes_on(end) if following == " " else end

    def _comma(self, at: int) -> int | None:
        """The end of a clause at the comma or colon at `at`, unless a number or name has it."""
        char, before = self._rest[at], self._rest[:at]
        following = self._rest[at + 1 : at + 2]
        if char in "，：" and before[-1:].isdigit():
            return None if not following else 0 if following.isdigit() else at + 1
        if char not in ",:":
            return at + 1
        if not following:
            return None
        if not (following.isspace() or following in _CLOSERS or _CJK.match(following)):
            return 0
        return self._unless_a_name_goes_on(at) if char == "," else at + 1

    def _unless_a_name_goes_on(self, at: int) -> int | None:
        """The end at a comma, unless a year or a part of a name follows: May 5, 2024; King, Jr."""
        before, after = self._rest[:at], self._rest[at + 1 :]
        if _MONTH_DAY.search(before):
            if len(after) < 6 and re.fullmatch(r" ?\d{0,4}", after):
                return None
            return 0 if re.match(r" ?\d{4}(?!\d)", after) else at + 1
        if not _CAPITALISED.search(before):
            return at + 1
        if _SUFFIX_SO_FAR.match(after):
            return None
        return 0 if _SUFFIX.match(after) else at + 1

    def _long_enough(self, text: str) -> bool:
        wanted = self._limits.later_min if self._given else self._limits.first_min
        return units(text) >= wanted

    def _too_long(self) -> int | None:
        if units(self._rest) <= self._limits.longest:
            return None
        space = self._rest.rfind(" ", 0, -1)
        if space > 0 and units(self._rest[:space]) > self._limits.longest // 2:
            return space + 1
        return len(self._rest) if _CJK.match(self._rest[-1]) else None
