"""Checks a reference recording before an engine gets it."""

import numpy as np
import numpy.typing as npt

from avatar_contract.audio import MIN_RATE, read_wav, wav_bytes
from avatar_contract.errors import BadAudio, NoSpeech

MIN_S, MAX_S = 1.0, 60.0
"""Shortest and longest reference, seconds."""

_FRAME_S = 0.03
_SPEECH_DBFS = -50.0
_MIN_SPEECH_S = 0.5
_ADVICE = "Record 3 to 30 seconds of one person speaking clearly."


def checked(data: bytes) -> bytes:
    """`data` (16-bit PCM wav, any channels) as a mono wav at its own rate.

    Raises:
        BadAudio: no wav, a rate below 8 kHz, shorter than 1 s, longer than 60 s.
        NoSpeech: under half a second of it is louder than -50 dBFS.
    """
    pcm, rate, channels = read_wav(data)
    if rate < MIN_RATE:
        raise BadAudio(f"The reference is sampled at {rate} Hz; 8,000 Hz is the least.")
    samples = np.frombuffer(pcm, np.int16).reshape(-1, channels)
    seconds = len(samples) / rate
    if seconds < MIN_S:
        raise BadAudio(f"The reference lasts {seconds:.1f} s, too short to copy a voice. {_ADVICE}")
    if seconds > MAX_S:
        raise BadAudio(f"The reference lasts {seconds:.0f} s; 60 is the most. {_ADVICE}")
    mono = samples.astype(np.float32).mean(axis=1)
    if _loud_seconds(mono, rate) < _MIN_SPEECH_S:
        raise NoSpeech(f"The reference is silent, or nearly. {_ADVICE}")
    return wav_bytes(np.round(mono).astype(np.int16).tobytes(), rate)


def _loud_seconds(mono: npt.NDArray[np.float32], rate: int) -> float:
    size = int(rate * _FRAME_S)
    frames = mono[: len(mono) - len(mono) % size].reshape(-1, size) / 32768
    level = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-12)
    return float(np.count_nonzero(level > _SPEECH_DBFS) * _FRAME_S)
