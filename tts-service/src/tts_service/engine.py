"""What an engine is to its worker process. Needs the standard library and the worker kit alone,
because an engine may run in an environment of its own.
"""

import importlib
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from avatar_contract.workers.child import Job
from avatar_contract.workers.errors import EngineError

__all__ = ["SPEECH_RATE", "Engine", "EngineError", "Sink", "Speaking"]

SPEECH_RATE = 24_000
"""Sample rate of all PCM that leaves an engine, Hz (mono ``pcm_s16le``)."""


class Sink(Protocol):
    """Where an engine puts its sound."""

    def write(self, piece: bytes, /) -> bool:
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


class _Counted:
    """A sink that counts its samples."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self.samples = 0

    def write(self, piece: bytes) -> bool:
        self.samples += len(piece) // 2
        return self._job.write(piece)

    def stopped(self) -> bool:
        return self._job.stopped()


class Speaking:
    """An `Engine` as the worker kit runs it.

    Args:
        settings: ``{engine: "module:Class", config: {…}}``.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        module, _, name = settings["engine"].partition(":")
        self._engine: Any = getattr(importlib.import_module(module), name)(settings["config"])
        self.idle_s: float | None = getattr(self._engine, "idle_s", None)

    def load(self, progress: Callable[[float], None]) -> Mapping[str, Any]:
        facts: Mapping[str, Any] = self._engine.load(progress)
        return facts

    def rest(self) -> None:
        self._engine.rest()

    def tell(self, op: str, meta: Mapping[str, Any], blob: bytes) -> None:
        if op == "drop_voice":
            self._engine.drop_voice(str(meta["id"]))

    def work(self, job: Job) -> Mapping[str, Any]:
        answer: Mapping[str, Any]
        if job.op == "voice":
            answer = self._engine.add_voice(job.meta, job.blob)
        elif job.op == "speak":
            answer = self._speak(job)
        else:
            answer = self._engine.ask(job.op, job.meta)
        return answer

    def _speak(self, job: Job) -> Mapping[str, Any]:
        if "new_voice" in job.meta:
            self._engine.add_voice(job.meta["new_voice"], job.blob)
        sink = _Counted(job)
        began = time.perf_counter()
        self._engine.speak(job.meta, sink)
        worked = time.perf_counter() - began - job.waited_s
        return {"work_s": worked, "audio_s": sink.samples / SPEECH_RATE}
