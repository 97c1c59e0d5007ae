"""The worker's side: loads one engine, does one job at a time, ends when its socket closes.

Run as ``python -m tts_service.workers <module:Class> <fd> <json settings>``.
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
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

from tts_service.workers.frames import HEADER, SPEECH_RATE, Frame, Kind, body_bytes, decode

_PR_SET_PDEATHSIG = 1


class EngineError(Exception):
    """What a worker tells its service: an error code of the contract and words for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Sink(Protocol):
    """Where an engine puts its sound."""

    def write(self, pcm: bytes) -> bool:
        """Sends mono ``pcm_s16le`` at 24 kHz. False: nobody listens any more, stop."""

    def stopped(self) -> bool:
        """Whether to stop; for engines that are long without sound."""


class Engine(Protocol):
    """What runs in a worker. One thread calls it; no two calls overlap."""

    def load(self, progress: Callable[[float], None]) -> Mapping[str, Any]:
        """Loads and warms. Answers ``{device, detail?, notice?}`` for `/health`."""

    def speak(self, job: Mapping[str, Any], sink: Sink) -> None:
        """Speaks ``job["runs"]``, a list of ``[language, text]``, into `sink`."""

    def add_voice(self, voice: Mapping[str, Any], wav: bytes) -> Mapping[str, Any]:
        """Takes a reference (wav file) ``{id, etag, text, facts?}``. Answers ``{facts?, …}``."""

    def drop_voice(self, voice_id: str) -> None:
        """Forgets a reference; an unknown one is no error."""

    def ask(self, op: str, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """Any other question an engine answers."""


class Resting(Protocol):
    """An engine that leaves memory when it has had no job for `idle_s` seconds."""

    idle_s: float

    def rest(self) -> None:
        """Frees what it can; the next job loads it again."""


class _Gone(Exception):
    """The service closed the socket."""


class Link:
    """The worker's end of the socket. Reads what comes while it waits to write."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._bytes = bytearray()
        self._inbox: deque[Frame] = deque()
        self.cancelled = 0
        """The newest job that was cancelled."""

    def send(self, frame: Frame) -> float:
        """Sends all of `frame`; answers the seconds spent waiting for the reader."""
        rest = memoryview(frame.encode())
        waited = 0.0
        while rest:
            self._read_waiting()
            try:
                rest = rest[self._sock.send(rest) :]
            except BlockingIOError:
                began = time.perf_counter()
                select.select([self._sock], [self._sock], [])
                waited += time.perf_counter() - began
            except (BrokenPipeError, ConnectionResetError) as error:
                raise _Gone from error
        return waited

    def receive(self, timeout_s: float | None = None) -> Frame | None:
        """The next frame; None when none has come after `timeout_s`."""
        while not self._inbox:
            if not select.select([self._sock], [], [], timeout_s)[0]:
                return None
            self._read_waiting()
        return self._inbox.popleft()

    def poll(self) -> None:
        """Reads what has come, so that `cancelled` is fresh."""
        self._read_waiting()

    def _read_waiting(self) -> None:
        try:
            data = self._sock.recv(2**16)
        except BlockingIOError:
            return
        except ConnectionResetError as error:
            raise _Gone from error
        if not data:
            raise _Gone
        self._bytes += data
        while len(self._bytes) >= HEADER.size:
            end = HEADER.size + body_bytes(bytes(self._bytes[: HEADER.size]))
            if len(self._bytes) < end:
                return
            data = bytes(self._bytes[:end])
            frame = decode(data[: HEADER.size], data[HEADER.size :])
            del self._bytes[:end]
            if frame.kind is Kind.CANCEL:
                self.cancelled = max(self.cancelled, frame.job)
            else:
                self._inbox.append(frame)


class _JobSink:
    def __init__(self, link: Link, job: int) -> None:
        self._link = link
        self._job = job
        self.waited_s = 0.0
        self.samples = 0

    def write(self, pcm: bytes) -> bool:
        if self.stopped():
            return False
        if pcm:
            self.waited_s += self._link.send(Frame(Kind.PCM, self._job, blob=pcm))
            self.samples += len(pcm) // 2
        return not self._stop_seen()

    def stopped(self) -> bool:
        self._link.poll()
        return self._stop_seen()

    def _stop_seen(self) -> bool:
        return self._link.cancelled >= self._job


def work(engine: Engine, link: Link) -> None:
    """Loads `engine`, then does jobs until the socket closes."""

    def progress(fraction: float) -> None:
        link.send(Frame(Kind.PROGRESS, meta={"fraction": fraction}))

    try:
        link.send(Frame(Kind.READY, meta=engine.load(progress)))
    except EngineError as error:
        link.send(Frame(Kind.FAIL, meta={"code": error.code, "message": error.message}))
        return
    idle_s: float | None = getattr(engine, "idle_s", None)
    while True:
        frame = link.receive(idle_s)
        while frame is None:
            cast("Resting", engine).rest()
            frame = link.receive()
        if frame.kind is Kind.POST:
            engine.drop_voice(str(frame.meta["id"]))
        elif frame.kind is Kind.JOB:
            link.send(_answer(engine, link, frame))


def _answer(engine: Engine, link: Link, frame: Frame) -> Frame:
    try:
        return Frame(Kind.END, frame.job, _do(engine, link, frame))
    except EngineError as error:
        failure = {"code": error.code, "message": error.message}
    except _Gone:
        raise
    except Exception as error:  # noqa: BLE001 - an engine's failure is an answer, not an end
        # The text of an exception may quote what was to be said; its type can't.
        failure = {
            "code": "TTS_UNAVAILABLE",
            "message": f"The speech engine failed ({type(error).__name__}). Try once more.",
        }
    return Frame(Kind.FAIL, frame.job, failure)


def _do(engine: Engine, link: Link, frame: Frame) -> Mapping[str, Any]:
    op = frame.meta["op"]
    if op == "voice":
        return engine.add_voice(frame.meta, frame.blob)
    if op != "speak":
        return engine.ask(op, frame.meta)
    if "new_voice" in frame.meta:
        engine.add_voice(frame.meta["new_voice"], frame.blob)
    sink = _JobSink(link, frame.job)
    began = time.perf_counter()
    engine.speak(frame.meta, sink)
    worked = time.perf_counter() - began - sink.waited_s
    return {"work_s": worked, "audio_s": sink.samples / SPEECH_RATE}


def _die_with_parent() -> None:
    """Linux only; elsewhere the closing socket alone ends the worker."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> None:
    """The process."""
    where, fd, settings = sys.argv[1:4]
    _die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the service, which ends us
    os.dup2(2, 1)  # libraries print to standard output
    module, _, name = where.partition(":")
    link = Link(socket.socket(fileno=int(fd)))
    with contextlib.suppress(_Gone):
        engine = getattr(importlib.import_module(module), name)(json.loads(settings))
        work(engine, link)
