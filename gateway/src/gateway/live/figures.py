"""How long the stages of the last turns took: for `/api/status` and for Prometheus."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from pydantic import BaseModel, Field

from avatar_contract.service import Metrics

_KEPT = 512


class StageFigures(BaseModel):
    """How long a stage took lately, in milliseconds."""

    count: int = Field(description="measurements behind the figures")
    p50_ms: float
    p95_ms: float


class Figures:
    """Takes each turn's timings, ms by stage."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._stages: dict[str, deque[float]] = {}
        self._seconds = metrics.histogram(
            "avatar_stage_seconds", "Seconds that a stage of a turn took", ["stage"]
        )
        self._turns = metrics.counter("avatar_turns", "Turns that ended", ["outcome"])

    def take(self, timings: Mapping[str, float], *, interrupted: bool) -> None:
        """A turn ended."""
        outcome = "interrupted" if interrupted else "heard"
        self._turns.labels(self._metrics.service, outcome).inc()
        for stage, ms in timings.items():
            self._stages.setdefault(stage, deque(maxlen=_KEPT)).append(ms)
            self._seconds.labels(self._metrics.service, stage).observe(ms / 1000)

    def stages(self) -> dict[str, StageFigures]:
        """Figures by stage."""
        return {stage: _figures(sorted(kept)) for stage, kept in self._stages.items()}


def _figures(ordered: list[float]) -> StageFigures:
    last = len(ordered) - 1
    return StageFigures(
        count=len(ordered), p50_ms=ordered[last // 2], p95_ms=ordered[round(last * 0.95)]
    )
