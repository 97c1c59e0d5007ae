"""Pitch by normalised autocorrelation (Rabiner, 1977, "On the use of autocorrelation analysis for
pitch detection"): coarse, fast, enough to tell a voice from noise and one voice from another."""

import numpy as np
import soxr

_RATE = 8_000
_HOP = 80  # 10 ms
_WINDOW = 400  # 50 ms: two periods of the lowest pitch
_LOWEST_HZ, _HIGHEST_HZ = 65, 420
_PERIODIC = 0.5
_LOUDEST_BELOW_DB = 35


def pitches(samples: np.ndarray, rate: int) -> np.ndarray:
    """The pitch of each 10 ms frame of float samples, in semitones over 55 Hz; NaN: no voice."""
    low = soxr.resample(samples, rate, _RATE) if rate != _RATE else samples
    if len(low) < _WINDOW:
        return np.zeros(0)
    frames = np.lib.stride_tricks.sliding_window_view(low, _WINDOW)[::_HOP]
    frames = (frames - frames.mean(axis=1, keepdims=True)) * np.hanning(_WINDOW)
    correlation = _autocorrelation(frames) / _autocorrelation(np.hanning(_WINDOW)[None])[0]
    shortest, longest = _RATE // _HIGHEST_HZ, _RATE // _LOWEST_HZ
    searched = correlation[:, shortest:longest]
    lags = np.argmax(searched, axis=1)
    strength = np.take_along_axis(searched, lags[:, None], axis=1)[:, 0]
    power = np.square(frames).mean(axis=1)
    loud = power > power.max() * 10 ** (-_LOUDEST_BELOW_DB / 10)
    voiced = (strength > _PERIODIC) & loud
    found = np.full(len(frames), np.nan)
    found[voiced] = 12 * np.log2(_RATE / (lags[voiced] + shortest) / 55)
    return found


def _autocorrelation(frames: np.ndarray) -> np.ndarray:
    spectrum = np.fft.rfft(frames, 1024, axis=1)
    raw = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, : _WINDOW // 2 + 1]
    whole: np.ndarray = raw / np.maximum(raw[:, :1], 1e-12)
    return whole
