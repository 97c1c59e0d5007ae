"""The service's side of one worker process."""

import asyncio
import contextlib
import logging
import os
import socket
import sys
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from avatar_contract.workers.errors import StartFailed, WorkerDied, WorkerError, WorkerStalled
from avatar_contract.workers.frames import HEADER, Frame, Kind, body_bytes, decode
from avatar_contract.workers.jobs import Job, Reply, Request

log = logging.getLogger(__name__)


def log_event(level: int, event: str, **fields: object) -> None:
    """As the service's own logger does, which this package must not import."""
    log.log(level, event, extra={"avatar_fields": fields})


MAX_UNSENT_BYTES = 8 * 2**20
"""What a worker may leave unread of things it is told; one further behind is killed."""

_SOURCE = str(Path(__file__).resolve().parents[2])
_STDERR_BYTES = 2000
_KILL_GRACE_S = 2.0


@dataclass(frozen=True)
class WorkerCommand:
    """How to start a worker, and how long to wait for it."""

    engine: str
    """``module:Class`` of a `child.Engine`."""
    settings: str = "{}"
    """JSON for the engine's constructor."""
    name: str = "engine"
    """What to call it in messages for people: "speech engine"."""
    python: str = sys.executable
    """The interpreter; another one for an engine with an environment of its own."""
    path: tuple[str, ...] = ()
    """Folders of the engine's modules, where that interpreter would not find them."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables added to this process's."""
    start_timeout_s: float = 30
    """Longest silence while loading."""
    stall_timeout_s: float = 60
    """Longest silence within a job."""
    cancel_timeout_s: float = 10
    """How long a cancelled job may take to end."""

    def variables(self) -> dict[str, str]:
        """The environment of the process."""
        given = dict(self.environment)
        inherited = os.environ.get("PYTHONPATH", "") if self.python == sys.executable else ""
        folders = [*self.path, _SOURCE, given.pop("PYTHONPATH", inherited)]
        path = os.pathsep.join(folder for folder in folders if folder)
        return {**os.environ, "PYTHONPATH": path, **given}


class Worker:
    """A worker process. Requests reach its engine in the order in which they are made here.

    `on_change` is called when a job ends, when it has loaded, and when it has died. One that
    streams should have one job at a time: a slow reader holds the socket, and so the other jobs.
    """

    def __init__(
        self,
        command: WorkerCommand,
        process: asyncio.subprocess.Process,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        on_progress: Callable[[float], None] = lambda _: None,
    ) -> None:
        self.pid = process.pid
        self.name = command.name
        self.stall_timeout_s = command.stall_timeout_s
        self.alive = True
        self.gone = asyncio.Event()
        self.facts: Mapping[str, Any] = {}
        self.known: set[Hashable] = set()
        """What its service remembers of it, such as the voices that it has been given."""
        self.started_s = asyncio.get_running_loop().time()
        self.on_change: Callable[[Worker], None] = _ignore
        self.loaded: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
        # Nobody may be waiting when it fails: that is no error of its own.
        self.loaded.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._command = command
        self._process = process
        self._reader, self._writer = streams
        self._on_progress = on_progress
        self._jobs: dict[int, Job] = {}
        self._count = 0
        self._stderr = b""
        self._reason: str | None = None
        self._ending = False
        self._doomed = False
        self._watch = self._watchdog()
        self._tasks = [
            asyncio.create_task(self._keep_stderr(), name=f"worker-{self.pid}-stderr"),
            asyncio.create_task(self._read(), name=f"worker-{self.pid}"),
        ]

    @classmethod
    async def spawn(
        cls, command: WorkerCommand, on_progress: Callable[[float], None] = lambda _: None
    ) -> "Worker":
        """Starts the process. Requests that are made before it has loaded wait in its socket.

        Raises:
            StartFailed: there is no such interpreter, or no room for a process.
        """
        ours, theirs = socket.socketpair()
        try:
            process = await asyncio.create_subprocess_exec(
                command.python,
                *("-m", "avatar_contract.workers"),
                *(command.engine, str(theirs.fileno()), command.settings),
                stdin=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                env=command.variables(),
            )
        except BaseException as error:
            ours.close()
            if isinstance(error, OSError):
                raise StartFailed(f"{command.python} can't be run: {error.strerror}.") from error
            raise
        finally:
            theirs.close()
        try:
            streams = await asyncio.open_connection(sock=ours)
        except BaseException:
            ours.close()
            process.kill()
            raise
        return cls(command, process, streams, on_progress)

    @property
    def ready(self) -> bool:
        """Whether it lives and has loaded."""
        return self.usable and self.loaded.done()

    @property
    def usable(self) -> bool:
        """Whether it may be given requests, which wait while it loads."""
        return self.alive and not self._doomed

    @property
    def begun_jobs(self) -> int:
        """Jobs that it was ever given."""
        return self._count

    @property
    def open_jobs(self) -> int:
        """Jobs that it has not ended, those that nobody reads any more too."""
        return len(self._jobs)

    def begin(self, request: Request) -> Job:
        """Sends a job; its answers are read from what this returns, which must be closed."""
        self._count += 1
        job = Job(self, self._count)
        if self.alive:
            self._jobs[job.number] = job
            self._write(request.frame(Kind.JOB, job.number))
        else:
            job.done = True
            job.put_now(self._died())
        return job

    async def ask(self, request: Request, deadline_s: float | None = None) -> Reply:
        """One job and all of its answer. Raises WorkerError; see `Job.reply`."""
        return await self.begin(request).reply(deadline_s)

    def tell(self, request: Request) -> None:
        """Sends what has no answer."""
        self._write(request.frame(Kind.TELL))

    async def drain(self) -> None:
        """Waits until it has taken most of what it was told. Raises WorkerStalled."""
        try:
            async with asyncio.timeout(self.stall_timeout_s):
                await self._writer.drain()
        except TimeoutError as error:
            self.kill()
            raise WorkerStalled(f"The {self.name} stalled and was restarted.") from error
        except OSError:
            return  # it has died, which the next request tells

    def leave(self, job: Job) -> None:
        """Cancels an unfinished job; the process is killed when the job goes on regardless."""
        if job.done or not self.alive:
            return
        self._write(Frame(Kind.CANCEL, job.number))
        loop = asyncio.get_running_loop()
        loop.call_later(self._command.cancel_timeout_s, self._kill_unless_ended, job)

    def kill(self) -> None:
        """Ends the process at once; nobody is given it any more."""
        self._doomed = True
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def end(self) -> None:
        """Closes its socket, waits for it to go, and kills it when it doesn't."""
        self._ending = True
        self.on_change = _ignore
        self._writer.close()
        try:
            async with asyncio.timeout(_KILL_GRACE_S):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()
        finally:
            self._bury()
            for task in self._tasks:
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _watchdog(self) -> asyncio.TimerHandle:
        loop = asyncio.get_running_loop()
        return loop.call_later(self._command.start_timeout_s, self._give_up_loading)

    def _give_up_loading(self) -> None:
        self._reason = f"The {self.name} took too long to load."
        self.kill()

    def _kill_unless_ended(self, job: Job) -> None:
        if self.alive and not job.done:
            log_event(logging.WARNING, "worker.deaf", pid=self.pid)
            self.kill()

    def _write(self, frame: Frame) -> None:
        if not self.alive or self._writer.is_closing():
            return
        self._writer.write(frame.encode())
        behind = self._writer.transport.get_write_buffer_size() - len(frame.blob)
        if behind > MAX_UNSENT_BYTES and self._reason is None:
            self._reason = f"The {self.name} fell too far behind and was restarted. Try once more."
            log_event(logging.WARNING, "worker.behind", pid=self.pid)
            self.kill()

    async def _read(self) -> None:
        try:
            while True:
                await self._take(await _read_frame(self._reader))
        except (OSError, EOFError, ValueError) as error:
            self.alive = False
            self._writer.close()
            self.kill()
            if not self.loaded.done():
                await asyncio.wait(self._tasks[:1], timeout=_KILL_GRACE_S)
            if not self._ending:
                log_event(logging.WARNING, "worker.died", pid=self.pid, cause=type(error).__name__)
            self._bury()

    async def _take(self, frame: Frame) -> None:
        if not self.loaded.done():
            self._take_loading(frame)
        elif job := self._jobs.get(frame.job):
            await self._take_answer(job, frame)

    def _take_loading(self, frame: Frame) -> None:
        self._watch.cancel()
        if frame.kind is Kind.PROGRESS:
            self._watch = self._watchdog()
            self._on_progress(float(frame.meta["fraction"]))
            return
        if frame.kind is Kind.FAIL:
            self._reason = str(frame.meta["message"])
            return  # it ends now
        self.facts = frame.meta
        self.loaded.set_result(frame.meta)
        self.on_change(self)

    async def _take_answer(self, job: Job, frame: Frame) -> None:
        if frame.kind is Kind.PIECE:
            await job.put(frame)
            return
        job.done = True
        del self._jobs[job.number]
        job.put_now(frame)
        if frame.meta.get("fatal"):
            self.kill()
        self.on_change(self)

    def _bury(self) -> None:
        """Fails whatever was expected of it."""
        if self.gone.is_set():
            return
        self.alive = False
        self._watch.cancel()
        error: WorkerError = self._died()
        if not self.loaded.done():
            self.loaded.set_exception(error)
        jobs, self._jobs = self._jobs, {}
        for job in jobs.values():
            job.done = True
            job.put_now(error)
        self.gone.set()
        self.on_change(self)

    def _died(self) -> WorkerError:
        if self.loaded.done() and self.loaded.exception() is None:
            text = f"The {self.name}'s process died and is being restarted. Try once more."
            return WorkerDied(self._reason or text, retry_after_s=1)
        said = self._stderr.decode(errors="replace").strip().rpartition("\n")[2][:200] or "no word"
        return StartFailed(
            self._reason or f"The {self.name} did not start: {said}", retry_after_s=5
        )

    async def _keep_stderr(self) -> None:
        stderr = self._process.stderr
        while stderr is not None and (some := await stderr.read(4096)):
            self._stderr = (self._stderr + some)[-_STDERR_BYTES:]


def _ignore(_: Worker) -> None:
    return None


async def _read_frame(reader: asyncio.StreamReader) -> Frame:
    header = await reader.readexactly(HEADER.size)
    return decode(header, await reader.readexactly(body_bytes(header)))
