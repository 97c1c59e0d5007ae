"""Whether there is anything to see in a text."""

from __future__ import annotations

import unicodedata

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp", "Mn", "Me"})
"""General categories without a mark of their own: controls, formats, spaces, and accents that
have no letter to stand on. An unassigned character may be a sign newer than our tables."""

_BLANK = frozenset(
    "\u2800"  # the Braille pattern without a dot
    "\u115f\u1160\u3164\uffa0"  # Hangul fillers
    "\ufffc"  # the place of an object that is not there
    "\U0001d159"  # the musical note without a head
)
"""Letters and symbols by their category that are drawn as nothing."""


def is_visible(text: str) -> bool:
    """Whether `text` has at least one character that can be seen."""
    return any(
        character not in _BLANK and unicodedata.category(character) not in _UNSEEN
        for character in text
    )
