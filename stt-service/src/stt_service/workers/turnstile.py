"""Lets a few through at once, the important ones first, and refuses when too many wait."""

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from avatar_contract.errors import SttUnavailable

_RETRY_S = 2.0


class Turnstile:
    """`slots` at once, at most `queue` waiting."""

    def __init__(self, slots: int, queue: int) -> None:
        self._free = slots
        self._queue = queue
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = count()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(not turn.done() for _, _, turn in self._waiting)

    @property
    def busy(self) -> bool:
        """Whether one more would have to wait."""
        return self._free == 0

    @asynccontextmanager
    async def turn(self, rank: int) -> AsyncIterator[None]:
        """Holds a slot. A lower `rank` goes first; equal ones go in order.

        Raises:
            SttUnavailable: too many wait; retryable.
        """
        await self._enter(rank)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, rank: int) -> None:
        if self._free:
            self._free -= 1
            return
        if self.waiting >= self._queue:
            raise SttUnavailable(
                f"The recogniser has {self._queue} utterances waiting: try again in a moment, "
                "or give it a faster device or a smaller model.",
                retry_after_s=_RETRY_S,
            )
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (rank, next(self._order), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()
            raise

    def _leave(self) -> None:
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
