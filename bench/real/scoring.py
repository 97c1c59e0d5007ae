"""The corpus as clips, and how wrong words are."""

import json
import re
import unicodedata
import wave
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from opencc import OpenCC

_HAN = re.compile(r"[\u3400-\u9fff]")
_PUNCTUATION = re.compile(r"[\W_]+")
_DIGITS = str.maketrans("0123456789", "零一二三四五六七八九")


@dataclass(frozen=True)
class Clip:
    """Mono 16 kHz sound, and what is said in it."""

    name: str
    kind: str
    language: str
    text: str
    pcm: bytes

    @property
    def tail_ms(self) -> float:
        """Quiet after its last sound, ms."""
        loud = np.flatnonzero(np.abs(np.frombuffer(self.pcm, np.int16)) > 500)
        return (len(self.pcm) / 2 - int(loud[-1])) / 16 if len(loud) else 0.0


def corpus(folder: Path) -> list[Clip]:
    """What `clips.py` made."""
    found = []
    for one in json.loads((folder / "clips.json").read_text("utf-8")):
        with wave.open(str(folder / f"{one['name']}.wav")) as clip:
            found.append(Clip(**one, pcm=clip.readframes(clip.getnframes())))
    return found


def errors(said: str, clip: Clip) -> float:
    """WER of English, CER of Chinese: without case, punctuation, script and way of digits."""
    wanted, found = units(clip.text), units(said)
    return distance(wanted, found) / max(1, len(wanted))


def units(text: str) -> list[str]:
    """Words; characters of Chinese, as Simplified."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("nine o'clock", "9 o'clock")
    if _HAN.search(plain):
        return list(_PUNCTUATION.sub("", _simplified().convert(plain.translate(_DIGITS))))
    return _PUNCTUATION.sub(" ", plain).split()


def distance(wanted: list[str], found: list[str]) -> int:
    """Levenshtein's."""
    row = list(range(len(found) + 1))
    for n, one in enumerate(wanted, 1):
        before, row[0] = row[0], n
        for k, other in enumerate(found, 1):
            before, row[k] = row[k], min(row[k] + 1, row[k - 1] + 1, before + (one != other))
    return row[-1]


@cache
def _simplified() -> OpenCC:
    return OpenCC("t2s")
