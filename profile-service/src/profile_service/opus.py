"""Turns are kept as Ogg/Opus (RFC 6716, RFC 7845), made by libopus through PyAV."""

import io
from fractions import Fraction

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream

from avatar_contract.audio import SAMPLE_BYTES, pcm_ms, read_wav
from profile_service.audiofile import OGG_OPUS, Sound

OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
"""Sample rates that Opus takes as they are, Hz."""

BIT_RATE = 32_000
"""Speech is transparent at it, mono, bit/s."""

_FRAME_SAMPLES = 4_096
_COMPLEXITY = "5"  # half of the work of 10, and no difference that is heard at this rate


def from_wav(wav: bytes) -> Sound | None:
    """Ogg/Opus of a 16-bit PCM wav, mixed down to mono; None when there is no sample in it.

    Blocking.

    Raises:
        BadAudio: it is not such a wav.
    """
    pcm, rate, channels = read_wav(wav)
    whole = len(pcm) - len(pcm) % (SAMPLE_BYTES * channels)
    samples = np.frombuffer(pcm[:whole], dtype="<i2").reshape(-1, channels)
    if not len(samples):
        return None
    mono = samples[:, 0] if channels == 1 else samples.mean(axis=1).astype("<i2")
    return Sound(_encode(mono, rate), OGG_OPUS, pcm_ms(len(mono) * SAMPLE_BYTES, rate))


def _encode(mono: np.ndarray, rate: int) -> bytes:
    target = rate if rate in OPUS_RATES else OPUS_RATES[-1]
    resampler = av.AudioResampler(format="s16", layout="mono", rate=target)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="ogg") as container:
        stream = container.add_stream(
            "libopus", rate=target, options={"compression_level": _COMPLEXITY}
        )
        stream.bit_rate = BIT_RATE
        stream.layout = "mono"
        for at in range(0, len(mono), _FRAME_SAMPLES):
            frame = AudioFrame.from_ndarray(
                mono[None, at : at + _FRAME_SAMPLES], format="s16", layout="mono"
            )
            frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
            for resampled in resampler.resample(frame):
                container.mux(stream.encode(resampled))
        _flush(container, stream, resampler)
    return buffer.getvalue()


def _flush(
    container: av.container.OutputContainer, stream: AudioStream, resampler: av.AudioResampler
) -> None:
    for resampled in resampler.resample(None):
        container.mux(stream.encode(resampled))
    container.mux(stream.encode(None))
