"""The HTTP client as the gateway makes it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from gateway.backends.http import new_client


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with new_client() as client:
        yield client
