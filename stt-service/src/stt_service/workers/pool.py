"""A bounded pool of workers of one kind."""

import asyncio
from collections.abc import Awaitable, Callable

from avatar_contract.errors import SttUnavailable
from avatar_contract.service import get_logger
from stt_service.workers.process import Worker

log = get_logger(__name__)

_RETRY_S = 2.0


class WorkerPool:
    """Lends workers, at most `limit` at once; the one too many is refused, never queued.

    `warm` workers are kept ready; the others end after `idle_s` without work, for each holds its
    own copy of the model.
    """

    def __init__(
        self,
        spawn: Callable[[], Awaitable[Worker]],
        *,
        limit: int,
        warm: int = 1,
        idle_s: float = 60.0,
    ) -> None:
        self._spawn = spawn
        self._limit = limit
        self._warm = min(warm, limit)
        self._idle_s = idle_s
        self._idle: list[Worker] = []
        self._lent: set[Worker] = set()
        self._starting = 0
        self._closed = asyncio.Event()
        self._returned = 0
        self._shrinking = False
        self._chores: set[asyncio.Task[None]] = set()

    @property
    def busy(self) -> int:
        """Workers that are lent."""
        return len(self._lent)

    @property
    def size(self) -> int:
        """Workers that exist or are being started."""
        return len(self._lent) + len(self._idle) + self._starting

    async def start(self) -> None:
        """Starts the warm ones and waits until they are ready. Raises SttUnavailable."""
        while len(self._idle) < self._warm:
            worker = await self._start_one()
            try:
                await worker.ready
            except BaseException:
                await worker.end()
                raise
            self._idle.append(worker)

    async def borrow(self) -> Worker:
        """A worker of one's own until `give_back`.

        Raises:
            SttUnavailable: all are lent; retryable.
        """
        while self._idle:
            worker = self._idle.pop()
            if worker.alive:
                self._lent.add(worker)
                return worker
        if self._closed.is_set() or self.size >= self._limit:
            raise SttUnavailable(
                f"All {self._limit} recognisers are busy: try again in a moment, "
                "or let the operator raise STT_WORKERS.",
                retry_after_s=_RETRY_S,
            )
        worker = await self._start_one()
        self._lent.add(worker)
        return worker

    def give_back(self, worker: Worker) -> None:
        """Ends a loan. A worker that died is replaced."""
        self._lent.discard(worker)
        if self._closed.is_set() or not worker.alive:
            self._do(self._mourn(worker))
        else:
            self._idle.append(worker)
            self._returned += 1
            if len(self._idle) > self._warm and not self._shrinking:
                self._shrinking = True
                self._do(self._shrink())

    async def close(self) -> None:
        """Ends every worker, lent ones too."""
        self._closed.set()
        # Not cancelled: a spawn that is cut in the middle leaves its pipes open.
        while self._chores:
            await asyncio.wait(self._chores)
        workers = [*self._idle, *self._lent]
        self._idle.clear()
        self._lent.clear()
        await asyncio.gather(*(worker.end() for worker in workers))

    async def _start_one(self) -> Worker:
        self._starting += 1
        starting = asyncio.ensure_future(self._spawn())
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            self._do(self._adopt(starting))
            raise
        finally:
            self._starting -= 1

    async def _adopt(self, starting: Awaitable[Worker]) -> None:
        """Keeps a worker whose borrower hung up while it started."""
        worker = await starting
        self._lent.add(worker)
        self.give_back(worker)

    async def _mourn(self, worker: Worker) -> None:
        await worker.end()
        if not self._closed.is_set() and self.size < self._warm:
            replacement = await self._start_one()
            self._idle.append(replacement)
            log.info("worker.replaced", died=worker.pid, started=replacement.pid)

    async def _shrink(self) -> None:
        """Ends the surplus once nothing was given back for a while."""
        try:
            while len(self._idle) > self._warm:
                seen = self._returned
                if await self._closes_within(self._idle_s):
                    return
                if seen == self._returned and len(self._idle) > self._warm:
                    await self._idle.pop(0).end()
        finally:
            self._shrinking = False

    async def _closes_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._closed.wait()
        except TimeoutError:
            return False
        return True

    def _do(self, chore: Awaitable[None]) -> None:
        task = asyncio.ensure_future(chore)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)
