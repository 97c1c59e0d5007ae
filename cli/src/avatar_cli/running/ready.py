"""Waiting until every service says that it is ready."""

import time
from collections.abc import Callable, Mapping, Sequence

import httpx
from pydantic import ValidationError

from avatar_cli.running.plan import Service
from avatar_contract.health import Health

DEGRADED_S = 5.0
"""While others still start, the gateway is degraded; so long it is given to become whole, s."""

_POLL_S = 0.15


def health_of(client: httpx.Client, url: str, timeout_s: float = 5.0) -> Health | None:
    """What a service says of itself; None while it doesn't answer."""
    try:
        answer = client.get(f"{url}/health", timeout=timeout_s)
        health = Health.model_validate_json(answer.content)
    except (httpx.TransportError, ValidationError):
        return None
    if answer.status_code >= 500 and health.status in ("ok", "degraded"):
        # llama.cpp says 503 and nothing of ours while it loads.
        return health.model_copy(update={"status": "loading"})
    return health


def loading_of(health: Health | None) -> str:
    """What is being loaded and how far, in a few words; empty when nothing is known."""
    models = [] if health is None else [m for m in health.models if m.state == "loading"]
    return ", ".join(
        model.name if model.progress is None else f"{model.name} {model.progress:.0%}"
        for model in models
    )


def wait(
    services: Sequence[Service],
    *,
    stopped: Callable[[], bool],
    waiting: Callable[[Mapping[str, Health | None]], None],
    remind_s: float = 10.0,
) -> dict[str, Health] | None:
    """Every service's health once all are ready; None when `stopped()` came first.

    A service that is degraded and stays so counts as ready after DEGRADED_S. `waiting` is told,
    every `remind_s`, what the late ones say.
    """
    ready: dict[str, Health] = {}
    degraded_at: dict[str, float] = {}
    remind_at = time.monotonic() + remind_s
    with httpx.Client(trust_env=False) as client:
        while not stopped():
            late = _ask(client, [s for s in services if s.name not in ready], ready, degraded_at)
            if not late:
                return ready
            if time.monotonic() >= remind_at:
                remind_at += remind_s
                waiting(late)
            time.sleep(_POLL_S)
    return None


def _ask(
    client: httpx.Client,
    services: Sequence[Service],
    ready: dict[str, Health],
    degraded_at: dict[str, float],
) -> dict[str, Health | None]:
    """Adds those that are ready to `ready`; answers what the others say."""
    late: dict[str, Health | None] = {}
    for service in services:
        health = health_of(client, service.url)
        if health is not None and _is_ready(service.name, health, degraded_at):
            ready[service.name] = health
        else:
            late[service.name] = health
    return late


def _is_ready(name: str, health: Health, degraded_at: dict[str, float]) -> bool:
    if health.status != "degraded":
        return health.status == "ok"
    now = time.monotonic()
    return now - degraded_at.setdefault(name, now) >= DEGRADED_S
