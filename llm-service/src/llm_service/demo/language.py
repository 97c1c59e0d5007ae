"""Which of the two languages a text is in, and the plain form that skills match against."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

Language = Literal["zh", "en"]

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_HAN_CHARACTER = re.compile(f"[{HAN}]")
_LATIN_WORD = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)*")
# Characters that carry meaning for arithmetic and are therefore kept by `plain`.
_NOT_PLAIN = re.compile(rf"[^\w\s{HAN}+\-*/×÷%^().=']")
_FULL_STOP_AT_END = re.compile(r"\.(?=\s|$)")


def detect(text: str) -> Language | None:
    """Language of one message; None when it has neither Han characters nor Latin words.

    A sentence that mixes both is Chinese unless its Latin words outnumber its Han characters,
    so that "幫我打開 Wi-Fi" is Chinese and "how do you say 你好" is English.
    """
    han = len(_HAN_CHARACTER.findall(text))
    latin = len(_LATIN_WORD.findall(text))
    if han == 0 and latin == 0:
        return None
    return "zh" if han >= latin and han > 0 else "en"


def of_conversation(texts: Iterable[str], default: Language) -> Language:
    """Language of the latest text that has one (texts come oldest first)."""
    for text in reversed(list(texts)):
        found = detect(text)
        if found is not None:
            return found
    return default


def plain(text: str) -> str:
    """Case-folded, full-width forms folded, punctuation gone, blanks collapsed.

    Recognisers write neither case nor punctuation, so skills must match without them.
    """
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    folded = _NOT_PLAIN.sub(" ", folded)
    folded = _FULL_STOP_AT_END.sub(" ", folded)
    return " ".join(folded.split())
