"""Keeps a reply's Chinese in the script of the locale, by the rule of `avatar_contract.script`.

The script is decided once for a reply, by the first characters that only one script has. Until then
what both scripts write alike passes, and what they would write differently waits, but never longer
than a clause or two: a reply without any such character is taken for Traditional.
"""

from __future__ import annotations

import re

from avatar_contract.script import Converter, evidence, mended

__all__ = ["Converter", "ScriptStream"]

_ENDS = re.compile(r"[\s，。！？；：、「」『』（）()《》〈〉,.!?;:…—\"“”]")
"""A phrase does not reach across these, so a piece between two of them converts by itself."""
_LONGEST_PHRASE = 60
_LONGEST_DOUBT = 48
"""Characters after which a reply without evidence is taken for Traditional."""


class ScriptStream:
    """Converts a stream of text; where it is cut makes no difference.

    Args:
        to_traditional: converts Simplified text.
        to_simplified: kept for callers; the script is told by character sets.
    """

    def __init__(self, to_traditional: Converter, to_simplified: Converter | None = None) -> None:
        self._traditional = to_traditional
        self._simplified: bool | None = None
        """Whether the reply is Simplified; None while nothing tells."""
        self._phrase = ""
        self._doubted = ""
        self._given: list[str] = []

    def feed(self, text: str) -> str:
        """What is settled now."""
        for character in text:
            self._take(character)
        return self._all_given()

    def finish(self) -> str:
        """What was held back."""
        self._settle_phrase()
        if self._simplified is None:
            self._decide(simplified=False)
        return self._all_given()

    def _all_given(self) -> str:
        given = "".join(self._given)
        self._given.clear()
        return given

    def _take(self, character: str) -> None:
        if self._simplified is None and (told := evidence(character)):
            self._decide(simplified=told > 0)
        if self._simplified is False:
            self._given.append(mended(character, self._traditional))
            return
        self._phrase += character
        if _ENDS.match(character) or len(self._phrase) >= _LONGEST_PHRASE:
            self._settle_phrase()

    def _settle_phrase(self) -> None:
        """Gives the phrase that has ended, or holds it while its script is in doubt."""
        phrase, self._phrase = self._phrase, ""
        if self._simplified:
            self._given.append(self._traditional.convert(phrase))
            return
        if self._doubted or self._traditional.convert(phrase) != phrase:
            self._doubted += phrase
        else:
            self._given.append(phrase)
        if len(self._doubted) > _LONGEST_DOUBT:
            self._decide(simplified=False)

    def _decide(self, *, simplified: bool) -> None:
        self._simplified = simplified
        held, self._doubted = self._doubted, ""
        if simplified:
            self._given.append(self._traditional.convert(held))
            return
        self._given.append(held + self._phrase)
        self._phrase = ""
