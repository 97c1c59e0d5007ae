"""Spoken words for the real-time client: each carries its mark (see `marks`)."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from avatar_bench import espeak
from avatar_bench.espeak import Floats
from avatar_bench.marks import RATE, codes, tones
from avatar_bench.sentences import HESITANT, ORDINARY

WORDS = ORDINARY.split()
"""Two syllables or more."""

_VOICE = "en-us"
_MARK_LEVEL = 0.006
_VOICE_RMS = 0.12
_SHORTEST = int(0.24 * RATE)
"""A mark of four tones can be read from so many samples."""

Pcm = NDArray[np.int16]


@dataclass(frozen=True)
class Clips:
    """Word by word: 16 kHz mono samples, trimmed to the voice."""

    words: tuple[str, ...]
    pcm: dict[str, Pcm]


def all_words() -> tuple[str, ...]:
    """The words that the scenes use."""
    return tuple(dict.fromkeys([*WORDS, *HESITANT.replace("|", " ").split()]))


def words_by_code() -> dict[tuple[int, int, int], str]:
    """The word of each mark."""
    return dict(zip(codes(), all_words(), strict=False))


@cache
def load() -> Clips:
    """The clips of all words that the scenes use."""
    words = all_words()
    spoken = espeak.say([(_VOICE, word) for word in words])
    numbers = codes()
    pcm = {}
    for n, word in enumerate(words):
        voiced = _finish(_without_highs(spoken[_VOICE, word]))
        marked = voiced + tones(numbers[n], len(voiced), _MARK_LEVEL)
        pcm[word] = np.clip(marked * 32767, -32768, 32767).astype(np.int16)
    return Clips(words, pcm)


def _without_highs(samples: Floats) -> Floats:
    spectrum = np.fft.rfft(samples)
    spectrum[np.fft.rfftfreq(len(samples), 1 / RATE) > 6300] = 0
    kept: Floats = np.fft.irfft(spectrum, len(samples)).astype(np.float32)
    return kept


def _finish(samples: Floats) -> Floats:
    if len(samples) < _SHORTEST:
        at = np.linspace(0, len(samples) - 1, _SHORTEST)
        samples = np.interp(at, np.arange(len(samples)), samples).astype(np.float32)
    # Evened out, so that no quiet consonant inside a word looks like a pause.
    window = RATE // 50
    power = np.convolve(samples**2, np.ones(window) / window, mode="same")
    gain = (_VOICE_RMS**2 / np.maximum(power, 0.05 * power.max())) ** 0.35
    even = samples * gain
    even *= _VOICE_RMS / np.sqrt(np.mean(even**2))
    finished: Floats = np.clip(even, -0.9, 0.9).astype(np.float32)
    return finished
