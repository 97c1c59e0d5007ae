"""Stops asking a service that does not answer, and asks it again now and then.

::

    closed ── failures in a row ─▶ open ── pause ─▶ half open ── one probe ─┬─ answered ─▶ closed
                                    │                                       └─ failed ───▶ open
                                    └── the health watch found it back ──────────────────▶ closed

M. Nygard, "Release It!" (2007), chapter 5, names the pattern. A service that refuses a request with
an error of its own has answered: that is no failure here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Breaker:
    """One service's. Times in seconds of `clock`."""

    failures: int = 3
    """Failures in a row after which it opens."""
    pause_s: float = 2.0
    """How long it stays open before one call may try again."""
    clock: Callable[[], float] = time.monotonic
    _in_a_row: int = 0
    _opened_at: float | None = None
    _probing_since: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether a call would be refused now."""
        return self.retry_after_s() > 0

    def retry_after_s(self) -> float:
        """Seconds until a call may be tried; 0: now."""
        if self._opened_at is None:
            return 0.0
        since = self._opened_at if self._probing_since is None else self._probing_since
        return max(0.0, since + self.pause_s - self.clock())

    def allows(self) -> bool:
        """Whether to call now. While half open the first to ask is the probe."""
        if self.retry_after_s() > 0:
            return False
        if self._opened_at is not None:
            self._probing_since = self.clock()
        return True

    def answered(self) -> None:
        """The service answered, whatever it said."""
        self._in_a_row = 0
        self._opened_at = self._probing_since = None

    def failed(self) -> None:
        """The service could not be reached, or did not answer in time."""
        self._in_a_row += 1
        if self._in_a_row >= self.failures:
            self._opened_at, self._probing_since = self.clock(), None
