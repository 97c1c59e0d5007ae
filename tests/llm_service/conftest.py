"""A running llm-service on a real socket."""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

import httpx
import pytest
import uvicorn

from llm_service.app import make_app
from llm_service.settings import Settings


class Start(Protocol):
    async def __call__(self, **settings: object) -> httpx.AsyncClient: ...


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts a service with the given settings; answers a client for it."""
    running: list[tuple[uvicorn.Server, asyncio.Task[None], httpx.AsyncClient]] = []

    async def begin(**settings: object) -> httpx.AsyncClient:
        chosen = Settings.model_validate({"token_ms": 0, **settings})
        config = uvicorn.Config(make_app(chosen), port=0, log_config=None)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False)
        running.append((server, task, client))
        return client

    yield begin
    for server, task, client in running:
        await client.aclose()
        server.should_exit = True
        await task
