"""The unmodified official SDK against the gateway and real services."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import openai
import pytest
from openai import AsyncOpenAI

from gateway.edge.guard import AuthMode, GuardConfig


@asynccontextmanager
async def sdk(base: str, key: str = "unused") -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{base}/v1", api_key=key, max_retries=0) as client:
        yield client


async def test_models_of_all_stages(gateway: Callable, llm: Callable, tts: Callable) -> None:
    async with gateway({"llm": llm.url, "tts": tts.url}) as base, sdk(base) as client:
        ids = [model.id async for model in await client.models.list()]
        assert "avatar-demo" in ids
        assert len(ids) == len(set(ids)) >= 2
        assert (await client.models.retrieve("avatar-demo")).id == "avatar-demo"
        with pytest.raises(openai.NotFoundError) as missing:
            await client.models.retrieve("nobody")
        assert missing.value.code == "NOT_FOUND"


async def test_chat_whole_and_streamed(gateway: Callable, llm: Callable) -> None:
    messages = [{"role": "user", "content": "What is 2 plus 3?"}]
    async with gateway({"llm": llm.url}) as base, sdk(base) as client:
        whole = await client.chat.completions.create(model="gpt-4o", messages=messages)
        text = whole.choices[0].message.content
        assert text
        assert "5" in text or "five" in text.lower()
        stream = await client.chat.completions.create(
            model="gpt-4o", messages=messages, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
        told = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        assert told == text
        assert len(chunks) > 3


async def test_chat_streams_while_it_is_made(gateway: Callable, llm: Callable) -> None:
    body = {"model": "x", "stream": True, "messages": [{"role": "user", "content": "Count to 9"}]}
    async with (
        gateway({"llm": llm.url}) as base,
        httpx.AsyncClient() as http,
        http.stream("POST", f"{base}/v1/chat/completions", json=body) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        pieces = [piece async for piece in answer.aiter_raw()]
    assert len(pieces) > 3


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"messages": []}', b'{"messages": 5}', b"[" * 100_000, b"\xff"]
)
async def test_chat_that_is_none(body: bytes, gateway: Callable, llm: Callable) -> None:
    async with gateway({"llm": llm.url}) as base, httpx.AsyncClient() as http:
        answer = await http.post(f"{base}/v1/chat/completions", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "BAD_MESSAGE"
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("form", ["pcm", "wav", "mp3", "opus"])
async def test_speech(form: str, gateway: Callable, tts: Callable) -> None:
    async with gateway({"tts": tts.url}) as base, sdk(base) as client:
        sound = await client.audio.speech.create(
            model="tts-1", voice="alloy", input="Hello, how are you?", response_format=form
        )
        data = await sound.aread()
    begins = {"wav": b"RIFF", "opus": b"OggS"}.get(form, b"")
    assert data.startswith(begins)
    assert len(data) > 2000


async def test_speech_is_streamed(gateway: Callable, tts: Callable) -> None:
    async with gateway({"tts": tts.url}) as base, sdk(base) as client:
        speaking = client.audio.speech.with_streaming_response.create(
            model="tts-1-hq",
            voice="nova",
            input="One sentence. And another one. And a third, to be sure.",
            response_format="pcm",
        )
        async with speaking as answer:
            assert answer.headers["content-type"].startswith("audio/pcm; rate=")
            pieces = [piece async for piece in answer.iter_bytes(1024)]
    assert len(pieces) > 10


@pytest.mark.parametrize(
    "change",
    [{"input": ""}, {"input": "   "}, {"input": "x" * 4097}, {"speed": 9}, {"voice": 5}],
)
async def test_speech_that_cannot_be(change: dict, gateway: Callable, tts: Callable) -> None:
    asked = {"model": "tts-1", "voice": "alloy", "input": "Hello", **change}
    async with gateway({"tts": tts.url}) as base, sdk(base) as client:
        with pytest.raises(openai.BadRequestError) as refused:
            await client.audio.speech.create(**asked)
    assert refused.value.code == "BAD_MESSAGE"


@pytest.mark.parametrize("body", [b"[" * 100_000, b"\xff", b'{"input": "\\ud800"}', b"5"])
async def test_speech_that_is_no_request(body: bytes, gateway: Callable, tts: Callable) -> None:
    headers = {"Content-Type": "application/json"}
    async with gateway({"tts": tts.url}) as base, httpx.AsyncClient() as http:
        answer = await http.post(f"{base}/v1/audio/speech", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BAD_MESSAGE")


async def test_a_voice_that_does_not_exist(
    gateway: Callable, tts: Callable, profile: Callable
) -> None:
    async with gateway({"tts": tts.url, "profile": profile.url}) as base, sdk(base) as client:
        with pytest.raises(openai.NotFoundError):
            await client.audio.speech.create(
                model="tts-1", voice="00000000-0000-4000-8000-000000000000", input="Hello"
            )


async def test_a_stage_that_is_away(gateway: Callable) -> None:
    async with gateway({}) as base, sdk(base) as client:
        with pytest.raises(openai.InternalServerError) as away:
            await client.chat.completions.create(
                model="x", messages=[{"role": "user", "content": "Hello"}]
            )
        assert away.value.code == "LLM_UNAVAILABLE"
        with pytest.raises(openai.InternalServerError) as away:
            await client.audio.speech.create(model="x", voice="alloy", input="Hello")
        assert away.value.code == "TTS_UNAVAILABLE"
        assert [model async for model in await client.models.list()] == []


async def test_the_key_is_the_sdks_key(gateway: Callable, llm: Callable) -> None:
    config = GuardConfig(auth=AuthMode.API_KEY, api_key="right")
    async with gateway({"llm": llm.url}, config) as base:
        async with sdk(base, "right") as client:
            assert [m.id async for m in await client.models.list()] == ["avatar-demo"]
        async with sdk(base, "wrong") as client:
            with pytest.raises(openai.AuthenticationError) as refused:
                await client.models.list()
    assert refused.value.code == "UNAUTHORIZED"
    assert refused.value.type == "authentication_error"


async def test_hanging_up_stops_the_model(gateway: Callable) -> None:
    """Closing is the cancel message: it must reach the model server at once."""
    gone = asyncio.Event()

    async def model_server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"GET"):
            body = b'{"data": [{"id": "slow"}]}'
            length = f"Content-Length: {len(body)}\r\n".encode()
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + length + b"\r\n" + body)
            writer.close()
            return
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {}\n\n")
        while await reader.read(65536):
            continue
        gone.set()
        writer.close()

    server = await asyncio.start_server(model_server, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    body = {"stream": True, "messages": [{"role": "user", "content": "x"}]}
    async with server, gateway({"llm": url}) as base, httpx.AsyncClient() as http:
        async with http.stream("POST", f"{base}/v1/chat/completions", json=body) as answer:
            async for _ in answer.aiter_raw():
                break
        await asyncio.wait_for(gone.wait(), 5)
    assert gone.is_set()
