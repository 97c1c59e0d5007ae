"""Raw s16le: handed through at 16 kHz mono, else mixed down and resampled.

soxr's HQ recipe needs 5 µs for 20 ms of sound, a hop to a thread ten times that: small pieces are
resampled where they arrive, big ones on the pool. soxr holds back up to 40 ms until `finish`.
"""

import numpy as np
import soxr
from numpy.typing import NDArray

from avatar_contract.audio import HOUSE_RATE
from avatar_contract.errors import BadAudio
from gateway.edge.decode.base import BYTES_PER_SAMPLE, DecodeLimits, Meter, require_bytes
from gateway.edge.decode.workers import DecodeWorkers

INLINE_BYTES = 32 * 1024
"""Input up to here (340 ms at 48 kHz mono) costs under 0.1 ms and stays on the event loop."""


class Resampler:
    """Interleaved float32 or int16 frames in, 16 kHz mono int16 bytes out; keeps its state."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        """Of the input, Hz."""
        self._stream: soxr.ResampleStream | None = None
        if rate != HOUSE_RATE:
            self._stream = soxr.ResampleStream(rate, HOUSE_RATE, 1, dtype="int16", quality="HQ")

    def push(self, mono: NDArray[np.int16], *, last: bool = False) -> bytes:
        """Resample `mono` (samples,); `last` also returns the filter's tail."""
        if self._stream is None:
            return mono.tobytes()
        return bytes(self._stream.resample_chunk(mono, last=last).astype("<i2").tobytes())

    def flush(self) -> bytes:
        """The filter's tail, when the input is over."""
        return self.push(np.zeros(0, np.int16), last=True)


class FloatResampler:
    """Mono float32 in -1..1 to house audio; rounds after resampling, when there is less of it."""

    def __init__(self, rate: int) -> None:
        self._stream = soxr.ResampleStream(rate, HOUSE_RATE, 1, dtype="float32", quality="HQ")

    def push(self, mono: NDArray[np.float32], *, last: bool = False) -> bytes:
        """Resample `mono` (samples,)."""
        scaled = self._stream.resample_chunk(mono, last=last) * np.float32(32768.0)
        np.rint(scaled, out=scaled)
        np.clip(scaled, -32768, 32767, out=scaled)
        return bytes(scaled.astype("<i2").tobytes())

    def flush(self) -> bytes:
        """The filter's tail, when the input is over."""
        return self.push(np.zeros(0, np.float32), last=True)


def mono_from_s16(data: bytes, channels: int) -> NDArray[np.int16]:
    """Mean over interleaved s16le channels."""
    samples = np.frombuffer(data, "<i2")
    if channels == 1:
        return samples.astype(np.int16, copy=False)
    return mono_from_float(samples.reshape(-1, channels).astype(np.float32) / 32768.0)


def mono_from_float(frames: NDArray[np.float32]) -> NDArray[np.int16]:
    """Mean over (frames, channels) in -1..1, clipped to int16; NaN and infinities become 0."""
    mean = np.nan_to_num(frames.mean(axis=1, dtype=np.float32), posinf=0.0, neginf=0.0)
    scaled = np.clip(np.rint(mean * 32768.0), -32768, 32767)
    return np.asarray(scaled.astype(np.int16))


class HousePcm:
    """16 kHz mono s16le: nothing to do but count and check."""

    passthrough = True

    def __init__(self, limits: DecodeLimits) -> None:
        self._meter = Meter(limits)

    async def feed(self, data: bytes) -> bytes:
        """Return `data` itself."""
        check_frames(data, BYTES_PER_SAMPLE)
        self._meter.add(len(data))
        return data

    async def finish(self) -> bytes:
        """Nothing is ever held back."""
        return b""

    def close(self) -> None:
        """Nothing to let go of."""


class PcmResampling:
    """s16le of another rate or with several channels."""

    passthrough = False

    def __init__(
        self, rate: int, channels: int, limits: DecodeLimits, workers: DecodeWorkers
    ) -> None:
        self._channels = channels
        self._frame = BYTES_PER_SAMPLE * channels
        self._resampler = Resampler(rate)
        self._meter = Meter(limits)
        self._workers = workers

    async def feed(self, data: bytes) -> bytes:
        """Resample a piece of whole frames."""
        check_frames(data, self._frame)

        def work() -> bytes:
            return self._resampler.push(mono_from_s16(data, self._channels))

        pcm = work() if len(data) <= INLINE_BYTES else await self._workers.call(work)
        self._meter.add(len(pcm))
        return pcm

    async def finish(self) -> bytes:
        """The filter's tail."""
        return self._resampler.flush()

    def close(self) -> None:
        """Buffers go with the object."""


def check_frames(data: bytes, frame: int) -> None:
    """Raise `BadAudio` unless `data` is one or more whole frames of `frame` bytes."""
    require_bytes(data)
    if len(data) % frame:
        raise BadAudio(
            f"The chunk has {len(data)} bytes, no multiple of {frame}: "
            "pcm_s16le has 2 bytes a sample in each channel. Was it cut in mid-sample?"
        )
