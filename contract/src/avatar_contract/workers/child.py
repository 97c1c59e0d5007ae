"""The worker's side: loads one engine, does its jobs, ends when its socket closes.

Run as ``python -m avatar_contract.workers <module:Class> <fd> <json settings>``. A thread reads the
socket, so a cancel is heard and the end of the service is noticed while the engine works.
"""

import contextlib
import ctypes
import importlib
import json
import os
import select
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, cast

from avatar_contract.workers.errors import EngineError
from avatar_contract.workers.frames import Frame, Kind, read_frame

INBOX_BYTES = 4 * 2**20
"""Requests that wait in the worker; beyond it the socket is left unread, and the service waits."""

CRASHED = "CRASHED"
"""The code of an exception that the engine did not explain."""

_PR_SET_PDEATHSIG = 1
_FATAL_STATUS = 70
_LOOK_S = 0.5


class Engine(Protocol):
    """What runs in a worker. No two calls overlap, unless it has `parallel` above 1.

    Two optional fields: ``parallel``, how many jobs it does at once; ``idle_s``, after how many
    seconds without a request ``rest()`` is called.
    """

    def load(self, progress: Callable[[float], None]) -> Mapping[str, Any]:
        """Loads and warms; answers facts for the service. Raises EngineError."""

    def work(self, job: "Job") -> Mapping[str, Any]:
        """Does one job. Raises EngineError."""

    def tell(self, op: str, meta: Mapping[str, Any], blob: bytes) -> None:
        """Takes what has no answer."""


class Resting(Protocol):
    """An engine that leaves memory when it has had nothing to do for `idle_s` seconds."""

    idle_s: float

    def rest(self) -> None:
        """Frees what it can; the next job loads it again."""


class Job:
    """One job as the engine sees it."""

    def __init__(self, link: "Link", frame: Frame) -> None:
        self._link = link
        self.number = frame.job
        self.op = str(frame.meta.get("op", ""))
        self.meta = frame.meta
        self.blob = frame.blob
        self.cancelled = False
        self.waited_s = 0.0
        """Time that the service took to read the pieces, seconds."""

    def write(self, piece: bytes) -> bool:
        """Sends a part of the answer. False: nobody listens any more, stop."""
        if piece and not self.cancelled:
            began = time.perf_counter()
            self._link.send(Frame(Kind.PIECE, self.number, blob=piece))
            self.waited_s += time.perf_counter() - began
        return not self.cancelled

    def stopped(self) -> bool:
        """Whether to stop; for engines that work long between two pieces."""
        return self.cancelled


class Link:
    """The worker's end of the socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._sending = threading.Lock()
        self._changed = threading.Condition()
        self._inbox: deque[Job | Frame] = deque()
        self._bytes = 0
        self._open: dict[int, Job] = {}

    def start(self) -> None:
        """Begins to read."""
        threading.Thread(target=self._read, name="inbox", daemon=True).start()

    def send(self, frame: Frame) -> None:
        """Sends all of `frame`, waiting for the service to read; any thread may."""
        try:
            with self._sending:
                self._sock.sendall(frame.encode())
        except OSError:
            os._exit(0)  # the service is gone

    def receive(self, timeout_s: float | None = None) -> Job | Frame | None:
        """The next request; None when none has come after `timeout_s`."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._inbox, timeout_s):
                return None
            request = self._inbox.popleft()
            self._bytes -= len(request.blob)
            self._changed.notify_all()
        return request

    def finish(self, job: Job, answer: Frame) -> None:
        """Ends a job."""
        with self._changed:
            self._open.pop(job.number, None)
        self.send(answer)

    def _read(self) -> None:
        stream = self._sock.makefile("rb")
        with contextlib.suppress(OSError, ValueError):
            while (frame := read_frame(stream)) is not None:
                self._take(frame)
        os._exit(0)

    def _take(self, frame: Frame) -> None:
        with self._changed:
            if frame.kind is Kind.CANCEL:
                if job := self._open.get(frame.job):
                    job.cancelled = True
                return
            request: Job | Frame = frame
            if frame.kind is Kind.JOB:
                request = self._open[frame.job] = Job(self, frame)
            self._inbox.append(request)
            self._bytes += len(frame.blob)
            self._changed.notify_all()
            while self._bytes > INBOX_BYTES:
                self._changed.wait(_LOOK_S)
                self._end_if_alone()

    def _end_if_alone(self) -> None:
        """The socket isn't read while the inbox is full: its end is looked for instead."""
        poll = select.poll()
        poll.register(self._sock, 0)
        if poll.poll(0):
            os._exit(0)


def work(engine: Engine, link: Link) -> None:
    """Loads `engine`, then does jobs until the socket closes."""

    def progress(fraction: float) -> None:
        link.send(Frame(Kind.PROGRESS, meta={"fraction": fraction}))

    try:
        link.send(Frame(Kind.READY, meta=engine.load(progress)))
    except EngineError as error:
        link.send(Frame(Kind.FAIL, meta={"code": error.code, "message": error.message}))
        return
    parallel = int(getattr(engine, "parallel", 1))
    if parallel == 1:
        _serve(engine, link, lambda job: _do(engine, link, job))
    with ThreadPoolExecutor(parallel, "job") as threads:
        slots = threading.Semaphore(parallel)

        def run(job: Job) -> None:
            try:
                _do(engine, link, job)
            finally:
                slots.release()

        def start(job: Job) -> None:
            slots.acquire()
            threads.submit(run, job)

        _serve(engine, link, start)


def _serve(engine: Engine, link: Link, start: Callable[[Job], None]) -> None:
    idle_s: float | None = getattr(engine, "idle_s", None)
    while True:
        request = link.receive(idle_s)
        while request is None:
            cast("Resting", engine).rest()
            request = link.receive()
        if isinstance(request, Job):
            start(request)
        else:
            engine.tell(str(request.meta["op"]), request.meta, request.blob)


def _do(engine: Engine, link: Link, job: Job) -> None:
    try:
        result = {} if job.cancelled else engine.work(job)
    except EngineError as error:
        failure = {"code": error.code, "message": error.message, "fatal": error.fatal}
        link.finish(job, Frame(Kind.FAIL, job.number, failure))
        if error.fatal:
            os._exit(_FATAL_STATUS)
    except Exception as error:  # noqa: BLE001 - an engine's failure is an answer, not an end
        # The text of an exception may quote what was said; its type can't.
        failure = {"code": CRASHED, "message": type(error).__name__}
        link.finish(job, Frame(Kind.FAIL, job.number, failure))
    else:
        link.finish(job, Frame(Kind.END, job.number, result))


def _die_with_parent() -> None:
    """For an engine that holds the interpreter's lock; Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> None:
    """The process."""
    where, fd, settings = sys.argv[1:4]
    _die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the service, which ends us
    os.dup2(2, 1)  # libraries print to standard output
    link = Link(socket.socket(fileno=int(fd)))
    link.start()
    module, _, name = where.partition(":")
    work(getattr(importlib.import_module(module), name)(json.loads(settings)), link)
