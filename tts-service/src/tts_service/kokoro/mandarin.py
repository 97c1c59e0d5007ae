"""Mandarin in Kokoro's phonemes: IPA with an arrow for the tone, words apart.

As `misaki.zh.ZHG2P` does it (Apache-2.0; Kokoro v1.0 was trained on that), but for two things. It
takes Traditional text for words that it doesn't know, and so reads 銀行 as yínxíng: readings are
looked up in Simplified script. It needs jieba, which has no wheels: rjieba cuts by the same
dictionary.
"""

import re
from functools import cache

import opencc
import rjieba
from misaki.transcription import pinyin_to_ipa
from pypinyin import Style, lazy_pinyin

_HAN = re.compile("([\u3400-\u9fff〇]+)")
_TONES = (("˧˩˧", "↓"), ("˧˥", "↗"), ("˥˩", "↘"), ("˥", "→"))
_SYLLABIC = (("\u027b\u0329", "ɨ"), ("\u0279\u0329", "ɨ"), ("\u032f", ""))
_MARKS = str.maketrans(
    dict(zip("，、。．！？：；", (", ", ", ", ". ", ". ", "! ", "? ", ": ", "; "), strict=True))
    | dict.fromkeys("「『《", " “")
    | dict.fromkeys("」』》", "” ")
    | {"（": " (", "）": ") "}
)
_ALONE = dict(zip("乾幹髮發隻儘盡", "gan1 gan4 fa4 fa1 zhi1 jin3 jin4".split(), strict=True))
"""Where Simplified script has one character for two readings, and no word around it tells."""


class Mandarin:
    """Loads the dictionaries: half a second."""

    def __init__(self) -> None:
        self._simplified = opencc.OpenCC("t2s")
        rjieba.cut("好")

    def phonemes(self, text: str) -> str:
        """`text`, Han characters and marks; what has no reading is left out."""
        pieces = _HAN.split(text)
        said = (
            self._words(piece) if index % 2 else piece.translate(_MARKS)
            for index, piece in enumerate(pieces)
        )
        return re.sub(" {2,}", " ", "".join(said)).strip()

    def _words(self, text: str) -> str:
        simple = self._simplified.convert(text)
        said, at = [], 0
        for word in rjieba.cut(simple):
            written = text[at : at + len(word)] if len(simple) == len(text) else word
            at += len(word)
            said.append("".join(map(syllable, _pinyin(word, written))))
        return " ".join(said)


def _pinyin(word: str, written: str) -> list[str]:
    if written in _ALONE:
        return [_ALONE[written]]
    return lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True, errors="ignore")


@cache
def syllable(pinyin: str) -> str:
    """A syllable such as `hao3`; at most some 1,500 of them are kept."""
    said = "".join(pinyin_to_ipa(pinyin)[0])
    for written, sign in (*_TONES, *_SYLLABIC):
        said = said.replace(written, sign)
    return said
