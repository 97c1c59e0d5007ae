"""Words that a machine can read out of sound: each spoken word carries its number as tones.

::

    word │ start tone │ digit 1 │ digit 2 │ digit 3 │      quarters of the word

The tones lie above the voice (6.6 to 7.6 kHz of 8) and 30 dB below it, so a voice activity model
hears the voice. A word whose sound was cut lacks a digit and is not read: a stand-in recogniser
returns only the words contained in the audio that it was given.
"""

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
START_HZ = 6600.0
STEP_HZ = 100.0
DIGITS = 10
FRAME = 320
"""20 ms: bins of 50 Hz, so that every tone is a bin."""
HOP = 160
_FIRST_BIN = int(START_HZ / 50)
_BINS = slice(_FIRST_BIN, _FIRST_BIN + 2 * (DIGITS + 1), 2)
_CLEARLY = 6.0
"""A tone's bin against the mean of all tones' bins, in power."""
_LEAST = 1e-7
"""Power under which there is no tone at all."""

Floats = NDArray[np.float32]


def codes() -> list[tuple[int, int, int]]:
    """All numbers a word can carry: neighbours differ, so that digits can be told apart."""
    return [
        (a, b, c)
        for a in range(DIGITS)
        for b in range(DIGITS)
        for c in range(DIGITS)
        if a != b != c
    ]


def tones(code: tuple[int, int, int], samples: int, level: float) -> Floats:
    """The mark for a word of so many samples, with amplitude `level` (full scale is 1)."""
    quarter = samples // 4
    symbols = (0, *(digit + 1 for digit in code))
    parts = []
    for n, symbol in enumerate(symbols):
        length = quarter if n < 3 else samples - 3 * quarter
        t = np.arange(length) / RATE
        fade = np.minimum(1.0, np.minimum(np.arange(length), np.arange(length)[::-1]) / 40)
        parts.append(np.sin(2 * np.pi * (START_HZ + symbol * STEP_HZ) * t) * fade * level)
    mark: Floats = np.concatenate(parts).astype(np.float32)
    return mark


Code = tuple[int, int, int]


class Reader:
    """Reads the words of one stream as it grows: each sample is looked at once."""

    def __init__(self) -> None:
        self.words: list[tuple[Code, int]] = []
        """The words so far: their codes, and the sample where each ends."""
        self._kept: Floats = np.zeros(0, np.float32)
        self._hops = 0
        self._last = -1
        self._run: list[int] = []

    def feed(self, samples: Floats) -> None:
        """More sound, 16 kHz, -1 … 1."""
        self._kept = np.concatenate([self._kept, samples])
        for symbol in self._symbols():
            # A tone counts when it lasts for two hops.
            self._take(symbol if symbol == self._last else -1)
            self._last = symbol
            self._hops += 1

    def _take(self, symbol: int) -> None:
        run = self._run
        if symbol == 0 and (not run or run[-1] != 0):
            self._run = [0]
        elif symbol > 0 and run and symbol != run[-1]:
            run.append(symbol)
            if len(run) == 4:
                code = (run[1] - 1, run[2] - 1, run[3] - 1)
                self.words.append((code, self._hops * HOP + FRAME))
                self._run = []

    def _symbols(self) -> list[int]:
        """The tone in each new hop: -1 where there is none."""
        if len(self._kept) < FRAME:
            return []
        count = (len(self._kept) - FRAME) // HOP + 1
        frames = np.lib.stride_tricks.sliding_window_view(self._kept, FRAME)[::HOP][:count]
        power = np.abs(np.fft.rfft(frames * _HANN, axis=1)) ** 2 / FRAME**2
        found = power[:, _BINS]
        best = found.argmax(axis=1)
        strength = found[np.arange(count), best]
        clear = (strength > _CLEARLY * (found.sum(axis=1) - strength) / DIGITS) & (
            strength > _LEAST
        )
        self._kept = self._kept[count * HOP :]
        return [int(symbol) for symbol in np.where(clear, best, -1)]


_HANN = np.hanning(FRAME).astype(np.float32)


def read(samples: Floats) -> list[tuple[Code, int]]:
    """The words in `samples` (16 kHz, -1 … 1): their codes, and the sample where each ends."""
    reader = Reader()
    reader.feed(samples)
    return reader.words
