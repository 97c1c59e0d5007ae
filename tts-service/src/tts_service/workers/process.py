"""The service's side of one worker process."""

import asyncio
import os
import socket
import sys
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from avatar_contract.errors import ERRORS, AvatarError, ErrorCode, TtsUnavailable
from avatar_contract.service import get_logger
from tts_service.voices import VoiceSample
from tts_service.workers.frames import HEADER, Frame, Kind, body_bytes, decode

log = get_logger(__name__)

_BUFFER_BYTES = 4 * 2**20
"""Sound that is kept for a slow listener (87 s at 24 kHz); a fuller buffer holds the worker."""

_SOURCE = Path(__file__).resolve().parents[2]
_STDERR_LINES = 12
_KILL_GRACE_S = 2.0


@dataclass(frozen=True)
class WorkerCommand:
    """How to start a worker."""

    engine: str
    """``module:Class`` of the engine."""
    settings: str
    """JSON for the engine's constructor."""
    python: str = sys.executable
    """The interpreter; another one for an engine with an environment of its own."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables added to this process's."""
    start_timeout_s: float = 30
    """Longest silence while loading."""
    stall_timeout_s: float = 20
    """Longest silence within a job, seconds."""
    cancel_timeout_s: float = 10
    """How long a cancelled job may take to end."""


class _Job:
    """The answers to one job, as they come."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.done = False
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self._came = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._deaf = False

    async def put(self, frame: Frame) -> None:
        self.put_now(frame)
        await self._room.wait()

    def put_now(self, frame: Frame) -> None:
        if self._deaf:
            return
        self._frames.append(frame)
        self._bytes += len(frame.blob)
        if self._bytes > _BUFFER_BYTES:
            self._room.clear()
        self._came.set()

    async def get(self) -> Frame:
        while not self._frames:
            self._came.clear()
            await self._came.wait()
        frame = self._frames.popleft()
        self._bytes -= len(frame.blob)
        if self._bytes <= _BUFFER_BYTES:
            self._room.set()
        return frame

    def abandon(self) -> None:
        """Nobody will read any more."""
        self._deaf = True
        self._frames.clear()
        self._room.set()


class Worker:
    """A worker process: one job at a time. `on_idle` is called when it can take the next one.

    The job's sound may still be in memory then: a slow listener does not hold the worker.
    """

    def __init__(
        self,
        command: WorkerCommand,
        process: asyncio.subprocess.Process,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self.pid = process.pid
        self.facts: Mapping[str, Any] = {}
        self.voices: set[tuple[str, str]] = set()
        self.on_idle: Callable[[Worker], None] = _ignore
        self.on_death: Callable[[Worker], None] = _ignore
        self.alive = True
        self._command = command
        self._process = process
        self._reader, self._writer = streams
        self._job: _Job | None = None
        self._jobs = 0
        self._stderr: deque[str] = deque(maxlen=_STDERR_LINES)
        self._tasks = [asyncio.create_task(self._keep_stderr())]

    @property
    def busy(self) -> bool:
        """Whether it has a job."""
        return self._job is not None

    @classmethod
    async def start(
        cls, command: WorkerCommand, progress: Callable[[float], None] | None = None
    ) -> "Worker":
        """Starts a process and waits until its engine is loaded.

        Raises:
            TtsUnavailable: it died, or was silent for `start_timeout_s`.
        """
        ours, theirs = socket.socketpair()
        environment = {**os.environ, "PYTHONPATH": str(_SOURCE), **command.environment}
        try:
            process = await asyncio.create_subprocess_exec(
                command.python, "-m", "tts_service.workers",
                command.engine, str(theirs.fileno()), command.settings,
                stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
                pass_fds=[theirs.fileno()], env=environment,
            )  # fmt: skip
        except OSError as error:
            ours.close()
            raise TtsUnavailable(f"{command.python} can't be run: {error.strerror}.") from error
        finally:
            theirs.close()
        worker = cls(command, process, await asyncio.open_connection(sock=ours))
        try:
            await worker._load(progress or (lambda _: None))
        except BaseException:
            await worker.kill()
            raise
        worker._tasks.append(asyncio.create_task(worker._read()))
        return worker

    async def _load(self, progress: Callable[[float], None]) -> None:
        while True:
            try:
                async with asyncio.timeout(self._command.start_timeout_s):
                    frame = await _read_frame(self._reader)
            except TimeoutError as error:  # an OSError too: first
                raise TtsUnavailable("The speech engine took too long to load.") from error
            except (OSError, EOFError) as error:
                await asyncio.wait(self._tasks[:1], timeout=_KILL_GRACE_S)
                last = self._stderr[-1] if self._stderr else "no word"
                raise TtsUnavailable(f"The speech engine did not start: {last}") from error
            if frame.kind is Kind.READY:
                self.facts = frame.meta
                return
            if frame.kind is Kind.FAIL:
                raise _error(frame)
            progress(float(frame.meta["fraction"]))

    async def ask(self, op: str, meta: Mapping[str, Any], blob: bytes = b"") -> Mapping[str, Any]:
        """One question, one answer. Raises what the worker says, or TtsUnavailable."""
        job = self._begin()
        try:
            await self._send(Frame(Kind.JOB, job.number, {**meta, "op": op}, blob))
            frame = await self._next(job)
        finally:
            self._leave(job)
        if frame.kind is Kind.FAIL:
            raise _error(frame)
        return frame.meta

    async def speak(
        self,
        meta: Mapping[str, Any],
        voice: VoiceSample | None,
        on_end: Callable[[Mapping[str, Any]], None],
    ) -> AsyncGenerator[bytes, None]:
        """PCM as it is made; closing the generator stops the worker.

        A voice that the worker has not seen yet travels with the job.

        Raises:
            AvatarError: what the worker says, or TtsUnavailable when it dies or stalls.
        """
        job = self._begin()
        try:
            await self._send(self._speak_job(job, meta, voice))
            while (frame := await self._next(job)).kind is Kind.PCM:
                yield frame.blob
            if frame.kind is Kind.FAIL:
                self.voices.clear()  # the voice may be what failed: send it again
                raise _error(frame)
            on_end(frame.meta)
        finally:
            self._leave(job)

    def _speak_job(self, job: _Job, meta: Mapping[str, Any], voice: VoiceSample | None) -> Frame:
        if voice is None or voice.key in self.voices:
            return Frame(Kind.JOB, job.number, {**meta, "op": "speak"})
        self.voices.add(voice.key)
        new = {**meta, "op": "speak", "new_voice": voice.meta()}
        return Frame(Kind.JOB, job.number, new, voice.wav)

    def drop_voice(self, voice_id: str) -> None:
        """Tells the worker to forget a voice; it does when its job is over."""
        self.voices = {voice for voice in self.voices if voice[0] != voice_id}
        if self.alive:
            self._writer.write(Frame(Kind.POST, meta={"id": voice_id}).encode())

    async def kill(self) -> None:
        """Ends the process, gently for a moment."""
        self.alive = False
        self.on_idle = self.on_death = _ignore
        self._writer.close()  # a worker between jobs ends by itself
        try:
            async with asyncio.timeout(_KILL_GRACE_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self) -> _Job:
        if self._job is not None or not self.alive:
            raise TtsUnavailable("The speech worker is not free. Try once more.", retry_after_s=1)
        self._jobs += 1
        self._job = _Job(self._jobs)
        return self._job

    def _leave(self, job: _Job) -> None:
        """The listener is gone; an unfinished job is cancelled, and killed if it goes on."""
        job.abandon()
        if job.done or not self.alive:
            return
        self._writer.write(Frame(Kind.CANCEL, job.number).encode())
        loop = asyncio.get_running_loop()
        loop.call_later(self._command.cancel_timeout_s, self._kill_unless, job)

    def _kill_unless(self, job: _Job) -> None:
        if self.alive and self._job is job:
            log.warning("worker.deaf", pid=self.pid)
            self._process.kill()

    async def _next(self, job: _Job) -> Frame:
        try:
            async with asyncio.timeout(self._command.stall_timeout_s):
                return await job.get()
        except TimeoutError as error:
            log.warning("worker.stalled", pid=self.pid)
            self._process.kill()
            raise TtsUnavailable(
                "The speech engine stalled and was restarted. Try once more.", retry_after_s=1
            ) from error

    async def _send(self, frame: Frame) -> None:
        self._writer.write(frame.encode())
        try:
            await self._writer.drain()
        except OSError as error:
            raise _died() from error

    async def _read(self) -> None:
        try:
            while True:
                await self._take(await _read_frame(self._reader))
        except (OSError, EOFError, ValueError) as error:
            self._end(error)

    async def _take(self, frame: Frame) -> None:
        job = self._job
        if job is None or job.number != frame.job:
            return
        if frame.kind is Kind.PCM:
            await job.put(frame)
            return
        job.done = True
        self._job = None
        job.put_now(frame)
        self.on_idle(self)

    def _end(self, cause: Exception) -> None:
        if not self.alive:
            return  # it was told to
        self.alive = False
        self._writer.close()
        if self._process.returncode is None:
            self._process.kill()
        if self._job is not None:
            self._job.done = True
            self._job.put_now(Frame(Kind.FAIL, meta=_DIED))
            self._job = None
        log.warning("worker.died", pid=self.pid, cause=type(cause).__name__)
        self.on_death(self)

    async def _keep_stderr(self) -> None:
        stderr = self._process.stderr
        while stderr is not None and (line := await stderr.readline()):
            self._stderr.append(line.decode(errors="replace").strip()[:200])


_DIED = {
    "code": ErrorCode.TTS_UNAVAILABLE.value,
    "message": "The speech engine's process died and is being restarted. Try once more.",
    "retry_after_s": 1,
}


def _died() -> AvatarError:
    return _error(Frame(Kind.FAIL, meta=_DIED))


def _error(frame: Frame) -> AvatarError:
    kind = ERRORS[ErrorCode(frame.meta["code"])]
    return kind(frame.meta["message"], retry_after_s=frame.meta.get("retry_after_s"))


def _ignore(_: Worker) -> None:
    return None


async def _read_frame(reader: asyncio.StreamReader) -> Frame:
    header = await reader.readexactly(HEADER.size)
    return decode(header, await reader.readexactly(body_bytes(header)))
