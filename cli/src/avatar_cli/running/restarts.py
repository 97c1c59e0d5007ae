"""When a service that has died is started again, and when that is given up."""

import random
from collections import deque
from dataclasses import dataclass, field

FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 5.0
GOOD_LIFE_S = 60.0
"""After so long a life all deaths before it are forgotten, s."""

WINDOW_S = 120.0
"""Deaths count for so long, s."""


@dataclass
class Restarts:
    """The deaths of one service. All times are of one monotonic clock, s."""

    limit: int
    """Given up at so many deaths within WINDOW_S; 0 is never."""

    deaths: deque[float] = field(default_factory=deque)

    def after_death(self, started_at: float, now: float) -> float | None:
        """Seconds until the next start; None when it is given up."""
        if now - started_at >= GOOD_LIFE_S:
            self.deaths.clear()
        while self.deaths and now - self.deaths[0] > WINDOW_S:
            self.deaths.popleft()
        self.deaths.append(now)
        if self.limit and len(self.deaths) >= self.limit:
            return None
        doubled = FIRST_DELAY_S * 2.0 ** min(len(self.deaths) - 1, 16)
        # Services that died of one cause do not come back in step.
        return min(LONGEST_DELAY_S, doubled) * random.uniform(0.75, 1.25)
