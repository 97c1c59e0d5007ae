"""Whose look is next: an engine takes few at a time, and some cannot wait.

Each utterance has a `Place`. A look that somebody waits for, for its utterance is over, goes first,
and the engine leaves off another one for it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import IntEnum
from itertools import count

from avatar_contract.errors import SttUnavailable

_RETRY_S = 2.0


class Rank(IntEnum):
    """Who goes first when several wait."""

    FINAL = 0
    """The utterance is over: a person waits for an answer."""
    SETTLE = 1
    """It may be over."""
    RECORDING = 2
    GLANCE = 3


@dataclass(eq=False, slots=True)
class Place:
    """One utterance's, or one recording's."""

    hurried: bool = False
    """Whether its utterance is over."""


@dataclass(eq=False, slots=True)
class Ticket:
    """One look that runs or waits."""

    place: Place
    wants: Rank
    order: int
    drop: Callable[[], None]
    turn: "asyncio.Future[None]"

    @property
    def rank(self) -> Rank:
        """As of now: an utterance may end meanwhile."""
        return Rank.FINAL if self.place.hurried else self.wants


class Looks:
    """`at_once` at a time, and at most `queue` that wait."""

    def __init__(self, at_once: int, queue: int) -> None:
        self._at_once = at_once
        self._queue = queue
        self._running: set[Ticket] = set()
        self._waiting: set[Ticket] = set()
        self._dropped: set[Ticket] = set()
        self._order = count()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def busy(self) -> bool:
        """Whether one more would have to wait."""
        return len(self._running) >= self._at_once

    @asynccontextmanager
    async def turn(self, place: Place, rank: Rank, drop: Callable[[], None]) -> AsyncIterator[None]:
        """Holds the engine for one look.

        Args:
            drop: asks the engine to leave off this look; called when one comes that cannot wait.

        Raises:
            SttUnavailable: too many wait; retryable.
        """
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        ticket = Ticket(place, rank, next(self._order), drop, turn)
        await self._enter(ticket)
        try:
            yield
        finally:
            self._leave(ticket)

    def hurry(self, place: Place) -> None:
        """Its utterance is over: what it asks for, and waits for already, goes first."""
        place.hurried = True
        self._make_room()

    async def _enter(self, ticket: Ticket) -> None:
        if not self.busy:
            self._running.add(ticket)
            return
        if len(self._waiting) >= self._queue:
            raise SttUnavailable(
                f"The recogniser has {self._queue} utterances waiting: try again in a moment, "
                "or give it a faster device or a smaller model.",
                retry_after_s=_RETRY_S,
            )
        self._waiting.add(ticket)
        self._make_room()
        try:
            await ticket.turn
        except asyncio.CancelledError:
            self._waiting.discard(ticket)
            self._leave(ticket)
            raise

    def _make_room(self) -> None:
        """Has a look dropped for each that cannot wait: the least important, the newest first."""
        urgent = sum(ticket.rank is Rank.FINAL for ticket in self._waiting)
        others = [one for one in self._running - self._dropped if one.rank is not Rank.FINAL]
        others.sort(key=lambda one: (one.rank, one.order), reverse=True)
        for ticket in others[: max(0, urgent - len(self._dropped))]:
            self._dropped.add(ticket)
            ticket.drop()

    def _leave(self, ticket: Ticket) -> None:
        self._running.discard(ticket)
        self._dropped.discard(ticket)
        while self._waiting and not self.busy:
            following = min(self._waiting, key=lambda one: (one.rank, one.order))
            self._waiting.discard(following)
            if not following.turn.done():
                self._running.add(following)
                following.turn.set_result(None)
