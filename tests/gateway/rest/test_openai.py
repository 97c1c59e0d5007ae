"""The unmodified official SDK against the gateway and real services."""

import asyncio
import json
from base64 import b64decode
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


FORMATS = {
    "mp3": ("audio/mpeg", b"\xff"),
    "opus": ("audio/ogg", b"OggS"),
    "aac": ("audio/aac", b"\xff\xf1"),
    "flac": ("audio/flac", b"fLaC"),
    "wav": ("audio/wav", b"RIFF"),
    "pcm": ("audio/pcm; rate=24000; channels=1", b""),
}


@pytest.mark.parametrize("form", FORMATS)
async def test_speech(form: str, gateway: Callable, tts: Callable) -> None:
    async with gateway({"tts": tts.url}) as base, sdk(base) as client:
        sound = await client.audio.speech.create(
            model="tts-1", voice="alloy", input="Hello, how are you?", response_format=form
        )
        data = await sound.aread()
    media_type, begins = FORMATS[form]
    assert sound.response.headers["content-type"] == media_type
    assert data.startswith(begins)
    assert len(data) > 2000


@pytest.mark.parametrize("form", FORMATS)
async def test_speech_as_events(form: str, gateway: Callable, tts: Callable) -> None:
    async with gateway({"tts": tts.url}) as base, sdk(base) as client:
        speaking = client.audio.speech.with_streaming_response.create(
            model="gpt-4o-mini-tts",
            voice="alloy",
            input="Hello, how are you?",
            response_format=form,
            stream_format="sse",
        )
        async with speaking as answer:
            kind = answer.headers["content-type"]
            lines = [line async for line in answer.iter_lines() if line]
    assert kind.startswith("text/event-stream")
    *deltas, done = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert {delta["type"] for delta in deltas} == {"speech.audio.delta"}
    data = b"".join(b64decode(delta["audio"]) for delta in deltas)
    assert data.startswith(FORMATS[form][1])
    assert len(data) > 2000
    assert done["type"] == "speech.audio.done"
    assert done["usage"]["input_tokens"] == len("Hello, how are you?")
    assert done["usage"]["total_tokens"] > done["usage"]["output_tokens"] > 10


@pytest.mark.parametrize(
    ("change", "served"),
    [
        ({"response_format": "aiff"}, FORMATS),
        ({"response_format": "m4a"}, FORMATS),
        ({"response_format": ["aac"]}, FORMATS),
        ({"stream_format": "websocket"}, ("audio", "sse")),
        ({"stream_format": 1}, ("audio", "sse")),
    ],
)
async def test_a_format_that_is_not_served_is_answered_with_those_that_are(
    change: dict, served: tuple[str, ...], gateway: Callable, tts: Callable
) -> None:
    async with gateway({"tts": tts.url}) as base, sdk(base) as client:
        with pytest.raises(openai.BadRequestError) as refused:
            await client.audio.speech.create(model="x", voice="alloy", input="Hi", **change)
    assert (refused.value.code, refused.value.param) == ("BAD_MESSAGE", next(iter(change)))
    assert all(f"'{name}'" in refused.value.message for name in served)


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


@pytest.mark.parametrize("text", ["\u200b\u200d", "\u2800", "\ufeff\u3164"])
async def test_speech_of_nothing_to_see(text: str, gateway: Callable, tts: Callable) -> None:
    async with gateway({"tts": tts.url}) as base, sdk(base) as client:
        with pytest.raises(openai.BadRequestError) as refused:
            await client.audio.speech.create(model="tts-1", voice="alloy", input=text)
    assert refused.value.code == "BAD_MESSAGE"


NULLS = [
    {"speed": None},
    {"voice": None, "model": None},
    {"voice": {"id": None}},
    {"response_format": None, "language": None, "mode": None, "instructions": None},
    {"stream_format": None},
]


@pytest.mark.parametrize("nulls", NULLS)
async def test_a_null_is_a_default(nulls: dict, gateway: Callable, tts: Callable) -> None:
    asked = {"model": "tts-1", "voice": "alloy", "input": "Hello", **nulls}
    async with gateway({"tts": tts.url}) as base, httpx.AsyncClient() as http:
        answer = await http.post(f"{base}/v1/audio/speech", json=asked)
        missing = await http.post(f"{base}/v1/audio/speech", json={**asked, "input": None})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/mpeg")
    assert missing.status_code == 400


async def test_nulls_of_a_chat_are_defaults(gateway: Callable, llm: Callable) -> None:
    names = ("temperature", "max_tokens", "stream", "stream_options", "stop", "n", "tools", "user")
    asked = dict.fromkeys((*names, "model")) | {"messages": [{"role": "user", "content": "Hi"}]}
    for options in (None, {"include_usage": None}):
        body = {**asked, "stream_options": options}
        for base_of in (gateway({"llm": llm.url}), _direct(llm.url)):
            async with base_of as base, httpx.AsyncClient() as http:
                answer = await http.post(f"{base}/v1/chat/completions", json=body)
            assert answer.status_code == 200, answer.text


@asynccontextmanager
async def _direct(url: str) -> AsyncIterator[str]:
    yield url


UNKNOWN = [
    ("POST", "/v1/embeddings", 404),
    ("POST", "/v1/responses", 404),
    ("GET", "/v1/files", 404),
    ("DELETE", "/v1/assistants/a/b", 404),
    ("PUT", "/v1", 404),
    ("PATCH", "/v1/", 404),
    ("GET", "/v1/chat/completions", 405),
    ("POST", "/v1/models", 405),
    ("PUT", "/v1/audio/speech", 405),
]


@pytest.mark.parametrize(("method", "path", "status"), UNKNOWN)
async def test_addresses_that_are_not_served(
    method: str, path: str, status: int, gateway: Callable
) -> None:
    async with gateway({}) as base, httpx.AsyncClient() as http:
        answer = await http.request(method, base + path)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["code"] == ("NOT_FOUND" if status == 404 else "BAD_MESSAGE")
    assert ("allow" in answer.headers) == (status == 405)


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


@pytest.mark.parametrize("stream", ["audio", "sse"])
async def test_hanging_up_stops_the_speaking(stream: str, gateway: Callable) -> None:
    gone = asyncio.Event()

    async def engine(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: audio/aac\r\n\r\nsound")
        while await reader.read(65536):
            continue
        gone.set()
        writer.close()

    server = await asyncio.start_server(engine, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    body = {"input": "A long text", "response_format": "aac", "stream_format": stream}
    async with server, gateway({"tts": url}) as base, httpx.AsyncClient(timeout=30) as http:
        async with http.stream("POST", f"{base}/v1/audio/speech", json=body) as answer:
            assert await anext(answer.aiter_raw()) == b"sound"
            assert not gone.is_set()
        await asyncio.wait_for(gone.wait(), 30)


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
