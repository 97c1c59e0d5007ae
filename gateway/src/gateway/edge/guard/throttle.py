"""Requests, sockets and bytes per address."""

from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from avatar_contract.errors import RateLimited
from gateway.edge.guard.refuse import refuse
from gateway.edge.rate import Buckets, Rate, address_key

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ThrottleRates:
    """What one address may ask for."""

    requests: Rate = field(default_factory=lambda: Rate(per_s=50, burst=300))
    """HTTP requests that reach the API; the page's own files are not counted."""

    sockets: Rate = field(default_factory=lambda: Rate(per_s=5, burst=100))
    """WebSocket handshakes."""

    body_bytes: Rate = field(default_factory=lambda: Rate(per_s=4 * MIB, burst=128 * MIB))
    """Bytes of HTTP bodies; one that takes more than is left goes through, the next is refused."""

    @classmethod
    def of(cls, requests_per_s: float, sockets_per_s: float) -> "ThrottleRates":
        """Rates with bursts in proportion: a page loads much at once, then little."""
        return cls(
            requests=Rate(requests_per_s, requests_per_s * 6),
            sockets=Rate(sockets_per_s, sockets_per_s * 20),
        )


class Throttle:
    """Refuses with `RATE_LIMITED` and says when to come back."""

    def __init__(
        self,
        app: ASGIApp,
        rates: ThrottleRates,
        clock: Callable[[], float],
        counted: tuple[str, ...],
    ) -> None:
        self._app = app
        self._requests = Buckets(rates.requests, clock)
        self._sockets = Buckets(rates.sockets, clock)
        self._bytes = Buckets(rates.body_bytes, clock)
        self._counted = counted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind not in ("http", "websocket") or not scope["path"].startswith(self._counted):
            await self._app(scope, receive, send)
            return
        key = address_key(scope.get("client"))
        try:
            if kind == "websocket":
                self._sockets.take(key)
            else:
                self._requests.take(key)
                self._bytes.check(key)
        except RateLimited as error:
            await refuse(error, scope, receive, send)
            return

        async def weighed() -> Message:
            message = await receive()
            if message["type"] == "http.request" and message.get("body"):
                self._bytes.charge(key, len(message["body"]))
            return message

        await self._app(scope, weighed if kind == "http" else receive, send)
