"""A speaker's pitch and formant spacing, measured with numpy alone.

pyworld measures better but has no wheels, and parselmouth is GPL: neither fits a service that is
installed on machines without a compiler. What is needed here is one median of each.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr

Signal = npt.NDArray[np.float64]

RATE = 10_000
"""Working rate, Hz: five formants of an adult are below half of it. A lower one stays as it is:
an empty top of the spectrum would get resonances of its own."""

_FRAME_S = 0.04
_HOP_S = 0.01
_SMOOTH_S = 0.0015
"""Pitch is looked for below about 1 kHz, where a voice repeats itself most exactly."""
_MIN_F0, _MAX_F0 = 65.0, 400.0
_YIN_THRESHOLD = 0.18
_LOUD = 0.05
_FEWEST_FRAMES = 20
_MAX_FRAMES = 1500
_BANDS = ((200.0, 1100.0), (700.0, 2700.0), (1800.0, 3600.0), (2900.0, 4700.0))
_MAX_BANDWIDTH = 500.0


@dataclass(frozen=True)
class Speaker:
    """What the effect copies."""

    pitch: float
    """Median fundamental frequency of voiced frames, Hz."""
    spacing: float
    """Mean distance of formants, Hz: the speed of sound over twice the vocal tract's length."""


def measure(samples: npt.NDArray[np.int16], rate: int) -> Speaker | None:
    """The speaker of mono `samples` at `rate` Hz; None where too little of it is voiced."""
    work = min(rate, RATE)
    signal = soxr.resample(samples.astype(np.float64) / 32768, rate, work)
    frames = _loud_frames(signal, work)
    smooth = np.hamming(int(work * _SMOOTH_S) | 1)
    pitches = np.array([_pitch(np.convolve(frame, smooth, "same"), work) for frame in frames])
    voiced = frames[pitches > 0]
    if len(voiced) < _FEWEST_FRAMES:
        return None
    half = frames.shape[1] // 2
    found = [spacing for frame in voiced if (spacing := _spacing(frame[:half], work)) > 0]
    if len(found) < _FEWEST_FRAMES // 2:
        return None
    return Speaker(float(np.median(pitches[pitches > 0])), float(np.median(found)))


def _loud_frames(signal: Signal, rate: int) -> Signal:
    """Frames twice as long as one lag, the loud ones, at most as many as are quick to measure."""
    length = 2 * int(rate * _FRAME_S)
    if len(signal) < length:
        return np.zeros((0, length))
    frames: Signal = np.lib.stride_tricks.sliding_window_view(signal, length)[:: int(rate * _HOP_S)]
    level = np.sqrt(np.mean(frames**2, axis=1))
    loud: Signal = frames[level > _LOUD * max(level.max(), 1e-9)]
    return loud[:: len(loud) // _MAX_FRAMES + 1]


def _pitch(frame: Signal, rate: int) -> float:
    """Hz, or 0 where it is not voiced (YIN, de Cheveigné and Kawahara 2002, steps 2 to 5)."""
    longest = int(rate / _MIN_F0)
    shortest = int(rate / _MAX_F0)
    size = len(frame) // 2
    head = frame[:size]
    windows = np.lib.stride_tricks.sliding_window_view(frame, size)[: longest + 2]
    difference = np.sum((windows - head) ** 2, axis=1)
    running = np.cumsum(difference[1:])
    lags = np.arange(1, len(difference))
    normal = np.ones(len(difference))
    normal[1:] = difference[1:] * lags / np.maximum(running, 1e-12)
    below = np.flatnonzero(normal[shortest : longest + 1] < _YIN_THRESHOLD)
    if not below.size:
        return 0.0
    lag = int(below[0]) + shortest
    while lag < longest and normal[lag + 1] < normal[lag]:
        lag += 1
    return rate / (lag + _vertex(normal[lag - 1 : lag + 2]))


def _vertex(three: Signal) -> float:
    """Where the parabola through three points has its extreme, from the middle one."""
    left, middle, right = three
    bend = left - 2 * middle + right
    return 0.0 if bend == 0 else float(0.5 * (left - right) / bend)


def _spacing(frame: Signal, rate: int) -> float:
    """Formant spacing of a voiced frame, Hz; 0 where fewer than three formants are seen.

    A uniform tube's formants are odd multiples of half the spacing (Reby and McComb 2003).
    """
    formants = _formants(frame, rate)
    tops = [
        (number, next((f for f in formants if low <= f <= high), 0.0))
        for number, (low, high) in enumerate(_BANDS, 1)
    ]
    seen = [(number - 0.5, formant) for number, formant in tops if formant]
    if len(seen) < 3:
        return 0.0
    weight = sum(order * order for order, _ in seen)
    return sum(order * formant for order, formant in seen) / weight


def _formants(frame: Signal, rate: int) -> list[float]:
    """Resonances in Hz, ascending: roots of the linear predictor (autocorrelation method)."""
    order = round(rate / 1000)
    emphasised = np.append(frame[0], frame[1:] - 0.97 * frame[:-1]) * np.hamming(len(frame))
    correlation = np.correlate(emphasised, emphasised, "full")[len(frame) - 1 :][: order + 1]
    if correlation[0] <= 0:
        return []
    index = np.abs(np.subtract.outer(np.arange(order), np.arange(order)))
    matrix = correlation[index] + np.eye(order) * correlation[0] * 1e-9
    predictor = np.linalg.solve(matrix, correlation[1:])
    roots = np.roots(np.concatenate(([1.0], -predictor)))
    roots = roots[roots.imag > 0]
    frequency = np.angle(roots) * rate / (2 * np.pi)
    bandwidth = -np.log(np.maximum(np.abs(roots), 1e-9)) * rate / np.pi
    return sorted(float(f) for f, b in zip(frequency, bandwidth, strict=True) if b < _MAX_BANDWIDTH)
