"""The HTTP client that backends share, and what its error answers mean."""

from __future__ import annotations

import httpx
from pydantic import ValidationError

from avatar_contract.errors import AvatarError, Problem

_KEEP = 64
_MOST = 512


def new_client() -> httpx.AsyncClient:
    """Keeps connections warm; takes no proxy from the environment: nothing leaves by accident."""
    limits = httpx.Limits(
        max_connections=_MOST, max_keepalive_connections=_KEEP, keepalive_expiry=60
    )
    timeout = httpx.Timeout(10, connect=3, pool=3)
    return httpx.AsyncClient(limits=limits, timeout=timeout, trust_env=False)


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
