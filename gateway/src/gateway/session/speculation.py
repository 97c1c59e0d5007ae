"""When it pays to start a reply before the endpoint is sure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

_REMEMBERED = 12
_TOO_MUCH_WASTE = 0.5
_PROBE_EVERY = 4


@dataclass(slots=True)
class SpeculationPolicy:
    """Watches a conversation's own waste and the engines' queues."""

    busy: Callable[[], bool]
    """Whether the engines have others waiting: then a guess would take their place."""
    _kept: deque[bool] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    _refused: int = 0

    def allows(self) -> bool:
        """Whether to start one now. After much waste only every fourth pause is tried."""
        if self.busy():
            return False
        wasted = self._kept.count(False)
        if len(self._kept) < _PROBE_EVERY or wasted <= _TOO_MUCH_WASTE * len(self._kept):
            return True
        self._refused += 1
        return self._refused % _PROBE_EVERY == 0

    def ended(self, *, kept: bool) -> None:
        """A speculative reply was promoted or thrown away."""
        self._kept.append(kept)
