"""How much of a reply was heard: by the client's reports, else by the clock."""

from __future__ import annotations

from dataclasses import dataclass

FRESH_MS = 1000.0
"""A report is believed as it stands for this long; then the clock runs on from it."""


@dataclass(slots=True)
class PlaybackClock:
    """All times in ms of the session's clock; positions in ms of the reply's sound."""

    sent_ms: float = 0.0
    _base_ms: float = 0.0
    _base_at: float | None = None
    _reported_at: float | None = None
    _paused_at: float | None = None

    @property
    def started(self) -> bool:
        return self._base_at is not None

    @property
    def paused(self) -> bool:
        return self._paused_at is not None

    def sent(self, ms: float, now: float) -> None:
        """`ms` more sound left for the client at `now`."""
        if self._base_at is None or self._ran_dry(now):
            # The client played all it had and waited: time until now was silence.
            self._base_ms, self._base_at = self.sent_ms, now
        self.sent_ms += ms

    def report(self, played_ms: float, now: float) -> None:
        """The client says it played `played_ms` in all. Claims beyond what was sent are cut."""
        if self._base_at is None:
            return
        self._base_ms = min(max(played_ms, self._base_ms), self.sent_ms)
        self._base_at = self._reported_at = now
        if self._paused_at is not None:
            self._paused_at = now

    def rewind(self, played_ms: float, now: float) -> None:
        """The client has lost its sound: it is sent again from `played_ms` on."""
        if self._base_at is None:
            return
        self._base_ms, self._base_at, self._reported_at = min(played_ms, self.sent_ms), now, None
        if self._paused_at is not None:
            self._paused_at = now

    def position(self, now: float) -> float:
        """How much was heard at `now`."""
        if self._base_at is None:
            return 0.0
        until = self._paused_at if self._paused_at is not None else now
        if self._reported_at is not None and until - self._reported_at <= FRESH_MS:
            return self._base_ms
        return min(self.sent_ms, self._base_ms + max(0.0, until - self._base_at))

    def pause(self, now: float) -> None:
        """The client was told to pause: the clock stands still."""
        if self._paused_at is None:
            self._paused_at = now

    def resume(self, now: float) -> None:
        """The client was told to go on."""
        if self._paused_at is None:
            return
        stood = now - self._paused_at
        self._paused_at = None
        if self._base_at is not None:
            self._base_at += stood
        if self._reported_at is not None:
            self._reported_at += stood

    def ends_at(self, now: float) -> float:
        """When to look again whether everything sent was heard, if nothing is reported."""
        left = self.sent_ms - self.position(now)
        if self._reported_at is not None and now - self._reported_at <= FRESH_MS:
            return max(now + left, self._reported_at + FRESH_MS + 1)
        return now + left

    def _ran_dry(self, now: float) -> bool:
        return not self.paused and self.position(now) >= self.sent_ms
