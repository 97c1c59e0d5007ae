"""A bounded pool of workers of one engine. The one too many waits, or is refused clearly."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any

from avatar_contract.errors import AvatarError, TtsUnavailable
from avatar_contract.service import get_logger
from tts_service.voices import VoiceSample
from tts_service.workers.process import Worker, WorkerCommand

log = get_logger(__name__)

_FIRST_BACKOFF_S = 0.1
_LAST_BACKOFF_S = 30.0
_RTF_WEIGHT = 0.2


@dataclass
class PoolHealth:
    """How a pool is."""

    workers: int = 0
    busy: int = 0
    waiting: int = 0
    progress: float = 0.0
    failure: str | None = None
    real_time_factor: float | None = None


class WorkerPool:
    """`size` workers, restarted when they die."""

    def __init__(
        self, command: WorkerCommand, size: int, *, max_waiting: int, wait_timeout_s: float
    ) -> None:
        self._command = command
        self._size = size
        self._max_waiting = max_waiting
        self._wait_timeout_s = wait_timeout_s
        self._idle: asyncio.Queue[Worker] = asyncio.Queue()
        self._workers: list[Worker] = []
        self._starting: set[asyncio.Task[None]] = set()
        self._waiting = 0
        self._closing = False
        self.health = PoolHealth()
        self.facts: Mapping[str, Any] = {}

    async def start(self) -> None:
        """Begins to start the workers; `health` says when they are there."""
        for _ in range(self._size):
            self._begin_start()

    async def close(self) -> None:
        """Ends every worker."""
        self._closing = True
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        await asyncio.gather(*(worker.kill() for worker in self._workers))
        self._workers.clear()

    def now(self) -> PoolHealth:
        """The state at this moment."""
        health = self.health
        health.workers = len(self._workers)
        health.busy = sum(worker.busy for worker in self._workers)
        health.waiting = self._waiting
        return health

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers that live."""
        return [worker.pid for worker in self._workers]

    async def speak(
        self, meta: Mapping[str, Any], voice: VoiceSample | None
    ) -> AsyncGenerator[bytes, None]:
        """PCM of one job. Raises TtsUnavailable when full, dead or stalled."""
        worker = await self._take()
        sound = worker.speak(meta, voice, self._count)
        try:
            async for pcm in sound:
                yield pcm
        finally:
            await sound.aclose()

    async def ask(self, op: str, meta: Mapping[str, Any], blob: bytes = b"") -> Mapping[str, Any]:
        """One question to any worker."""
        return await (await self._take()).ask(op, meta, blob)

    async def add_voice(self, voice: VoiceSample) -> Mapping[str, Any]:
        """Gives one worker a voice, which checks it; the others get it when they need it."""
        worker = await self._take()
        answer = await worker.ask("voice", voice.meta(), voice.wav)
        worker.voices.add(voice.key)
        return answer

    def drop_voice(self, voice_id: str) -> None:
        """Makes every worker forget a voice."""
        for worker in self._workers:
            worker.drop_voice(voice_id)

    async def _take(self) -> Worker:
        while not self._idle.empty():
            worker = self._idle.get_nowait()
            if worker.alive:
                return worker
        self._refuse_when_hopeless()
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_timeout_s):
                return await self._next_idle()
        except TimeoutError as error:
            raise TtsUnavailable("All speech workers are busy.", retry_after_s=2) from error
        finally:
            self._waiting -= 1

    async def _next_idle(self) -> Worker:
        while True:
            worker = await self._idle.get()
            if worker.alive:
                return worker

    def _refuse_when_hopeless(self) -> None:
        if self._waiting >= self._max_waiting:
            raise TtsUnavailable(
                "All speech workers are busy, and so is the queue.", retry_after_s=2
            )
        if not self._workers and self.health.failure:
            raise TtsUnavailable(self.health.failure, retry_after_s=5)

    def _begin_start(self) -> None:
        task = asyncio.create_task(self._start_one())
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _start_one(self) -> None:
        worker = await self._started()
        self._workers.append(worker)
        self.facts = worker.facts
        self.health.failure = None
        self.health.progress = 1.0
        worker.on_idle = self._idle.put_nowait
        worker.on_death = self._died
        self._idle.put_nowait(worker)
        log.info("worker.ready", pid=worker.pid)

    async def _started(self) -> Worker:
        """A worker; tries again, ever more slowly, until there is one."""
        backoff_s = _FIRST_BACKOFF_S
        while True:
            try:
                return await Worker.start(self._command, self._progressed)
            except AvatarError as error:
                self.health.failure = error.message
                log.warning("worker.start_failed", detail=error.message)
            await asyncio.sleep(backoff_s)
            backoff_s = min(backoff_s * 3, _LAST_BACKOFF_S)

    def _progressed(self, fraction: float) -> None:
        self.health.progress = fraction

    def _died(self, worker: Worker) -> None:
        self._workers.remove(worker)
        if not self._closing:
            self._begin_start()

    def _count(self, stats: Mapping[str, Any]) -> None:
        if stats["audio_s"] <= 0:
            return
        factor = stats["work_s"] / stats["audio_s"]
        last = self.health.real_time_factor
        self.health.real_time_factor = (
            factor if last is None else last + _RTF_WEIGHT * (factor - last)
        )
