"""A simulated loudspeaker, and the clock that all processes share."""

import time

_QUIET_MS = 600.0
"""Silence of the server after which a reply that was played is over."""


def now_ms() -> float:
    """The clock that all processes share."""
    return time.monotonic() * 1000


class Player:
    """Plays what came, and stands still when told."""

    def __init__(self) -> None:
        self.got_ms = 0.0
        self._base_ms = 0.0
        self._base_at: float | None = None
        self.stopped = False
        self.last_came = 0.0

    def start_from(self, ms: float) -> None:
        """So much was heard before; what comes now follows it."""
        self.got_ms = self._base_ms = ms
        self._base_at = None

    def add(self, ms: float, now: float) -> None:
        """Sound came."""
        if not self.stopped and (self._base_at is None or self.played(now) >= self.got_ms):
            self._base_ms, self._base_at = self.got_ms, now
        self.got_ms += ms
        self.last_came = now

    def played(self, now: float) -> float:
        """How much was heard, ms."""
        if self._base_at is None or self.stopped:
            return self._base_ms
        return min(self.got_ms, self._base_ms + now - self._base_at)

    def pause(self, now: float) -> None:
        """Stand still."""
        self._base_ms = self.played(now)
        self.stopped = True

    def resume(self, now: float) -> None:
        """Go on."""
        self.stopped = False
        self._base_at = now if self.got_ms else None

    def over(self, now: float) -> bool:
        """All was played, and nothing came for a while."""
        return (
            self.got_ms > 0
            and self.played(now) >= self.got_ms - 1
            and now - self.last_came > _QUIET_MS
        )
