"""The model's client copes with what servers really send, and with what breaks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from avatar_contract.chat import ChatMessage
from avatar_contract.errors import LlmUnavailable
from gateway.backends.llm_http import ChatModel, ChatSettings
from gateway.backends.protocols import Delta

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[str]:
    """An HTTP address whose connections are served by `script`."""
    server = await asyncio.start_server(script, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """Head and body of a request."""
    head = await reader.readuntil(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
    return head + await reader.readexactly(int(fields.get(b"content-length", 0)))


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
ASK = (ChatMessage(role="user", content="hello"),)


def chunk(**choice: Any) -> bytes:
    return (
        b"data: " + json.dumps({"id": "x", "choices": [{"index": 0, **choice}]}).encode() + b"\n\n"
    )


def says(text: str) -> bytes:
    return chunk(delta={"content": text})


STOP = chunk(delta={}, finish_reason="stop")
DONE = b"data: [DONE]\n\n"


def server(*pieces: bytes, then_stall: bool = False, status: bytes = HEAD) -> Any:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(status)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        if then_stall:
            await reader.read()
        writer.close()

    return scripted(serve)


def model(http: httpx.AsyncClient, url: str, **settings: Any) -> ChatModel:
    return ChatModel(http, ChatSettings(url, lambda: "tiny", **settings))


async def text(of: ChatModel) -> str:
    return "".join([delta.text async for delta in of.answer(ASK)])


@pytest.mark.parametrize(
    "pieces",
    [
        [chunk(delta={"role": "assistant"}), says("Hel"), says("lo"), STOP, DONE],
        [says("Hello"), STOP, b'data: {"choices": [], "usage": {"total_tokens": 3}}\n\n', DONE],
        [says("Hello"), chunk(delta={"content": ""}), chunk(delta={"content": None}), STOP],
        [b": keep-alive\n\n", says("Hello"), STOP, DONE],
        [says("Hello")[:9], says("Hello")[9:], STOP, DONE],
        [says("Hello").replace(b"\n\n", b"\r\n\r\n"), STOP, DONE],
        [chunk(delta={"reasoning_content": "hm"}), says("Hello"), STOP, DONE],
        [says("Hello"), DONE],
        [says("Hello"), chunk(delta={}, finish_reason="length"), DONE],
    ],
    ids=["role", "usage", "empty", "comment", "cut line", "crlf", "thinking", "no stop", "length"],
)
async def test_streams_as_servers_send_them(http, pieces: list[bytes]) -> None:
    async with server(*pieces) as url:
        assert await text(model(http, url)) == "Hello"


@pytest.mark.parametrize(
    "pieces",
    [
        [says("Hel")],
        [says("Hel"), b'data: {"choices": [{"del'],
        [b"data: not json\n\n"],
        [],
    ],
    ids=["closes early", "half a line", "no json", "nothing"],
)
async def test_streams_that_break_off(http, pieces: list[bytes]) -> None:
    async with server(*pieces) as url:
        with pytest.raises(LlmUnavailable):
            await text(model(http, url))


async def test_a_stall_ends_in_an_error(http) -> None:
    async with server(says("Hel"), then_stall=True) as url:
        with pytest.raises(LlmUnavailable, match="stalls"):
            await text(model(http, url, first_token_timeout_s=0.2))


async def test_a_refusal_says_what_the_server_said(http) -> None:
    body = b'{"error": {"message": "model tiny does not exist"}}'
    status = b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with server(body, status=status) as url:
        with pytest.raises(LlmUnavailable, match="does not exist"):
            await text(model(http, url))


async def test_nobody_there(http) -> None:
    with pytest.raises(LlmUnavailable, match="can't be reached"):
        await text(model(http, "http://127.0.0.1:9"))


async def test_closing_the_stream_is_the_cancel_message(http) -> None:
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(HEAD + says("Hel"))
        await writer.drain()
        assert await reader.read() == b""
        gone.set()
        writer.close()

    async with scripted(serve) as url:
        client = model(http, url)
        stream = client.answer(ASK)
        assert await anext(stream) == Delta("Hel")
        assert client.in_flight == 1
        await stream.aclose()
        await asyncio.wait_for(gone.wait(), 5)
        assert client.in_flight == 0


async def test_what_is_asked(http) -> None:
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await read_request(reader))
        writer.write(HEAD + says("Hello") + STOP + DONE)
        writer.close()

    async with scripted(serve) as url:
        await text(model(http, url + "/", api_key="secret", max_tokens=9, temperature=0.1))
    head, _, body = asked[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/chat/completions")
    assert b"authorization: bearer secret" in head.lower()
    assert b"traceparent: 00-" in head.lower()
    assert json.loads(body) == {
        "model": "tiny",
        "messages": [{"role": "user", "content": "hello"}],
        "stream": True,
        "max_tokens": 9,
        "temperature": 0.1,
    }
