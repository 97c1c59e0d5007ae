"""Prometheus metrics: one registry an app, and the label `service` on everything."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

M = TypeVar("M", Counter, Gauge, Histogram)

STAGE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2, 3.5, 5, 10, 30)
"""Seconds; fine where a listener feels a difference."""


class Metrics:
    """Makes metrics that all carry ``service="…"``."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = self.counter(
            "avatar_http_requests", "HTTP requests answered", ["method", "status"]
        )
        self.latency = self.histogram("avatar_http_seconds", "Seconds to the first byte of answers")

    def counter(self, name: str, about: str, labels: Sequence[str] = ()) -> Counter:
        """A counter; `labels` are given on use, `service` is set."""
        return self._bind(
            Counter(name, about, ["service", *labels], registry=self.registry), labels
        )

    def gauge(self, name: str, about: str, labels: Sequence[str] = ()) -> Gauge:
        """A gauge; likewise."""
        return self._bind(Gauge(name, about, ["service", *labels], registry=self.registry), labels)

    def histogram(
        self,
        name: str,
        about: str,
        labels: Sequence[str] = (),
        buckets: Sequence[float] = STAGE_BUCKETS,
    ) -> Histogram:
        """A histogram of seconds; likewise."""
        made = Histogram(name, about, ["service", *labels], registry=self.registry, buckets=buckets)
        return self._bind(made, labels)

    def _bind(self, metric: M, labels: Sequence[str]) -> M:
        """`metric` with its service set, when no other label is left to set on use."""
        return metric if labels else metric.labels(service=self.service)

    def render(self) -> bytes:
        """The exposition text of all metrics."""
        return generate_latest(self.registry)


class MetricsMiddleware:
    """Counts HTTP requests and times them to their first byte."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        metrics = self._metrics

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                metrics.latency.observe(time.perf_counter() - began)
                metrics.requests.labels(
                    metrics.service, scope["method"], str(message["status"])
                ).inc()
            await send(message)

        await self._app(scope, receive, counted)
