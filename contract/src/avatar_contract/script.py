"""In which script a Chinese text is written, and its one conversion to Traditional.

What is recognised and what is answered follow the same rule. A whole text is judged, by the
characters that only one script has; text that is Traditional is never converted as a whole, because
conversion would spoil what both scripts share (里, 准, 丑, 斗).

The evidence comes from the two old national character sets, which hold what each script uses:
说 is in GB 2312 and not in Big5, 說 the other way round, 里 in both.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Protocol

HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")


class Converter(Protocol):
    """Rewrites text into another script (OpenCC)."""

    def convert(self, text: str) -> str: ...


@lru_cache(maxsize=8192)
def evidence(character: str) -> int:
    """1: only Simplified text has it; -1: only Traditional text has it; 0: both, or neither."""
    if not "\u3400" <= character <= "\u9fff":
        return 0
    simplified, traditional = _has("gb2312", character), _has("big5", character)
    return int(simplified) - int(traditional)


def leaning(text: str) -> int:
    """Above 0 when `text` has more that is Simplified, below 0 more that is Traditional."""
    return sum(evidence(character) for character in text)


def in_traditional(text: str, converter: Converter) -> str:
    """`text` in Traditional characters: converted if it is Simplified, else only mended."""
    if not HAN.search(text):
        return text
    return converter.convert(text) if leaning(text) > 0 else mended(text, converter)


def mended(text: str, converter: Converter) -> str:
    """Traditional `text` with characters that no Traditional text has converted, one at a time."""
    return "".join(
        converter.convert(character) if evidence(character) > 0 else character for character in text
    )


def _has(encoding: str, character: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
