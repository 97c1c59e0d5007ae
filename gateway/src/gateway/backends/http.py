"""The HTTP client that backends share, and what its error answers mean."""

from __future__ import annotations

import httpx
from pydantic import ValidationError

from avatar_contract.errors import AvatarError, Problem

# A hundred answers at once: a connection that is closed for want of room is soon opened again, at
# several times the price of keeping it.
_LIMITS = httpx.Limits(max_connections=512, max_keepalive_connections=128, keepalive_expiry=60)
_TIMEOUT = httpx.Timeout(10, connect=3, pool=3)


def new_client() -> httpx.AsyncClient:
    """Keeps connections warm; takes no proxy from the environment: nothing leaves by accident."""
    return httpx.AsyncClient(transport=PoolPerOrigin(), timeout=_TIMEOUT, trust_env=False)


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


def bearer(api_key: str | None) -> dict[str, str]:
    """The header that shows `api_key`."""
    return {"Authorization": f"Bearer {api_key}"} if api_key else {}


async def raise_problem(response: httpx.Response, otherwise: type[AvatarError]) -> None:
    """Raises what an error answer says: its problem document, or `otherwise` with its status."""
    if response.status_code < 400:
        return
    body = await response.aread()
    try:
        raise Problem.model_validate_json(body).to_error()
    except ValidationError:
        host = response.request.url.host
        what = f"{host} answered {response.status_code}: {body[:200].decode(errors='replace')}"
        raise otherwise(what) from None
