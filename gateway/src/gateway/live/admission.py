"""Who may have a session: `MAX_SESSIONS` slots and a short queue before them.

    socket ──enter──▶ Slot ──release──▶ the next in the queue

A slot belongs to a session, not to its socket. A refusal is immediate: the socket is told
`SERVER_FULL` and closed with 1013.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from avatar_contract.errors import ServerFull

CLOSE_CODE = 1013
"""RFC 6455 registry, "Try Again Later": how a socket that found no slot is closed."""


class Slot:
    """The right to one session; give it back with `release`."""

    def __init__(self, give_back: Callable[["Slot"], None]) -> None:
        self._give_back = give_back

    def release(self) -> None:
        """Give the slot back; a second call does nothing."""
        self._give_back(self)


class Admission:
    """Counts slots on one event loop; nothing in here blocks."""

    def __init__(self, max_sessions: int = 5, max_waiting: int = 0) -> None:
        self.max_sessions = max_sessions
        self.max_waiting = max_waiting
        self._held: set[Slot] = set()
        self._queue: deque[_Waiter] = deque()

    @property
    def held(self) -> int:
        """Slots in use."""
        return len(self._held)

    @property
    def waiting(self) -> int:
        """Sockets in the queue."""
        return len(self._queue)

    @property
    def full(self) -> bool:
        """Whether `enter` would not get a slot at once."""
        return len(self._held) >= self.max_sessions or bool(self._queue)

    async def enter(self, on_position: Callable[[int], None] | None = None) -> Slot:
        """A slot, after waiting in the queue where there is one; `ServerFull` when that is full.

        `on_position` is told the place in the queue, 1 is the next, now and when it changes.
        """
        if not self.full:
            return self._take()
        if len(self._queue) >= self.max_waiting:
            raise self._refusal()
        waiter = _Waiter(on_position)
        self._queue.append(waiter)
        waiter.tell(len(self._queue))
        try:
            return await waiter.slot
        except asyncio.CancelledError:
            self._leave(waiter)
            raise

    def _take(self) -> Slot:
        slot = Slot(self._release)
        self._held.add(slot)
        return slot

    def _refusal(self) -> ServerFull:
        return ServerFull(
            f"All {self.max_sessions} sessions are in use. Try again in a moment; "
            "MAX_SESSIONS sets how many there may be.",
            retry_after_s=5,
        )

    def _release(self, slot: Slot) -> None:
        if slot not in self._held:
            return
        self._held.remove(slot)
        self._serve_queue()

    def _serve_queue(self) -> None:
        moved = False
        while self._queue and len(self._held) < self.max_sessions:
            waiter = self._queue.popleft()
            moved = True
            if not waiter.slot.cancelled():
                waiter.slot.set_result(self._take())
        if moved:
            self._tell_all()

    def _leave(self, waiter: "_Waiter") -> None:
        """A cancelled waiter either still stands in the queue or was just handed a slot."""
        if waiter in self._queue:
            self._queue.remove(waiter)
            self._tell_all()
        elif waiter.slot.done() and not waiter.slot.cancelled():
            waiter.slot.result().release()

    def _tell_all(self) -> None:
        for position, waiter in enumerate(self._queue, start=1):
            waiter.tell(position)


class _Waiter:
    def __init__(self, on_position: Callable[[int], None] | None) -> None:
        self.slot: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()
        self._on_position = on_position

    def tell(self, position: int) -> None:
        if self._on_position is not None:
            self._on_position(position)
