"""RIFF/WAVE as it grows: the header declares the format, the body is read to its end.

A stream may hold one file after another: some clients make each chunk a file of its own. A header
is looked for in the whole stream, because writers that don't know sizes leave no other trace of
where the next file begins; twelve bytes that agree by chance would take a thousand years.

Source: Microsoft, Multimedia Programming Interface and Data Specifications 1.0 (RIFF, WAVE) and
the WAVE_FORMAT_EXTENSIBLE note. Writers that stream can't know sizes: 0 and anything that
reaches past the end mean "until the end".
"""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avatar_contract.errors import BadAudio
from gateway.edge.decode.base import DecodeLimits, Meter, require_bytes
from gateway.edge.decode.pcm import INLINE_BYTES, Resampler, mono_from_float, mono_from_s16
from gateway.edge.decode.workers import DecodeWorkers

MAX_HEADER_BYTES = 64 * 1024
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
LOWEST_RATE, HIGHEST_RATE = 8_000, 192_000
MOST_CHANNELS = 8
_UNKNOWN_SIZE = 0
_BEGINNING = re.compile(rb"RIFF.{4}WAVE", re.DOTALL)
_BEGINNING_BYTES = 12


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


def is_wav(head: bytes) -> bool:
    """Whether `head` begins as a wav does."""
    return _BEGINNING.match(head) is not None


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


def _cut_beginning(data: bytes) -> int:
    """How many bytes at the end of `data` may be the first ones of a header."""
    for at in range(max(0, len(data) - _BEGINNING_BYTES + 1), len(data)):
        tail = data[at:]
        if b"RIFF".startswith(tail[:4]) and b"WAVE".startswith(tail[8:]):
            return len(tail)
    return 0


class WavDecoder:
    """Wav files, one after the other, fed in pieces of any size."""

    passthrough = False

    def __init__(self, limits: DecodeLimits, workers: DecodeWorkers) -> None:
        self._meter = Meter(limits)
        self._workers = workers
        self._pending = b""
        """What the next bytes may belong to: a header, or a part of one."""
        self._header: WavHeader | None = None
        self._odd = b""
        """The beginning of a sample."""
        self._left: int | None = None
        self._trailer = 0
        self._resampler: Resampler | None = None

    async def feed(self, data: bytes) -> bytes:
        """Take the next piece of the stream."""
        require_bytes(data)
        data, self._pending = self._pending + data, b""
        out: list[bytes] = []
        while data:
            if self._header is None:
                data = self._open(data)
                continue
            found = _BEGINNING.search(data)
            if found is None:
                ends = len(data) - _cut_beginning(data)
                self._pending = data[ends:]
                out.append(await self._samples(data[:ends], self._header))
                break
            out.append(await self._samples(data[: found.start()], self._header))
            data = data[found.start() :]
            self._header = None
        return b"".join(out)

    async def finish(self) -> bytes:
        """The filter's tail; raises `BadAudio` when there never was a sample."""
        rest = b""
        if self._header is not None and self._pending:
            rest = await self._samples(self._pending, self._header)
        tail = self._flush()
        if not self._meter.total:
            raise BadAudio("The wav holds no samples.")
        return rest + tail

    def close(self) -> None:
        """Buffers go with the object."""
        self._pending = self._odd = b""

    def _open(self, data: bytes) -> bytes:
        """Look for the header in `data`; return what follows it."""
        header = parse_header(data)
        if header is None:
            if len(data) > MAX_HEADER_BYTES:
                raise BadAudio("The wav has no samples in its first 64 KiB.")
            self._pending = data
            return b""
        self._header = header
        self._left = header.data_bytes
        self._odd, self._trailer = b"", 0
        return data[header.data_start :]

    async def _samples(self, data: bytes, header: WavHeader) -> bytes:
        """House audio of the next bytes of the open file; what follows its samples is left out."""
        if self._left is not None:
            self._count_trailer(len(data) - self._left)
            data = data[: self._left]
            self._left -= len(data)
        data = self._odd + data
        whole = len(data) - len(data) % header.frame
        self._odd = data[whole:]
        return await self._convert(data[:whole], header) if whole else b""

    def _count_trailer(self, n_bytes: int) -> None:
        """Tags may follow the samples; sound that goes on after the declared end would be lost."""
        self._trailer += max(0, n_bytes)
        if self._trailer > MAX_HEADER_BYTES:
            raise BadAudio("The wav goes on after the length that its header declares.")

    async def _convert(self, data: bytes, header: WavHeader) -> bytes:
        ended = b""
        if self._resampler is None or self._resampler.rate != header.rate:
            ended = self._flush()
            self._resampler = Resampler(header.rate)
        resampler = self._resampler

        def work() -> bytes:
            return resampler.push(_CONVERT[header.tag, header.bits](data, header.channels))

        pcm = work() if len(data) <= INLINE_BYTES else await self._workers.call(work)
        self._meter.add(len(pcm))
        return ended + pcm

    def _flush(self) -> bytes:
        """The tail of the last file's filter."""
        tail = self._resampler.flush() if self._resampler is not None else b""
        self._resampler = None
        self._meter.add(len(tail))
        return tail
