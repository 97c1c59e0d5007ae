"""The HTTP client as the gateway makes it, and callers on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from avatar_contract.errors import StageError, TtsUnavailable
from gateway.services.caller import Address, Caller
from gateway.services.pools import new_client

MakeCaller = Callable[..., Caller]


@pytest.fixture
def caller(http: httpx.AsyncClient) -> MakeCaller:
    """`caller(url, failure)`: a caller of whatever listens there."""

    def make(
        url: str, failure: type[StageError] = TtsUnavailable, api_key: str | None = None
    ) -> Caller:
        return Caller(http, Address("stage", "its-service", url, failure, api_key))

    return make


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with new_client() as client:
        yield client
