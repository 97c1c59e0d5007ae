"""The language that each clause of a reply is spoken in.

The voice service sees one clause at a time, and a clause without letters (``$35.50``, ``3:05.``)
has no language of its own. The reply around it has: what came before, else what is known to follow,
else the question.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

Spoken = Literal["en", "zh"]

_HAN = re.compile(r"[\u3100-\u312f\u3400-\u9fff\uf900-\ufaff]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]+(?:['’][A-Za-z]+)*")
_FORMULA = re.compile(r"\\\(.*?\\\)", re.DOTALL)
_SENTENCE = 3
"""Latin words that make a clause English in a Chinese reply; fewer are a name inside it."""


class ReplyLanguage:
    """Gives each clause of one reply its language. Pure: keep one for each reply.

    Args:
        question: what the reply answers; it tells when nothing else does.
        locale: the session's locale, when the question does not tell either.
    """

    def __init__(self, question: str, locale: str) -> None:
        self._asked = _own(question) or ("en" if locale.startswith("en") else "zh")
        self._last: Spoken | None = None
        self._han = 0
        self._latin = 0

    def of(self, clause: str, following: Sequence[str] = ()) -> Spoken:
        """The language of the next clause.

        Args:
            following: the clauses after it that are known already.
        """
        han, latin = _letters(clause)
        if not han and not latin:
            return self._around(following)
        self._han += han
        self._latin += latin
        self._last = self._of_letters(clause, han, latin)
        return self._last

    def _around(self, following: Sequence[str]) -> Spoken:
        if self._last:
            return self._last
        told = (_own(clause) for clause in following)
        return next((language for language in told if language), self._asked)

    def _of_letters(self, clause: str, han: int, latin: int) -> Spoken:
        if han:
            return "zh" if han >= latin else "en"
        chinese = self._last == "zh" and self._han >= self._latin
        counted = any(character.isdigit() for character in clause)
        return "zh" if chinese and counted and latin < _SENTENCE else "en"


def _letters(text: str) -> tuple[int, int]:
    """Chinese characters and Latin words; letters of formulas belong to no language."""
    plain = _FORMULA.sub(" ", text)
    return len(_HAN.findall(plain)), len(_LATIN.findall(plain))


def _own(text: str) -> Spoken | None:
    han, latin = _letters(text)
    if not han and not latin:
        return None
    return "zh" if han >= latin else "en"
