"""Speaker embeddings, where the engine's environment has resemblyzer: its wheel has its weights.

Source: resemblyzer 0.1.4, GE2E (Wan et al. 2018): 256 dimensions, unit length.
"""

import importlib
from typing import Any

import numpy as np
import soxr

from tts_service.polish import Signal

RATE = 16_000


class Embedder:
    """Loads, and compiles its numba parts, when it is made: the first call takes a minute."""

    def __init__(self, device: str) -> None:
        self._encoder = _encoder(device)
        if self._encoder is not None:
            self._encoder.embed_utterance(np.ones(RATE, np.float32) * 0.01)

    def embed(self, signal: Signal, rate: int) -> list[float] | None:
        """The speaker of `signal`; None where resemblyzer is not installed."""
        if self._encoder is None:
            return None
        heard = soxr.resample(signal, rate, RATE)
        return [float(value) for value in self._encoder.embed_utterance(heard)]


def _encoder(device: str) -> Any:
    """resemblyzer's, or None where it is not installed."""
    try:
        library = importlib.import_module("resemblyzer")
    except ImportError:
        return None
    return library.VoiceEncoder(device, verbose=False)
