"""The HTTP client that all callers share."""

from __future__ import annotations

import httpx

# A hundred answers at once: a connection that is closed for want of room is soon opened again, at
# several times the price of keeping it.
_LIMITS = httpx.Limits(max_connections=512, max_keepalive_connections=128, keepalive_expiry=60)


def new_client() -> httpx.AsyncClient:
    """Keeps connections warm; takes no proxy from the environment: nothing leaves by accident."""
    return httpx.AsyncClient(transport=PoolPerOrigin(), trust_env=False)


class PoolPerOrigin(httpx.AsyncBaseTransport):
    """A pool for each service, made when first asked.

    For each request a pool looks at every connection it holds, idle ones with a system call: in one
    pool each service would pay for the others' connections.
    """

    def __init__(self) -> None:
        self._pools: dict[tuple[str, str, int | None], httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        origin = (url.scheme, url.host, url.port)
        if origin not in self._pools:
            self._pools[origin] = httpx.AsyncHTTPTransport(limits=_LIMITS, trust_env=False)
        return await self._pools[origin].handle_async_request(request)

    async def aclose(self) -> None:
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            await pool.aclose()
