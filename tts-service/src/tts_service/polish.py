"""Tidies recordings and synthesised sound; numpy alone, mono float samples from -1 to 1."""

import numpy as np
import numpy.typing as npt

Signal = npt.NDArray[np.float32]

_FRAME_S = 0.02
_QUIET_DB = -42.0
_TARGET_RMS = 0.1
_MAX_PEAK = 0.89
_FADE_S = 0.008
_RUMBLE_HZ = 60.0


def without_silence(signal: Signal, rate: int, *, longest_s: float = 0.3) -> Signal:
    """`signal` without silence at its ends, and with no pause longer than `longest_s` inside.

    Silence is what is 42 dB below the loudest frame. Empty where nothing is louder than that.
    """
    size = int(rate * _FRAME_S)
    count = len(signal) // size
    if count == 0:
        return signal[:0]
    frames = signal[: count * size].reshape(count, size)
    level = np.sqrt(np.mean(frames**2, axis=1))
    loud = level > level.max() * 10 ** (_QUIET_DB / 20)
    if not level.max() > 0:
        return signal[:0]
    sounding = np.flatnonzero(loud)
    keep = np.zeros(count, bool)
    keep[sounding[0] : sounding[-1] + 1] = True
    keep &= _pause_position(loud) < longest_s / _FRAME_S
    return frames[keep].reshape(-1)


def _pause_position(loud: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """How many frames of silence there were before each frame, itself counted."""
    index = np.arange(len(loud))
    last = np.maximum.accumulate(np.where(loud, index, -1))
    return index - last


def cleaned(signal: Signal, rate: int) -> Signal:
    """Synthesised sound for `hq`: no rumble, an even level, no click at its ends."""
    if signal.size == 0:
        return signal
    spectrum = np.fft.rfft(signal)
    frequency = np.fft.rfftfreq(len(signal), 1 / rate)
    spectrum[frequency < _RUMBLE_HZ] = 0
    tidy = np.fft.irfft(spectrum, len(signal))
    rms = float(np.sqrt(np.mean(tidy**2)))
    if rms > 0:
        tidy = tidy * (_TARGET_RMS / rms)
    peak = float(np.max(np.abs(tidy)))
    if peak > _MAX_PEAK:
        tidy = tidy * (_MAX_PEAK / peak)
    fade = min(int(rate * _FADE_S), len(tidy) // 2)
    if fade:
        ramp = np.linspace(0, 1, fade)
        tidy[:fade] *= ramp
        tidy[-fade:] *= ramp[::-1]
    return tidy.astype(np.float32)


def pcm(signal: npt.NDArray[np.floating]) -> bytes:
    """Samples as ``pcm_s16le``. Raises ValueError when one is not a number."""
    if not np.isfinite(signal).all():
        raise ValueError("the engine made samples that are no numbers")
    samples: npt.NDArray[np.int16] = (np.clip(signal, -1, 1) * 32767).round().astype("<i2")
    return samples.tobytes()
