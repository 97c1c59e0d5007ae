"""Text as the search compares it: what people take for the same letter is the same letter.

Folded away are width and other compatibility forms (NFKC), case, diacritics, typographic quotes
and dashes, invisible characters, and the variants of Chinese characters: 臺 台, 裏 裡 里, 爲 為 为
become one, the Simplified one. So 發 finds 髮, too: Simplified text writes both 发.

A text is folded piece by piece, a character with the marks that belong to it at a time, and
independently of what stands around it: folded text can be traced back to the text as it was said.
"""

import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import version
from typing import Protocol

_RULES = 1
"""To be raised with every change of the rules here and of how terms are cut (`textsearch`)."""

FOLDING = f"{_RULES}/{unicodedata.unidata_version}/{version('opencc')}"
"""What folded text depends on. Entries of the search that have another one are made anew."""

_MAX_PIECE_CHARS = 32
_CACHED = 65_536
_MAX_STEPS = 4

_SPELLED = str.maketrans(
    {"æ": "ae", "œ": "oe", "ı": "i", "ȷ": "j", "þ": "th", "ð": "d", "\u034f": ""}
    | dict.fromkeys("\u2018\u2019\u201a\u201b\u02bc\u02b9\u2032", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u2033", '"')
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")
)
"""What has no decomposition in Unicode."""


class _Converter(Protocol):
    def convert(self, text: str) -> str: ...


@dataclass(frozen=True)
class Folded:
    """Folded text and, for each of its characters, ``(start, end)`` of where it comes from."""

    text: str
    places: list[tuple[int, int]]


def fold(text: str) -> str:
    """`text` as it is compared."""
    if text.isascii():
        return text.lower()
    return "".join(_piece(text[start:end]) for start, end in _pieces(text))


def traced(text: str) -> Folded:
    """`text` as it is compared, and where each character comes from."""
    folded: list[str] = []
    places: list[tuple[int, int]] = []
    for start, end in _pieces(text):
        piece = _piece(text[start:end])
        folded.append(piece)
        places += [(start, end)] * len(piece)
    return Folded("".join(folded), places)


def _pieces(text: str) -> list[tuple[int, int]]:
    """Where the pieces of `text` start and end; together they are the whole of it."""
    pieces = []
    start = 0
    for at in range(1, len(text) + 1):
        if at == len(text) or at - start == _MAX_PIECE_CHARS or not _joins(text[at]):
            pieces.append((start, at))
            start = at
    return pieces if text else []


@lru_cache(_CACHED)
def _joins(character: str) -> bool:
    """Whether it may melt into the character before it."""
    first = unicodedata.normalize("NFKD", character)[0]
    # The vowels and the final consonants of Hangul that is written by letters.
    hangul = "\u1161" <= first <= "\u1175" or "\u11a8" <= first <= "\u11c2"
    return hangul or unicodedata.category(first)[0] == "M"


@lru_cache(_CACHED)
def _piece(piece: str) -> str:
    if piece.isascii():
        return piece.lower()
    folded = piece
    # Twice: lower case letters may have a compatibility form of their own.
    for _ in range(2):
        folded = unicodedata.normalize("NFKD", folded).casefold()
    kept = "".join(character for character in folded if not _dropped(character))
    plain = unicodedata.normalize("NFKC", "".join(_plain(character) for character in kept))
    return "".join(map(_han, plain.translate(_SPELLED)))


@lru_cache(_CACHED)
def _dropped(character: str) -> bool:
    """Whether it is invisible or a diacritic. Marks that make another letter stay (か が, क क्)."""
    if unicodedata.category(character) == "Cf":
        return True
    if "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef":
        return True
    # Combining classes (Unicode, 4.3): points of Hebrew and Arabic; marks attached, above, below.
    combining = unicodedata.combining(character)
    return 10 <= combining <= 35 or combining >= 200


@lru_cache(_CACHED)
def _plain(character: str) -> str:
    """A Latin letter without what its name says it has: ø is LATIN SMALL LETTER O WITH STROKE."""
    letter, having, _ = unicodedata.name(character, "").partition(" WITH ")
    if not having or not letter.startswith("LATIN SMALL LETTER "):
        return character
    try:
        return unicodedata.lookup(letter)
    except KeyError:
        return character


@lru_cache(_CACHED)
def _han(character: str) -> str:
    """A Chinese character as mainland China writes it."""
    if character < "\u3400":
        return character
    folded = _simplest(character)
    if folded == character:
        # Simplified forms that only the way back knows: 谘 is 諮, and 諮 is 咨.
        return _simplest(_converted(character, "s2t"))
    return folded


def _simplest(character: str) -> str:
    # A form may be another one's, too: 麼 is 么, and 么 is 幺.
    for _ in range(_MAX_STEPS):
        folded = _simpler(character)
        if folded == character:
            break
        character = folded
    return character


def _simpler(character: str) -> str:
    for standard in ("tw2t", "hk2t"):
        character = _converted(character, standard)
    # 弁 and 芸 are Japanese for other characters, but characters of Chinese as well.
    if not _is_chinese(character):
        # Old forms (愼, 硏) are found the other way.
        other = _converted(character, "jp2t")
        character = other if other != character else _converted(character, "t2jp")
    return _converted(character, "t2s")


def _converted(character: str, standard: str) -> str:
    converted = _converter(standard).convert(character)
    return converted if len(converted) == 1 else character


def _is_chinese(character: str) -> bool:
    for charset in ("gb2312", "big5"):
        try:
            character.encode(charset)
        except UnicodeEncodeError:
            continue
        return True
    return False


@cache
def _converter(standard: str) -> _Converter:
    import opencc

    converter: _Converter = opencc.OpenCC(standard)
    return converter
