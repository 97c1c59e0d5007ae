"""RIFF/WAVE as it grows: the header declares the format, the body is read to its end.

Source: Microsoft, Multimedia Programming Interface and Data Specifications 1.0 (RIFF, WAVE) and
the WAVE_FORMAT_EXTENSIBLE note. Writers that stream can't know sizes: 0 and anything that
reaches past the end mean "until the end".
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avatar_contract.audio import HOUSE_RATE
from avatar_contract.errors import BadAudio
from gateway.edge.decode.base import DecodeLimits, Meter, require_bytes
from gateway.edge.decode.pcm import INLINE_BYTES, Resampler, mono_from_float, mono_from_s16
from gateway.edge.decode.workers import DecodeWorkers

MAX_HEADER_BYTES = 64 * 1024
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
LOWEST_RATE, HIGHEST_RATE = 8_000, 192_000
MOST_CHANNELS = 8
_UNKNOWN_SIZE = 0


@dataclass(frozen=True, slots=True)
class WavHeader:
    """What the `fmt ` chunk says and where the samples lie."""

    tag: int
    channels: int
    rate: int
    bits: int
    data_start: int
    """Offset of the first sample from the start of the file."""
    data_bytes: int | None
    """Declared length of the samples; None when the writer did not know."""

    @property
    def frame(self) -> int:
        """Bytes of one sample in all channels."""
        return self.channels * self.bits // 8


def parse_header(head: bytes) -> WavHeader | None:
    """Read chunks up to `data`; None when more bytes are needed. Raises `BadAudio`."""
    if len(head) < 12:
        if not b"RIFF".startswith(head[:4]):
            raise BadAudio("This is no wav: it does not begin with RIFF.")
        return None
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        raise BadAudio("This is no wav: it does not begin with RIFF and WAVE.")
    at = 12
    fmt: tuple[int, int, int, int] | None = None
    while at + 8 <= len(head):
        name, size = struct.unpack_from("<4sI", head, at)
        body = at + 8
        if name == b"data":
            if fmt is None:
                raise BadAudio("The wav has samples before its format. Write `fmt ` first.")
            known = size not in (_UNKNOWN_SIZE, 0xFFFFFFFF)
            return WavHeader(*fmt, data_start=body, data_bytes=size if known else None)
        if name == b"fmt ":
            if len(head) < body + min(size, 40):
                return None
            fmt = _parse_fmt(head[body : body + size])
        at = body + size + size % 2
    return None


def _parse_fmt(body: bytes) -> tuple[int, int, int, int]:
    """(tag, channels, rate, bits) of a `fmt ` chunk; raises `BadAudio` when out of range."""
    if len(body) < 16:
        raise BadAudio("The wav's format chunk is cut short.")
    tag, channels, rate, _, align, bits = struct.unpack_from("<HHIIHH", body)
    if tag == EXTENSIBLE and len(body) >= 26:
        (tag,) = struct.unpack_from("<H", body, 24)
    if (tag, bits) not in _CONVERT:
        raise BadAudio(
            f"wav encoding {tag} with {bits} bits is not taken. "
            "Send PCM of 8, 16, 24 or 32 bits, or 32-bit float."
        )
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise BadAudio(f"The wav says {rate} Hz; {LOWEST_RATE} to {HIGHEST_RATE} are taken.")
    if not 1 <= channels <= MOST_CHANNELS:
        raise BadAudio(f"The wav says {channels} channels; 1 to {MOST_CHANNELS} are taken.")
    if align != channels * bits // 8:
        raise BadAudio("The wav's block size disagrees with its channels and bits.")
    return tag, channels, rate, bits


def _from_u8(data: bytes, channels: int) -> NDArray[np.int16]:
    frames = (np.frombuffer(data, np.uint8).astype(np.float32) - 128.0) / 128.0
    return mono_from_float(frames.reshape(-1, channels))


def _from_s24(data: bytes, channels: int) -> NDArray[np.int16]:
    raw = np.frombuffer(data, np.uint8).reshape(-1, 3)
    wide = np.zeros((len(raw), 4), np.uint8)
    wide[:, 1:] = raw
    return _from_s32(wide.tobytes(), channels)


def _from_s32(data: bytes, channels: int) -> NDArray[np.int16]:
    frames = np.frombuffer(data, "<i4").astype(np.float32) / 2147483648.0
    return mono_from_float(frames.reshape(-1, channels))


def _from_f32(data: bytes, channels: int) -> NDArray[np.int16]:
    return mono_from_float(np.frombuffer(data, "<f4").astype(np.float32).reshape(-1, channels))


_CONVERT: dict[tuple[int, int], Callable[[bytes, int], NDArray[np.int16]]] = {
    (PCM, 8): _from_u8,
    (PCM, 16): mono_from_s16,
    (PCM, 24): _from_s24,
    (PCM, 32): _from_s32,
    (FLOAT, 32): _from_f32,
}


class WavDecoder:
    """One wav file, fed in pieces of any size."""

    passthrough = False

    def __init__(self, limits: DecodeLimits, workers: DecodeWorkers) -> None:
        self._meter = Meter(limits)
        self._workers = workers
        self._header: WavHeader | None = None
        self._pending = b""
        self._left: int | None = None
        self._trailer = 0
        self._resampler: Resampler | None = None

    async def feed(self, data: bytes) -> bytes:
        """Take the next piece of the file."""
        require_bytes(data)
        data = self._pending + data if self._pending else data
        self._pending = b""
        if self._header is None:
            data = self._open(data)
        header = self._header
        if header is None:
            return b""
        if self._left is not None:
            self._count_trailer(len(data) - self._left)
            data = data[: self._left]
            self._left -= len(data)
        whole = len(data) - len(data) % header.frame
        if whole != len(data):
            self._pending = data[whole:]
            self._left = None if self._left is None else self._left + len(self._pending)
            data = data[:whole]
        return await self._convert(data, header) if data else b""

    def _open(self, data: bytes) -> bytes:
        """Look for the header in `data`; return the samples that follow it."""
        header = parse_header(data)
        if header is None:
            if len(data) > MAX_HEADER_BYTES:
                raise BadAudio("The wav has no samples in its first 64 KiB.")
            self._pending = data
            return b""
        self._header = header
        self._left = header.data_bytes
        return data[header.data_start :]

    def _count_trailer(self, n_bytes: int) -> None:
        """Tags may follow the samples; sound that goes on after the declared end would be lost."""
        self._trailer += max(0, n_bytes)
        if self._trailer > MAX_HEADER_BYTES:
            raise BadAudio("The wav goes on after the length that its header declares.")

    async def _convert(self, data: bytes, header: WavHeader) -> bytes:
        if (header.tag, header.bits, header.channels, header.rate) == (PCM, 16, 1, HOUSE_RATE):
            self._meter.add(len(data))
            return data
        resampler = self._resampler = self._resampler or Resampler(header.rate)

        def work() -> bytes:
            return resampler.push(_CONVERT[header.tag, header.bits](data, header.channels))

        pcm = work() if len(data) <= INLINE_BYTES else await self._workers.call(work)
        self._meter.add(len(pcm))
        return pcm

    async def finish(self) -> bytes:
        """The filter's tail; raises `BadAudio` when the file never had a sample."""
        tail = self._resampler.flush() if self._resampler else b""
        self._meter.add(len(tail))
        if not self._meter.total:
            raise BadAudio("The wav holds no samples.")
        return tail

    def close(self) -> None:
        """Buffers go with the object."""
        self._pending = b""
