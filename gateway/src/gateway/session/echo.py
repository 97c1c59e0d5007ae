"""Tells the assistant's own voice, come back through a loudspeaker, from a person's.

The microphone's sound is correlated with the sound just played (Knapp & Carter 1976, generalised
cross-correlation without weighting): a room delays and filters an echo, but its waveform still
follows the reply's, while a person's does not.
"""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from avatar_contract.audio import HOUSE_RATE

ECHO_CORRELATION = 0.65
"""Peak of the normalised correlation above which the microphone hears mostly the reply."""

_EMPHASIS = np.float32(0.8)
"""Less leaves two utterances of one synthetic voice alike (0.68); more drowns echoes in noise."""

_MIN_SAMPLES = HOUSE_RATE // 10


def is_echo(microphone: bytes, played: bytes, rate: int) -> bool:
    """Whether `microphone` is mostly `played`, delayed.

    Args:
        microphone: 16 kHz mono ``pcm_s16le``, a few hundred ms.
        played: mono ``pcm_s16le`` at `rate` Hz; longer, for the delay is unknown.
    """
    return correlation(microphone, played, rate) >= ECHO_CORRELATION


def correlation(microphone: bytes, played: bytes, rate: int) -> float:
    """Peak of the normalised cross-correlation over all delays, 0 to 1."""
    sound = _samples(played)
    if rate != HOUSE_RATE and len(sound):
        sound = soxr.resample(sound, rate, HOUSE_RATE)
    heard, sound = _emphasised(_samples(microphone)), _emphasised(sound)
    if len(heard) < _MIN_SAMPLES or len(sound) < len(heard):
        return 0.0
    size = 1 << (len(sound) + len(heard) - 1).bit_length()
    spectrum = np.fft.rfft(sound, size) * np.conj(np.fft.rfft(heard, size))
    products = np.fft.irfft(spectrum, size)[: len(sound) - len(heard) + 1]
    squares = np.concatenate(([0.0], np.cumsum(sound.astype(np.float64) ** 2)))
    energy = squares[len(heard) :] - squares[: -len(heard)]
    norm = np.sqrt(np.maximum(energy, 1.0) * max(float(np.sum(heard.astype(np.float64) ** 2)), 1.0))
    return float(np.max(np.abs(products) / norm))


def _samples(pcm: bytes) -> NDArray[np.float32]:
    return np.frombuffer(pcm, np.int16).astype(np.float32)


def _emphasised(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Flattens speech's spectrum: two voices of one pitch would be alike in their lowest tones."""
    return samples - _EMPHASIS * np.concatenate((samples[:1] * 0, samples[:-1]))
