"""Which script a character belongs to."""

import unicodedata
from enum import Enum
from functools import lru_cache


class Script(Enum):
    """What matters for the choice of a voice."""

    HAN = "han"
    LATIN = "latin"
    FOREIGN = "foreign"
    """Letters that neither voice can read."""
    NEUTRAL = "neutral"
    """Digits, punctuation, spaces: they go with their neighbours."""


_HAN = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF))
_BOPOMOFO = (0x3100, 0x312F)


@lru_cache(maxsize=4096)
def script_of(character: str) -> Script:
    """The script of one character."""
    point = ord(character)
    if any(low <= point <= high for low, high in _HAN) or character == "〇":
        return Script.HAN
    if _BOPOMOFO[0] <= point <= _BOPOMOFO[1]:
        return Script.HAN
    if not character.isalpha():
        return Script.NEUTRAL
    return Script.LATIN if "LATIN" in unicodedata.name(character, "") else Script.FOREIGN


def has(text: str, script: Script) -> bool:
    """Whether `text` has a character of `script`."""
    return any(script_of(character) is script for character in text)
