"""Names of signs that stand for words: Greek letters, mathematics, arrows, stars."""

import re
import unicodedata

from tts_service.speakable.tables import signs
from tts_service.utterance import Language

_GREEK = re.compile(
    r"(?<![\u0370-\u03ff\u1f00-\u1fff])[\u0370-\u03ff](?![\u0370-\u03ff\u1f00-\u1fff])"
)
"""A Greek letter by itself; several make a Greek word, which no voice here can read."""
_STARS = re.compile(r"(\d(?:\.\d)?)? ?([★⭐]+)([☆✩]*)")
_MICRO = re.compile(r"(?<=\d)μ(?=[mgsAVFWlL]\b)|(?<=\d )[μµ](?=[mgsAVFWlL]\b)|µ")
_OHMS = re.compile(r"(\d ?[kM]?)[\u03a9\u2126]")
_COMPARED = re.compile(r"(\b[A-Za-z] ?|[\d)%²³°] ?|\b(?:it|that|this) )?([＜＞≤≥≈]) ?")
_SPACED = re.compile(r" ?([＜＞≤≥≈≠→×÷∈∪∩]) ?")
_RULED = frozenset("−×÷=±²³°%‰$+^√～")
"""Signs whose words depend on what stands around them: the rules of the language say them."""


def named(text: str, language: Language) -> tuple[str, bool]:
    """`text` with its signs in words, and whether one without a name was left out."""
    text = _OHMS.sub(r"\1ohm", _MICRO.sub("u", text))
    english = language == "en"
    text = _COMPARED.sub(_comparison, text) if english else _SPACED.sub(r"\1", text)
    text = _STARS.sub(lambda found: _stars(found, language), text)
    text = _GREEK.sub(lambda found: _greek(found[0]), text)
    lost = False
    parts: list[str] = []
    for character in text:
        said = _sign(character, language)
        lost = lost or said is None
        parts.append(" " if said is None else said)
    return "".join(parts), lost


def _greek(letter: str) -> str:
    name = signs().greek.get(letter.lower())
    return f" {name} " if name else letter


def _stars(found: "re.Match[str]", language: Language) -> str:
    """A rating: drawn in full and empty stars, or one star after a number."""
    if not found[1] and len(found[2]) + len(found[3]) == 1:
        return found[0].replace("⭐", "★")
    full = found[1] or str(len(found[2]))
    if language == "zh":
        return f" {full}顆星 "
    return " 1 star " if full == "1" else f" {full} stars "


def _comparison(found: "re.Match[str]") -> str:
    """``x < 5`` is a sentence of its own, ``<5%`` is not."""
    name = signs().named[found[2]].en
    if found[1]:
        return f"{found[1]} {name} "
    return f" {name.removeprefix('is ')} "


def _sign(character: str, language: Language) -> str | None:
    """What is said for one character; None when it has no name."""
    if character.isascii() or character in _RULED:
        return character
    known = signs()
    if character in known.silent:
        return " "
    names = known.named.get(character)
    if names:
        return f" {names.en} " if language == "en" else names.zh
    category = unicodedata.category(character)
    if category not in ("Sm", "So"):
        return character
    if category == "Sm" and language == "en":
        return f" {unicodedata.name(character, '').lower()} "
    return None
