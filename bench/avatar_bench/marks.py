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
_GAPS = slice(_FIRST_BIN + 1, _FIRST_BIN + 2 * (DIGITS + 1), 2)
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


def read(samples: Floats) -> list[tuple[tuple[int, int, int], int]]:
    """The words in `samples` (16 kHz, -1 … 1): their codes, and the sample where each ends."""
    symbols = _symbols(samples)
    words: list[tuple[tuple[int, int, int], int]] = []
    run: list[int] = []
    for n, symbol in enumerate(symbols):
        if symbol == 0 and (not run or run[-1] != 0):
            run = [0]
        elif symbol > 0 and run and symbol != run[-1]:
            run.append(symbol)
            if len(run) == 4:
                words.append(((run[1] - 1, run[2] - 1, run[3] - 1), n * HOP + FRAME))
                run = []
    return words


def _symbols(samples: Floats) -> list[int]:
    """The tone in each hop, smoothed over two: -1 where there is none."""
    if len(samples) < FRAME:
        return []
    count = (len(samples) - FRAME) // HOP + 1
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP][:count]
    power = np.abs(np.fft.rfft(frames * np.hanning(FRAME), axis=1)) ** 2 / FRAME**2
    found = power[:, _BINS]
    best = found.argmax(axis=1)
    strength = found[np.arange(count), best]
    clear = (strength > _CLEARLY * (found.sum(axis=1) - strength) / DIGITS) & (strength > _LEAST)
    symbols = np.where(clear, best, -1)
    steady = np.full(count, -1)
    same = symbols[1:] == symbols[:-1]
    steady[1:][same] = symbols[1:][same]
    return [int(symbol) for symbol in steady]
