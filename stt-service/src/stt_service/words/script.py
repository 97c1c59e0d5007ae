"""Chinese in the script of the locale: Taiwan's characters and words by OpenCC."""

import re
from functools import cache
from typing import Protocol

from stt_service.backends.base import Stretch, TimedWord, Transcript

_HAN = re.compile(r"[\u3400-\u9fff]")


class _Converter(Protocol):
    def convert(self, text: str) -> str: ...


@cache
def _converter() -> _Converter:
    import opencc

    converter: _Converter = opencc.OpenCC("s2twp")
    return converter


def in_script(text: str, locale: str) -> str:
    """`text` in Traditional characters for zh-TW; as it is otherwise."""
    if locale != "zh-TW" or not _HAN.search(text):
        return text
    return _converter().convert(text)


def transcript_in_script(said: Transcript, locale: str) -> Transcript:
    """A transcript in the script of `locale`."""
    if not _HAN.search(said.text):
        return said
    stretches = tuple(
        Stretch(
            in_script(one.text, locale), one.start_ms, one.end_ms,
            tuple(TimedWord(in_script(w.text, locale), w.start_ms, w.end_ms) for w in one.words),
            one.no_speech_prob, one.avg_logprob,
        )
        for one in said.stretches
    )  # fmt: skip
    return Transcript(in_script(said.text, locale), said.language, stretches)
