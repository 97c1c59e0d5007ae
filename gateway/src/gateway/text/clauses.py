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
_ABBREVIATIONS = frozenset(
    """
    mr mrs ms dr prof sr jr st vs etc e.g i.e a.m p.m u.s u.k no vol fig inc ltd co approx
    """.split()
)
_CJK = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\u3040-\u30ff]")
_WORD = re.compile(r"[A-Za-z0-9][\w'’.-]*")


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


class ClauseCutter:
    """Feed it text as it comes; it gives back the clauses that are complete."""

    def __init__(self, limits: ClauseLimits | None = None) -> None:
        self._limits = limits or ClauseLimits()
        self._rest = ""
        self._given = 0

    def feed(self, text: str) -> list[str]:
        """Clauses that `text` completes, with their punctuation and inner spaces."""
        self._rest += text
        clauses = []
        while (end := self._end()) is not None:
            clauses += self._take(end)
        return clauses

    def flush(self) -> list[str]:
        """What is left when the answer is complete."""
        return self._take(len(self._rest))

    def _take(self, end: int) -> list[str]:
        clause, self._rest = self._rest[:end].strip(), self._rest[end:]
        if not units(clause):
            return []
        self._given += 1
        return [clause]

    def _end(self) -> int | None:
        """Where the first complete clause ends, or None while that can't be said yet."""
        text = self._rest
        for at, char in enumerate(text):
            if char in _STOPS and units(text[:at]):
                return self._after_closers(at, sure=char not in "!?" and not _is_open(text[:at]))
            if char == "." and units(text[:at]) and self._full_stop(at) is not False:
                return at + 1 if self._full_stop(at) else None
            if char in _COMMAS and self._long_enough(text[:at]):
                ends = self._comma(at)
                if ends is None:
                    return None
                if ends:
                    return at + 1
        return self._too_long()

    def _after_closers(self, at: int, *, sure: bool) -> int | None:
        """The end of a stop at `at` with the brackets and stops that follow it."""
        end = at + 1
        while end < len(self._rest) and self._rest[end] in _CLOSERS + _STOPS.replace("\n", ""):
            end += 1
        return None if end == len(self._rest) and not sure else end

    def _full_stop(self, at: int) -> bool | None:
        """Whether the full stop at `at` ends a sentence; None: the next character will tell."""
        if at + 1 == len(self._rest):
            return None
        following = self._rest[at + 1]
        if not (following.isspace() or following in _CLOSERS or _CJK.match(following)):
            return False
        word = (
            self._rest[:at].split()[-1].lower().strip("(\"'“‘") if self._rest[:at].split() else ""
        )
        return word not in _ABBREVIATIONS and not (len(word) == 1 and word.isalpha())

    def _comma(self, at: int) -> bool | None:
        """Whether the comma or colon at `at` is punctuation and no part of a number or time."""
        if self._rest[at] not in ",:":
            return True
        if at + 1 == len(self._rest):
            return None
        following = self._rest[at + 1]
        return following.isspace() or following in _CLOSERS or bool(_CJK.match(following))

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
