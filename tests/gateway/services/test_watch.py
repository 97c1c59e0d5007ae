"""Which engines run, as the services that are not ours tell it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from avatar_contract.errors import LlmUnavailable
from gateway.services.caller import Caller
from gateway.services.health import ServiceWatch


def answering(status: int, health: bytes, models: list[str]) -> Any:
    """A model server: its `/health`, and the names of its `/v1/models`."""
    listed = json.dumps({"object": "list", "data": [{"id": each} for each in models]}).encode()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked_health = head.split()[1] == b"/health"
        code, body = (status, health) if asked_health else (200, listed)
        writer.write(
            b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (code, len(body), body)
        )
        await writer.drain()
        writer.close()

    return serve


async def seen(caller: Callable[..., Caller], serve: Any, model: str = "") -> Any:
    """The model server's health as the gateway tells it, after one look."""
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        watch = ServiceWatch({"llm": caller(url, LlmUnavailable)}, model=model, model_licence="")
        await watch.look()
    return watch.health().parts["llm"]


@pytest.mark.parametrize(
    ("status", "health", "state"),
    [
        (200, b"", "ok"),  # vLLM
        (200, b'{"status": "ok"}', "ok"),  # llama.cpp
        (503, b'{"error": {"code": 503, "message": "Loading model"}}', "loading"),  # llama.cpp
        (404, b'{"detail": "Not Found"}', "ok"),  # a server without such an address
    ],
)
async def test_a_model_server_that_is_not_ours_has_the_name_of_its_model(
    caller: Callable[..., Caller], status: int, health: bytes, state: str
) -> None:
    part = await seen(caller, answering(status, health, ["qwen2.5-7b"]))
    assert part.status == state
    assert part.engine.name == "qwen2.5-7b"


async def test_without_a_name_it_has_its_address(caller: Callable[..., Caller]) -> None:
    part = await seen(caller, answering(200, b'{"status": "ok"}', []))
    assert part.engine.name.startswith("127.0.0.1:")


async def test_the_name_of_the_settings_goes_first(caller: Callable[..., Caller]) -> None:
    part = await seen(caller, answering(200, b"", ["another"]), model="mine")
    assert part.engine.name == "mine"
