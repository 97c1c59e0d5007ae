"""The model's client copes with what servers really send, and with what breaks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from avatar_contract.chat import ChatMessage
from avatar_contract.errors import LlmUnavailable, PayloadTooLarge
from gateway.services.llm import ChatModel, ChatSettings
from gateway.session.ports import Delta

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


def model(caller: Any, url: str, key: str | None = None, **settings: Any) -> ChatModel:
    chat = ChatSettings(lambda: "tiny", **settings)
    return ChatModel(caller(url, LlmUnavailable, key), chat)


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
async def test_streams_as_servers_send_them(caller, pieces: list[bytes]) -> None:
    async with server(*pieces) as url:
        assert await text(model(caller, url)) == "Hello"


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
async def test_streams_that_break_off(caller, pieces: list[bytes]) -> None:
    async with server(*pieces) as url:
        with pytest.raises(LlmUnavailable):
            await text(model(caller, url))


def event(**fields: Any) -> bytes:
    return b"data: " + json.dumps(fields, ensure_ascii=False).encode() + b"\n\n"


PART = {"type": "text", "text": "Hello"}

ODD = {
    "no object, no choices": [event(object="", choices=[]), says("Hello"), STOP],
    "a number for an id": [event(id=17, choices=[{"delta": {"content": "Hello"}}]), STOP],
    "null choices": [event(choices=None), says("Hello"), STOP],
    "a float for the time": [event(created=1.5, choices=[{"delta": {"content": "Hello"}}]), STOP],
    "null usage": [says("Hello"), event(choices=[], usage={"prompt_tokens": None}), STOP],
    "empty data": [b"data:\n\ndata: \n\n", says("Hello"), STOP],
    "parts": [chunk(delta={"content": [PART]}), STOP],
    "thinking parts": [chunk(delta={"content": [{"type": "thinking", "text": "hm"}, PART]}), STOP],
    "null delta": [chunk(delta=None), says("Hello"), STOP],
    "an unknown role": [chunk(delta={"role": "bot", "content": "Hello"}), STOP],
    "an object of another kind": [event(object="chunk", choices=[]), says("Hello"), STOP],
    "an empty reason on each": [chunk(delta={"content": "Hello"}, finish_reason=""), STOP],
    "a null index": [event(choices=[{"index": None, "delta": {"content": "Hello"}}]), STOP],
    "a null error": [event(error=None, choices=[{"delta": {"content": "Hello"}}]), STOP],
    "a second choice": [says("Hello"), event(choices=[{"index": 1, "delta": {"content": "No"}}])],
    "a null event": [b"data: null\n\n", says("Hello"), STOP],
    "a ping": [b"event: ping\ndata: ping\n\n", says("Hello"), STOP],
    "two lines of data": [b'data: {"choices":\r\ndata: [{"delta":{"content":"Hello"}}]}\r\n\r\n'],
    "the older form": [event(choices=[{"index": 0, "text": "Hello"}]), STOP],
    "byte order mark": [b"\xef\xbb\xbf" + says("Hello"), STOP],
    "a carriage return cut off": [says("Hello")[:-2] + b"\r", b"\n\r", b"\n", STOP],
}


@pytest.mark.parametrize("pieces", ODD.values(), ids=ODD.keys())
async def test_one_odd_field_does_not_end_the_answer(caller, pieces: list[bytes]) -> None:
    async with server(*pieces, DONE) as url:
        assert await text(model(caller, url)) == "Hello"


async def test_a_line_separator_in_the_words_is_no_end_of_a_line(caller) -> None:
    said = "one\u2028two\x85three"
    async with server(event(choices=[{"delta": {"content": said}}]), STOP, DONE) as url:
        assert await text(model(caller, url)) == said


async def test_a_server_that_does_not_stream(caller) -> None:
    status = HEAD.replace(b"text/event-stream", b"application/json; charset=utf-8")
    message = {"role": "assistant", "content": "Hello"}
    body = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}, indent=2)
    async with server(body.encode(), status=status) as url:
        assert await text(model(caller, url)) == "Hello"


TOLD = {
    "OpenAI's": event(error={"message": "CUDA error at 0x7f", "type": "server_error"}),
    "vLLM's": event(object="error", message="CUDA error at 0x7f", code=500),
    "a string": event(error="CUDA error at 0x7f"),
    "FastAPI's": event(detail="CUDA error at 0x7f"),
    "beside choices": event(error={"code": 502}, choices=[]),
    "as a reason": chunk(delta={"content": ""}, finish_reason="error"),
    "in a choice": chunk(delta={}, error={"message": "CUDA error at 0x7f"}),
    "as an event": b'event: error\ndata: {"message": "CUDA error at 0x7f"}\n\n',
    "llama.cpp's": b'error: {"code": 500, "message": "CUDA error at 0x7f"}\n\n',
}


@pytest.mark.parametrize("error", TOLD.values(), ids=TOLD.keys())
async def test_an_error_after_the_first_words_is_told(caller, error: bytes) -> None:
    async with server(says("Hello "), error, DONE) as url:
        stream = model(caller, url).answer(ASK)
        assert await anext(stream) == Delta("Hello ")
        with pytest.raises(LlmUnavailable) as told:
            await anext(stream)
    assert not set("{}") & set(told.value.message)
    assert "0x7f" not in told.value.message


TOO_LONG = {
    "OpenAI's": {"error": {"code": "context_length_exceeded", "message": "{…} tokens"}},
    "vLLM's": {"object": "error", "message": "This model's maximum context length is 2048 tokens."},
    "llama.cpp's": {"error": {"message": "request exceeds the available context size", "n": 9}},
}


@pytest.mark.parametrize("said", TOO_LONG.values(), ids=TOO_LONG.keys())
@pytest.mark.parametrize("at_once", [True, False], ids=["refused", "in the stream"])
async def test_a_question_too_long_for_the_model(caller, said: dict, at_once: bool) -> None:
    body = json.dumps(said).encode()
    status = b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n" % len(body)
    asked = server(body, status=status) if at_once else server(event(**said), DONE)
    async with asked as url:
        with pytest.raises(PayloadTooLarge) as refused:
            await text(model(caller, url))
    assert "{" not in refused.value.message


@pytest.mark.parametrize(
    "body", [b'{"error": {"trace": ["a", "b"]}}', b"<html><h1>Bad gateway</h1>", b'{"x": 1}', b""]
)
async def test_raw_answers_reach_nobody(caller, body: bytes) -> None:
    status = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with server(body, status=status) as url:
        with pytest.raises(LlmUnavailable) as refused:
            await text(model(caller, url))
    assert refused.value.message == "its-service answered 502. `avatar doctor` says why."


async def test_a_stall_ends_in_an_error(caller) -> None:
    async with server(says("Hel"), then_stall=True) as url:
        with pytest.raises(LlmUnavailable, match="stalls"):
            await text(model(caller, url, first_token_timeout_s=0.2))


async def test_a_refusal_says_what_the_server_said(caller) -> None:
    body = b'{"error": {"message": "model tiny does not exist"}}'
    status = b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with server(body, status=status) as url:
        with pytest.raises(LlmUnavailable, match="does not exist"):
            await text(model(caller, url))


async def test_nobody_there(caller) -> None:
    with pytest.raises(LlmUnavailable, match="can't be reached"):
        await text(model(caller, "http://127.0.0.1:9"))


async def test_closing_the_stream_is_the_cancel_message(caller) -> None:
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(HEAD + says("Hel"))
        await writer.drain()
        assert await reader.read() == b""
        gone.set()
        writer.close()

    async with scripted(serve) as url:
        client = model(caller, url)
        stream = client.answer(ASK)
        assert await anext(stream) == Delta("Hel")
        assert client.in_flight == 1
        await stream.aclose()
        await asyncio.wait_for(gone.wait(), 5)
        assert client.in_flight == 0


async def test_what_is_asked(caller) -> None:
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await read_request(reader))
        writer.write(HEAD + says("Hello") + STOP + DONE)
        writer.close()

    async with scripted(serve) as url:
        await text(model(caller, url + "/", key="secret", max_tokens=9, temperature=0.1))
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
