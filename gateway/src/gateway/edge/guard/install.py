"""Puts the guards around an app, in the only order that works.

    SecurityHeaders ▶ OriginGuard ▶ Throttle ▶ AuthGuard ▶ BodyLimit ▶ app

Cheap refusals come first, and every refusal carries the headers.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from fastapi import FastAPI

from gateway.edge.guard.auth import GUARDED, AuthGuard, AuthMode, KeyRing
from gateway.edge.guard.body import BodyLimit
from gateway.edge.guard.headers import SecurityHeaders
from gateway.edge.guard.origin import HostPolicy, OriginGuard, OriginPolicy
from gateway.edge.guard.throttle import Throttle, ThrottleRates


@dataclass(frozen=True, slots=True)
class GuardConfig:
    """What the guards need to know of the settings."""

    auth: AuthMode = AuthMode.NONE
    """AUTH."""
    api_key: str | None = None
    """AVATAR_API_KEY; needed with AUTH=api_key."""
    allowed_hosts: tuple[str, ...] = ()
    """ALLOWED_HOSTS: names besides this machine's own."""
    allowed_origins: tuple[str, ...] = ()
    """ALLOWED_ORIGINS: pages besides the one served here, as `https://name:port`."""
    rates: ThrottleRates = field(default_factory=ThrottleRates)
    """What one address may ask for."""

    def __post_init__(self) -> None:
        if self.auth is AuthMode.API_KEY and not self.api_key:
            raise ValueError("AUTH=api_key needs AVATAR_API_KEY: set it to a long random text.")


@dataclass(frozen=True, slots=True)
class Guards:
    """What other parts share with the guards."""

    keys: KeyRing


def install_guards(
    app: FastAPI,
    config: GuardConfig,
    *,
    clock: Callable[[], float] = time.monotonic,
    wall: Callable[[], float] = time.time,
) -> Guards:
    """Wrap `app` in all guards; returns what the login route needs."""
    keys = KeyRing(config.api_key if config.auth is AuthMode.API_KEY else None, wall)
    hosts = HostPolicy(config.allowed_hosts)
    origins = OriginPolicy(config.allowed_origins)
    # Starlette puts the one added last outermost.
    app.add_middleware(BodyLimit)
    app.add_middleware(AuthGuard, keys=keys)
    app.add_middleware(Throttle, rates=config.rates, clock=clock, counted=GUARDED)
    app.add_middleware(OriginGuard, hosts=hosts, origins=origins, guarded=GUARDED)
    app.add_middleware(SecurityHeaders)
    return Guards(keys)
