"""One sample rate for all the sound of a reply, whatever rates its clauses come at.

An engine that falls back to another may change its rate from one clause to the next. A reply is
kept, replayed and compared with its echo as one piece of sound.
"""

from __future__ import annotations

import numpy as np
import soxr


class RateChange:
    """Mono s16le PCM of one rate in, of another out, piece by piece. Rates in Hz."""

    def __init__(self, rate: int, wanted: int) -> None:
        self._stream = soxr.ResampleStream(rate, wanted, 1, dtype="int16", quality="HQ")

    def push(self, pcm: bytes, *, last: bool = False) -> bytes:
        """What `pcm` becomes so far; with `last` also what the filter held back."""
        changed = self._stream.resample_chunk(np.frombuffer(pcm, "<i2"), last=last)
        return bytes(changed.astype("<i2").tobytes())
