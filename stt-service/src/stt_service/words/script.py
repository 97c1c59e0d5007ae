"""Chinese as people of the locale write it: its characters and words, full-width punctuation."""

import re
from dataclasses import replace
from functools import cache

from avatar_contract.script import HAN, Converter, in_traditional, leaning, mended
from stt_service.backends.base import Hints, Stretch, TimedWord, Transcript

_LATIN_WORD = re.compile(r"[A-Za-zÀ-ɏ]+(?:'[A-Za-zÀ-ɏ]+)*")
_HALF = re.compile(r" *([,?!:;]) *")
_FULL_STOP = re.compile(r"(?<=[\u3400-\u9fff]) *\.(?=\s*$|\s*[\u3400-\u9fff])\s*")
_WIDE = str.maketrans(",?!:;", "，？！：；")


@cache
def _converter() -> Converter:
    import opencc

    converter: Converter = opencc.OpenCC("s2twp")
    return converter


def in_script(text: str, locale: str, tai: str = "台") -> str:
    """`text` in Traditional characters for zh-TW; as it is otherwise.

    Args:
        tai: how 台 is written. Converters write 臺 always, which people do in documents only.
    """
    if locale != "zh-TW" or not HAN.search(text):
        return text
    return _with_tai(in_traditional(text, _converter()), tai)


def punctuated(text: str) -> str:
    """`text` with full-width punctuation, if it is Chinese; Whisper often writes the half-width.

    What stands inside a number, a time or an address stays: 3:30, 1,000.
    """
    han = len(HAN.findall(text))
    if not han or han < len(_LATIN_WORD.findall(text)):
        return text
    return _FULL_STOP.sub("。", _HALF.sub(_widened, text))


def as_written(said: Transcript, hints: Hints) -> Transcript:
    """A transcript as people of the locale write it; its words follow the script of the whole."""
    if not HAN.search(said.text):
        return said
    simplified = leaning(said.text) > 0

    def written(text: str) -> str:
        if hints.locale != "zh-TW":
            return text
        converted = _converter().convert(text) if simplified else mended(text, _converter())
        return _with_tai(converted, hints.tai)

    stretches = tuple(
        Stretch(
            punctuated(written(one.text)),
            one.start_ms,
            one.end_ms,
            tuple(TimedWord(written(w.text), w.start_ms, w.end_ms) for w in one.words),
            one.no_speech_prob,
            one.avg_logprob,
        )
        for one in said.stretches
    )
    return replace(said, text=punctuated(written(said.text)), stretches=stretches)


def _with_tai(text: str, tai: str) -> str:
    return text.replace("臺", "台") if tai == "台" else text


def _widened(found: re.Match[str]) -> str:
    text, (start, end) = found.string, found.span()
    before, after = text[start - 1 : start], text[end : end + 1]
    inside = found.group() == found[1] and before.isalnum() and after.isalnum()
    if inside and before.isascii() and after.isascii():
        return found.group()
    return found[1].translate(_WIDE)
