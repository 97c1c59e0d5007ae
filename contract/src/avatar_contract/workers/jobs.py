"""One job as the service sees it: its answers as they come, at most `BUFFER_BYTES` of them."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from avatar_contract.workers.child import CRASHED
from avatar_contract.workers.errors import EngineError, JobFailed, WorkerError, WorkerStalled
from avatar_contract.workers.frames import Frame, Kind

BUFFER_BYTES = 4 * 2**20
"""Pieces that are kept for a slow reader; a fuller buffer holds the worker."""

MAX_REPLY_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Request:
    """What to do: an operation of the engine, its parameters, and bytes."""

    op: str
    meta: Mapping[str, Any] = field(default_factory=dict)
    blob: bytes = b""

    def frame(self, kind: Kind, job: int = 0) -> Frame:
        """As it is sent."""
        return Frame(kind, job, {**self.meta, "op": self.op}, self.blob)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a job gave: its result, and all of its pieces."""

    meta: Mapping[str, Any]
    blob: bytes


class Owner(Protocol):
    """The worker that does the job."""

    name: str
    stall_timeout_s: float
    loaded: asyncio.Future[Mapping[str, Any]]

    def leave(self, job: "Job") -> None:
        """Nobody reads any more: cancels what is unfinished."""

    def kill(self) -> None:
        """Ends the process."""


class Job:
    """Answers of one job. Read it by `reply` or by `pieces`; both close it."""

    def __init__(self, owner: Owner, number: int) -> None:
        self.number = number
        self.done = False
        self._owner = owner
        self._frames: deque[Frame | WorkerError] = deque()
        self._bytes = 0
        self._came = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._closed = False

    async def reply(self, deadline_s: float | None = None) -> Reply:
        """All of the answer.

        Raises:
            WorkerError: what the worker says; or it died, stalled, or passed `deadline_s`, when
                it is killed.
        """
        blob = bytearray()
        try:
            async with asyncio.timeout(deadline_s):
                while (frame := await self._next()).kind is Kind.PIECE:
                    self._extend(blob, frame.blob)
        except TimeoutError as error:
            raise self._stalled() from error
        finally:
            self.close()
        return Reply(frame.meta, bytes(blob))

    async def pieces(
        self, on_end: Callable[[Mapping[str, Any]], None] | None = None
    ) -> AsyncGenerator[bytes, None]:
        """The answer as it comes; closing the generator cancels the job. Raises WorkerError."""
        try:
            while (frame := await self._next()).kind is Kind.PIECE:
                yield frame.blob
            if on_end is not None:
                on_end(frame.meta)
        finally:
            self.close()

    def close(self) -> None:
        """Nobody will read any more; an unfinished job is cancelled."""
        if self._closed:
            return
        self._closed = True
        self._frames.clear()
        self._room.set()
        self._owner.leave(self)

    @property
    def buffered(self) -> int:
        """Bytes that have come and are not read yet."""
        return self._bytes

    async def put(self, frame: Frame) -> None:
        """Takes a piece, and waits while there are too many."""
        self.put_now(frame, len(frame.blob))
        await self._room.wait()

    def put_now(self, frame: Frame | WorkerError, size: int = 0) -> None:
        """Takes an ending."""
        if self._closed:
            return
        self._frames.append(frame)
        self._bytes += size
        if self._bytes > BUFFER_BYTES:
            self._room.clear()
        self._came.set()

    def _extend(self, blob: bytearray, piece: bytes) -> None:
        blob += piece
        if len(blob) > MAX_REPLY_BYTES:
            raise JobFailed(f"The {self._owner.name} answers without an end.")

    async def _next(self) -> Frame:
        if not self._frames and not self._owner.loaded.done():
            # Loading has a limit of its own; its failure comes as this job's ending.
            await asyncio.wait([self._owner.loaded])
        try:
            async with asyncio.timeout(self._owner.stall_timeout_s):
                frame = await self._get()
        except TimeoutError as error:
            raise self._stalled() from error
        if isinstance(frame, WorkerError):
            raise frame
        if frame.kind is Kind.FAIL:
            raise self._failure(frame)
        return frame

    async def _get(self) -> Frame | WorkerError:
        while not self._frames:
            self._came.clear()
            await self._came.wait()
        frame = self._frames.popleft()
        if isinstance(frame, Frame):
            self._bytes -= len(frame.blob)
        if self._bytes <= BUFFER_BYTES:
            self._room.set()
        return frame

    def _stalled(self) -> WorkerStalled:
        self._owner.kill()
        return WorkerStalled(
            f"The {self._owner.name} stalled and was restarted. Try once more.", retry_after_s=1
        )

    def _failure(self, frame: Frame) -> WorkerError:
        code, message = frame.meta["code"], frame.meta["message"]
        if code == CRASHED:
            return JobFailed(f"The {self._owner.name} failed ({message}). Try once more.")
        return EngineError(code, message)
