"""A bounded pool of workers of one kind. The one too many waits, or is refused clearly."""

import asyncio
import contextlib
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from avatar_contract.workers.errors import StartFailed, WorkerError, WorkersBusy
from avatar_contract.workers.jobs import Job, Reply, Request
from avatar_contract.workers.process import Worker, WorkerCommand, log_event

BACKOFF_S = (0.1, 0.3, 0.9, 2.7, 8.0, 24.0, 30.0, 30.0)
"""Waits between starts that fail one after the other. Then the pool stops trying by itself."""

RETRY_S = 30.0
"""After giving up, a job that is asked for begins one more try, at most so often."""

_SETTLED_S = 60.0
"""A worker that lived so long had started well."""

Plan = Callable[[], Awaitable[WorkerCommand]]
"""Says anew at each start how to start. Raises WorkerError when it can't be done now."""


@dataclass(frozen=True)
class PoolLimits:
    """How many, and how long."""

    workers: int
    """Processes at most."""
    warm: int
    """Processes that are kept ready."""
    jobs_each: int = 1
    """Jobs that one process does at once."""
    waiting: int = 0
    """How many may wait for a free worker."""
    wait_s: float = 5.0
    """How long they may wait."""
    idle_s: float = 60.0
    """Processes beyond the warm ones end after so long without work."""
    single_use: bool = False
    """A process ends after its first job, which leaves nothing to the next one."""


@dataclass(frozen=True)
class PoolState:
    """How a pool is now."""

    size: int
    """Processes that exist or are being started or ended."""
    ready: int
    """Processes that have loaded."""
    busy: int
    waiting: int
    progress: float
    """Of the newest start, 0 to 1."""
    failure: str | None
    """Why no worker could be started, the last time it was tried."""


class WorkerPool:
    """Lends workers for one job (`begin`, `ask`) or for many in a row (`borrow`)."""

    def __init__(self, plan: Plan | WorkerCommand, limits: PoolLimits) -> None:
        self._plan = plan
        self.limits = limits
        self.workers: list[Worker] = []
        """Those that live, lent or not, loaded or not."""
        self._held: set[Worker] = set()
        self._reserved: Counter[Worker] = Counter()
        self._queue: deque[_Turn] = deque()
        self._starting = 0
        self._leaving: dict[Worker, asyncio.Task[None]] = {}
        self._failures = 0
        self._failure: str | None = None
        self._given_up_s: float | None = None
        self._progress = 0.0
        self._shrinking: asyncio.TimerHandle | None = None
        self._closed = asyncio.Event()
        self._changed = asyncio.Event()
        self._chores: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begins to start the warm ones; `state` says when they are there."""
        self._fill()

    async def ready(self) -> None:
        """Waits for a warm worker. Raises StartFailed when starting one fails before."""
        while not any(worker.ready for worker in self.workers):
            if self._failure is not None or self._closed.is_set():
                raise StartFailed(self._failure or "It was closed while it started.")
            await self._changed.wait()

    async def close(self) -> None:
        """Ends every worker, lent ones too."""
        self._closed.set()
        if self._shrinking is not None:
            self._shrinking.cancel()
        for turn in self._queue:
            turn.refuse(WorkersBusy("The service is closing."))
        self._note_change()
        # Spawning isn't cancelled: cut in the middle it leaves a process and its pipes.
        while self._chores:
            await asyncio.wait(self._chores)
        workers, self.workers = self.workers, []
        await asyncio.gather(*(worker.end() for worker in workers))

    @property
    def state(self) -> PoolState:
        """The state at this moment."""
        return PoolState(
            size=len(self.workers) + self._starting + sum(worker.alive for worker in self._leaving),
            ready=sum(worker.ready for worker in self.workers),
            busy=sum(map(self._is_busy, self.workers)),
            waiting=sum(not turn.done() for turn in self._queue),
            progress=self._progress,
            failure=self._failure,
        )

    async def begin(self, request: Request | Callable[[Worker], Request]) -> Job:
        """Begins one job; read it to its end, or close it.

        Raises:
            WorkersBusy: none is free, and too many wait already, or it took too long.
            StartFailed: none can be started.
        """
        return self._begin(await self._take(session=False), request)

    async def ask(self, request: Request, deadline_s: float | None = None) -> Reply:
        """One job and all of its answer. Raises WorkerError; see `begin` and `Job.reply`."""
        worker = await self._take(session=False)
        job = self._begin(worker, request)
        try:
            return await job.reply(deadline_s)
        finally:
            if self.limits.single_use:
                await asyncio.shield(self._retire(worker))

    async def borrow(self) -> Worker:
        """A worker of one's own until `give_back`. It may still be loading. Raises as `begin`.

        A job that its last holder gave up may still go on; requests queue behind it.
        """
        return await self._take(session=True)

    def give_back(self, worker: Worker) -> None:
        """Ends a loan."""
        self._held.discard(worker)
        self._dispatch()

    def _begin(self, worker: Worker, request: Request | Callable[[Worker], Request]) -> Job:
        self._unreserve(worker)
        return worker.begin(request if isinstance(request, Request) else request(worker))

    async def _take(self, *, session: bool) -> Worker:
        self._refuse_when_hopeless()
        turn = _Turn(session)
        self._queue.append(turn)
        self._dispatch()
        wait_s = None
        if turn in self._queue:
            wait_s = self.limits.wait_s
            if len(self._queue) > self.limits.waiting:
                self._queue.remove(turn)
                raise WorkersBusy(f"All {self.limits.workers} workers are busy.", retry_after_s=2)
        try:
            async with asyncio.timeout(wait_s):
                return await turn.worker
        except TimeoutError as error:
            self._pass_on(turn)
            text = "All workers are busy, and stayed so."
            raise WorkersBusy(text, retry_after_s=2) from error
        except asyncio.CancelledError:
            self._pass_on(turn)
            raise
        finally:
            if turn in self._queue:
                self._queue.remove(turn)

    def _pass_on(self, turn: "_Turn") -> None:
        """Its taker left in the moment in which it got a worker."""
        if turn.worker.done() and not turn.worker.cancelled() and not turn.worker.exception():
            self._release(turn.worker.result(), session=turn.session)

    def _release(self, worker: Worker, *, session: bool) -> None:
        if session:
            self._held.discard(worker)
        else:
            self._unreserve(worker)
        self._dispatch()

    def _unreserve(self, worker: Worker) -> None:
        if worker in self._reserved:
            self._reserved[worker] -= 1

    def _refuse_when_hopeless(self) -> None:
        if self._closed.is_set():
            raise WorkersBusy("The service is closing.")
        if self._failure is None or any(worker.ready for worker in self.workers):
            return
        if self._given_up_s is None and not self.limits.warm:
            return
        now = asyncio.get_running_loop().time()
        if self._given_up_s is not None and now - self._given_up_s >= RETRY_S:
            self._given_up_s = now
            self._do(self._add_warm(0.0))
        raise StartFailed(self._failure, retry_after_s=5)

    def _dispatch(self) -> None:
        """Gives free workers, and room for new ones, to those who wait."""
        while self._queue and not self._closed.is_set():
            turn = self._queue[0]
            if not turn.done():
                worker = self._free(session=turn.session)
                if worker is not None:
                    self._assign(turn, worker)
                elif self.state.size < self.limits.workers:
                    self._starting += 1
                    self._do(self._grow(turn))
                else:
                    break
            self._queue.popleft()
        self._shrink_later()
        self._note_change()

    def _free(self, *, session: bool) -> Worker | None:
        for worker in self.workers:
            usable = worker.usable if session else worker.ready
            if not usable or worker in self._held or self._spent(worker):
                continue
            jobs = self._reserved[worker] + (0 if session else worker.open_jobs)
            if jobs < (1 if session else self.limits.jobs_each):
                return worker
        return None

    def _assign(self, turn: "_Turn", worker: Worker) -> None:
        if turn.session:
            self._held.add(worker)
        else:
            self._reserved[worker] += 1
        turn.worker.set_result(worker)

    async def _grow(self, turn: "_Turn") -> None:
        """A new worker for one who waits; it is lent while it loads."""
        try:
            worker = await self._spawn()
        except WorkerError as error:
            self._count_failure(error.message)
            turn.refuse(error)
        else:
            if not turn.done():
                self._assign(turn, worker)
        finally:
            self._starting -= 1
            self._dispatch()

    def _fill(self) -> None:
        """Starts what lacks of the warm ones, after a wait that grows with every failure."""
        if self._closed.is_set() or self._given_up_s is not None:
            return
        wait_s = BACKOFF_S[self._failures - 1] if self._failures else 0.0
        while len(self.workers) + self._starting < self.limits.warm:
            self._do(self._add_warm(wait_s))

    def _add_warm(self, wait_s: float) -> Coroutine[Any, Any, None]:
        self._starting += 1
        return self._start_warm(wait_s)

    async def _start_warm(self, wait_s: float) -> None:
        failed = False
        try:
            if not await self._closes_within(wait_s):
                await self._spawn()
        except WorkerError as error:
            self._count_failure(error.message)
            failed = True
        finally:
            self._starting -= 1
            self._dispatch()
        if failed:
            self._fill()

    async def _spawn(self) -> Worker:
        plan = self._plan
        command = plan if isinstance(plan, WorkerCommand) else await plan()
        self._progress = 0.0
        worker = await Worker.spawn(command, self._take_progress)
        worker.on_change = self._take_change
        self.workers.append(worker)
        return worker

    def _take_progress(self, fraction: float) -> None:
        self._progress = fraction

    def _take_change(self, worker: Worker) -> None:
        if not worker.alive:
            self._take_death(worker)
            return
        if worker.ready:
            self._failure, self._given_up_s, self._progress = None, None, 1.0
        if worker.begun_jobs and not worker.open_jobs:
            self._failures = 0
        if self._spent(worker):
            self._retire(worker)
        self._dispatch()

    def _take_death(self, worker: Worker) -> None:
        error = worker.loaded.exception()
        age_s = asyncio.get_running_loop().time() - worker.started_s
        if isinstance(error, WorkerError):
            self._count_failure(error.message)
        elif not worker.begun_jobs and age_s < _SETTLED_S:
            self._count_failure(None)
        else:
            self._failures = 0  # it had started well: what ended it was a job, or somebody
        self._retire(worker)
        self._fill()
        self._dispatch()

    def _count_failure(self, why: str | None) -> None:
        self._failures = min(self._failures + 1, len(BACKOFF_S))
        self._failure = why or self._failure
        if self._failures == len(BACKOFF_S):
            self._failure = self._failure or "Workers end as soon as they have started."
            self._given_up_s = asyncio.get_running_loop().time()
        log_event(logging.WARNING, "worker.start_failed", detail=why, failures=self._failures)

    def _spent(self, worker: Worker) -> bool:
        return self.limits.single_use and worker.begun_jobs > 0 and not worker.open_jobs

    def _retire(self, worker: Worker) -> asyncio.Task[None]:
        """Ends a worker; until it has gone, it counts."""
        if worker not in self._leaving:
            if worker in self.workers:
                self.workers.remove(worker)
            self._held.discard(worker)
            self._reserved.pop(worker, None)
            self._leaving[worker] = self._do(self._end(worker))
        return self._leaving[worker]

    async def _end(self, worker: Worker) -> None:
        await worker.end()
        self._leaving.pop(worker, None)
        self._dispatch()

    def _is_busy(self, worker: Worker) -> bool:
        return worker in self._held or self._reserved[worker] > 0 or worker.open_jobs > 0

    def _shrink_later(self) -> None:
        """The timer begins anew whenever work is given or ends."""
        if self._shrinking is not None:
            self._shrinking.cancel()
            self._shrinking = None
        if len(self.workers) > self.limits.warm and not self._closed.is_set():
            loop = asyncio.get_running_loop()
            self._shrinking = loop.call_later(self.limits.idle_s, self._shrink)

    def _shrink(self) -> None:
        self._shrinking = None
        idle = [worker for worker in self.workers if not self._is_busy(worker)]
        if idle and len(self.workers) > self.limits.warm:
            self._retire(idle[-1])
            self._shrink_later()

    async def _closes_within(self, seconds: float) -> bool:
        if seconds:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._closed.wait()
        return self._closed.is_set()

    def _note_change(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _do(self, chore: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(chore)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)
        return task


class _Turn:
    """One who waits for a worker."""

    def __init__(self, session: bool) -> None:
        self.session = session
        self.worker: asyncio.Future[Worker] = asyncio.get_running_loop().create_future()

    def done(self) -> bool:
        return self.worker.done()

    def refuse(self, error: WorkerError) -> None:
        if not self.worker.done():
            self.worker.set_exception(error)
