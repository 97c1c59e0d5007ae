"""How loud a window is, and whether it is worth the model's time."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PARTS = 4
"""A window's level is taken in this many parts: 8 ms each of 32."""

SILENT_DB = -96.0
"""Level of digital silence, dBFS."""

_DEAD_DB = -62.0
"""Below this no microphone carries words, whatever the noise, dBFS."""
_MARGIN_DB = 7.0
"""Speech stands out of its noise by at least this."""
_FLOOR_START_DB = -60.0
_FLOOR_RISE_DB = 0.25
"""How fast the floor follows a noise that grows, dB a window: 8 dB a second."""
_HANG_WINDOWS = 16
"""Windows the gate stays open after the last loud one: the model needs the tail of a word."""


def levels_db(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Levels of the parts of windows, dBFS: ``[…, 512] -> […, 4]``."""
    parts = samples.reshape(*samples.shape[:-1], PARTS, -1)
    power = np.einsum("...i,...i->...", parts, parts) / parts.shape[-1]
    quiet: NDArray[np.float32] = 10.0 * np.log10(np.maximum(power, 1e-12))
    return np.maximum(quiet, SILENT_DB)


@dataclass(slots=True)
class Gate:
    """Follows the noise of one ear, and opens when something stands out of it.

    While it is closed the model is not asked: that is how a core carries hundreds of ears.
    """

    floor_db: float = _FLOOR_START_DB
    _hang: int = 0

    def loud(self, level_db: float) -> bool:
        """Whether a level stands out of the noise."""
        return level_db > max(self.floor_db + _MARGIN_DB, _DEAD_DB)

    def step(self, loudest_db: float, quietest_db: float) -> bool:
        """Takes a window's levels; true when the model should hear it."""
        self._hang = _HANG_WINDOWS if self.loud(loudest_db) else max(self._hang - 1, 0)
        # The quietest part follows the noise between syllables, so speech does not lift the floor
        # while a noise that goes on does.
        if quietest_db < self.floor_db:
            self.floor_db += 0.3 * (max(quietest_db, _DEAD_DB - _MARGIN_DB) - self.floor_db)
        else:
            self.floor_db += min(_FLOOR_RISE_DB, quietest_db - self.floor_db)
        return self._hang > 0


def rms_db(pcm: bytes) -> float:
    """Level of ``pcm_s16le``, dBFS."""
    samples = np.frombuffer(pcm, np.int16).astype(np.float64)
    power = float(np.mean(samples * samples)) / 32768.0**2 if samples.size else 0.0
    return 10 * math.log10(power) if power > 1e-12 else SILENT_DB
