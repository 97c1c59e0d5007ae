"""WebM, Ogg and mp4 as they grow, decoded by libav (PyAV) on a thread of their own.

libav pulls: it reads from a file-like object that blocks until the browser's next chunk is here.
Only the whole stream from its first byte can be decoded, and the default probe size is kept,
because a small one loses the first 60 ms. `feed` returns once libav asks for more, so what it
returns is all that the bytes so far can give.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from avatar_contract.errors import AvatarError, BadAudio, Internal
from gateway.edge.decode.base import DecodeLimits, Meter, require_bytes
from gateway.edge.decode.boxes import Gate, IndexFirst, OpenGate
from gateway.edge.decode.pcm import FloatResampler
from gateway.edge.decode.workers import DecodeWorkers


@dataclass(frozen=True, slots=True)
class Container:
    """A container as libav names it, and how its first bytes look."""

    name: str
    demuxer: str
    magic: bytes
    magic_at: int
    """Offset of `magic` from the first byte."""
    codecs: tuple[str, ...]
    """Codecs that are taken, by libav's names; the first is the usual one."""
    gate: Callable[[], Gate] = OpenGate
    """Looks over the bytes before libav gets them."""

    def begins(self, head: bytes) -> bool:
        """Whether `head`, however short, may be the beginning of one."""
        seen = head[self.magic_at : self.magic_at + len(self.magic)]
        return self.magic.startswith(seen)

    def is_sure(self, head: bytes) -> bool:
        """Whether `head` holds the whole magic."""
        return head[self.magic_at : self.magic_at + len(self.magic)] == self.magic


WEBM = Container("WebM", "matroska", b"\x1a\x45\xdf\xa3", 0, ("opus", "libopus"))
OGG = Container("Ogg", "ogg", b"OggS", 0, ("opus", "libopus"))
MP4 = Container("mp4", "mov", b"ftyp", 4, ("aac", "opus", "libopus"), IndexFirst)


class GrowingFile:
    """A file that blocks its reader at the end until it grows, is ended or is closed.

    Without `seek` libav takes it for a pipe. `read` must never raise: libav drops exceptions of
    its callbacks, so closing looks like the end of the file.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._changed = threading.Condition()
        self._buffer = bytearray()
        self._ended = False
        self._waiter: asyncio.Future[None] | None = None

    def read(self, size: int) -> bytes:
        """For libav's thread: up to `size` bytes, b"" at the end."""
        with self._changed:
            while not self._buffer and not self._ended:
                self._wake()
                self._changed.wait()
            piece = bytes(self._buffer[:size])
            del self._buffer[:size]
            return piece

    def grow(self, data: bytes, *, end: bool = False) -> asyncio.Future[None]:
        """Append `data`; the future is done when the reader wants more or has stopped."""
        waiter: asyncio.Future[None] = self._loop.create_future()
        with self._changed:
            self._buffer += data
            self._ended = self._ended or end
            self._waiter = waiter
            self._changed.notify_all()
        return waiter

    def drop(self) -> None:
        """End the file and forget what was not read."""
        with self._changed:
            self._buffer.clear()
            self._ended = True
            self._changed.notify_all()

    def stopped(self) -> None:
        """The reader has gone: nobody will ask for more."""
        with self._changed:
            self._ended = True
            self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is None or self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(_resolve, waiter)


def _resolve(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


class ContainerDecoder:
    """One stream in a container; its thread starts with the first bytes that look right."""

    passthrough = False

    def __init__(self, kind: Container, limits: DecodeLimits, workers: DecodeWorkers) -> None:
        self._kind = kind
        self._limits = limits
        self._workers = workers
        self._meter = Meter(limits)
        self._head = b""
        self._known = False
        """Whether its first bytes were seen to be right."""
        self._gate = kind.gate()
        self._file: GrowingFile | None = None
        self._fed = 0
        self._lock = threading.Lock()
        self._out: list[bytes] = []
        self._error: AvatarError | None = None
        self._done = threading.Event()
        self._closed = False

    async def feed(self, data: bytes) -> bytes:
        """Give libav the next bytes and return what they decode to."""
        require_bytes(data)
        self._fed += len(data)
        pcm = await self._decoded(data)
        if not self._meter.total and self._fed > self._limits.max_silent_bytes:
            self.close()
            raise BadAudio(f"No sound came out of the first {self._fed} bytes of {self._name}.")
        return pcm

    async def _decoded(self, data: bytes) -> bytes:
        """What the next bytes complete."""
        if not self._known:
            data = self._looked_at(data)
        data = self._gate.let_in(data) if data else data
        if not data:
            return b""
        file = self._file or self._start()
        return await self._step(file, data, end=False)

    async def finish(self) -> bytes:
        """Let libav read to the end; raises `BadAudio` when there never was a sample."""
        file = self._file
        if file is None:
            raise BadAudio(f"The {self._name} stream ended before its header was whole.")
        pcm = await self._step(file, b"", end=True)
        if not self._meter.total:
            raise BadAudio(f"The {self._name} stream holds no sound that could be decoded.")
        return pcm

    def close(self) -> None:
        """End the thread at its next read or frame."""
        self._closed = True
        self._head = b""
        with self._lock:
            self._out.clear()
        if self._file is not None:
            self._file.drop()

    @property
    def _name(self) -> str:
        return self._kind.name

    def _looked_at(self, data: bytes) -> bytes:
        """All so far, once the magic number is whole; random bytes never get further."""
        head = self._head + data
        if not self._kind.begins(head):
            raise BadAudio(
                f"This is no {self._name}: its first bytes are wrong. A stream must be sent from "
                "its first chunk on; after an error send it again whole."
            )
        self._known = self._kind.is_sure(head)
        self._head = b"" if self._known else head
        return head if self._known else b""

    def _start(self) -> GrowingFile:
        file = GrowingFile(asyncio.get_running_loop())
        self._workers.start(lambda: self._run(file), file.drop)
        self._file = file
        return file

    async def _step(self, file: GrowingFile, data: bytes, *, end: bool) -> bytes:
        """One exchange with the thread; raises what it raised."""
        if self._closed:
            raise BadAudio(f"The {self._name} stream was closed; send it again whole.")
        if self._done.is_set() and not end:
            self.close()
            raise self._error or BadAudio(
                f"The {self._name} stream is damaged or has ended; send a new one whole."
            )
        if not self._done.is_set():
            waiter = file.grow(data, end=end)
            if self._done.is_set():
                file.stopped()
            try:
                async with asyncio.timeout(self._limits.step_timeout_s):
                    await waiter
            except TimeoutError as error:
                self.close()
                raise BadAudio(f"Decoding this {self._name} takes too long.") from error
        with self._lock:
            pieces, self._out = self._out, []
        cut_short = end and self._meter.total and isinstance(self._error, BadAudio)
        if self._error is not None and not cut_short:
            self.close()
            raise self._error
        return b"".join(pieces)

    def _run(self, file: GrowingFile) -> None:
        """The thread: demux, decode, resample."""
        try:
            self._decode(file)
        except AvatarError as error:
            self._error = error
        except (av.error.FFmpegError, ValueError) as error:
            # A stream cut short ends in such an error too: `_step` gives what came before it.
            self._error = BadAudio(f"This {self._name} can't be decoded: it is damaged.")
            self._error.__cause__ = error
        except Exception as error:  # noqa: BLE001 - the awaiting side raises it
            self._error = Internal(f"Decoding this {self._name} failed in our own code.")
            self._error.__cause__ = error
        finally:
            self._done.set()
            file.stopped()

    def _decode(self, file: GrowingFile) -> None:
        resampler: FloatResampler | None = None
        opened: Any = av.open(file, mode="r", format=self._kind.demuxer, metadata_errors="ignore")
        with opened as container:
            streams = container.streams.audio
            if not streams or streams[0].codec_context.name not in self._kind.codecs:
                usual = "Opus" if self._kind.codecs[0] == "opus" else "AAC or Opus"
                raise BadAudio(f"The {self._name} stream has no {usual} track.")
            for frame in container.decode(streams[0]):
                if self._closed:
                    return
                resampler = resampler or FloatResampler(frame.sample_rate)
                self._put(resampler.push(_mono(frame)))
        if resampler is not None:
            self._put(resampler.flush())

    def _put(self, pcm: bytes) -> None:
        self._meter.add(len(pcm))
        with self._lock:
            if not self._closed:
                self._out.append(pcm)


def _mono(frame: av.AudioFrame) -> NDArray[np.float32]:
    """(samples,) of an Opus or AAC frame: in libav planar float (channels, samples)."""
    planes = np.asarray(frame.to_ndarray(), np.float32)
    if len(planes) == 1:
        return np.asarray(planes[0])
    return np.asarray(planes.mean(axis=0), np.float32)
