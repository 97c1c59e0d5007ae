"""Callers that hang up, engines that die or stall, servers behind the openai engine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from avatar_contract.errors import Forbidden
from tts_service.backends import build


def _body(text: str, **fields: object) -> dict[str, object]:
    return {"input": text, "response_format": "pcm", "language": "en", **fields}


async def _busy(client: httpx.AsyncClient) -> float:
    return (await client.get("/health")).json()["load"]["busy"]


async def test_a_caller_that_hangs_up_frees_the_worker(serve, odd):
    async with serve(odd()) as client:
        async with client.stream("POST", "/v1/audio/speech", json=_body("endless")) as answer:
            await anext(answer.aiter_raw())
            assert await _busy(client) == 1
        async with asyncio.timeout(5):
            while await _busy(client):
                await asyncio.sleep(0.01)
        again = await client.post("/v1/audio/speech", json=_body("fine"))
    assert len(again.content) == 4800


async def test_a_caller_that_hangs_up_before_the_first_sound_frees_the_worker(serve, odd):
    async with serve(odd()) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post("/v1/audio/speech", json=_body("silent"), timeout=0.5)
        async with asyncio.timeout(5):
            while await _busy(client):
                await asyncio.sleep(0.01)


async def test_a_worker_dead_before_the_first_sound_is_a_problem_document(serve, odd):
    async with serve(odd()) as client:
        answer = await client.post("/v1/audio/speech", json=_body("die"))
        again = await client.post("/v1/audio/speech", json=_body("fine"))
    assert (answer.status_code, answer.json()["code"]) == (503, "TTS_UNAVAILABLE")
    assert answer.json()["retryable"]
    assert again.status_code == 200


async def test_a_worker_dead_in_the_middle_cuts_the_answer(serve, odd):
    async with serve(odd()) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post("/v1/audio/speech", json=_body("die later"))
        again = await client.post("/v1/audio/speech", json=_body("fine"))
    assert again.status_code == 200


async def test_a_stall_in_the_middle_cuts_the_answer_and_the_next_one_works(serve, odd):
    async with serve(odd(stall_timeout_s=0.3)) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post("/v1/audio/speech", json=_body("stall"))
        again = await client.post("/v1/audio/speech", json=_body("fine"))
    assert again.status_code == 200


async def test_deleting_a_voice_while_it_speaks_lets_the_clause_end(serve, odd, voiced_wav):
    files = {"file": ("a.wav", voiced_wav(), "audio/wav")}
    async with serve(odd(has_voices=True)) as client:
        put = await client.put("/v1/voices/a", files=files, data={"reference_text": "x"})
        body = _body("endless", voice=f"a@{put.json()['etag']}")
        async with client.stream("POST", "/v1/audio/speech", json=body) as answer:
            sound = answer.aiter_raw()
            await anext(sound)
            deleted = await client.delete("/v1/voices/a")
            for _ in range(100):
                assert await anext(sound)
        gone = await client.post("/v1/audio/speech", json=body)
    assert deleted.status_code == 204
    assert gone.json()["code"] == "VOICE_NOT_LOADED"


async def test_the_openai_engine_speaks_through_another_server(serve):
    async with serve() as upstream:
        url = f"{upstream.base_url}/v1".replace("//v1", "/v1")
        async with serve(engine="openai", openai_url=url) as client:
            direct = await upstream.post("/v1/audio/speech", json=_body("Three apples."))
            answer = await client.post("/v1/audio/speech", json=_body("3 apples."))
            phonemes = await client.post("/v1/audio/phonemes", json={"input": "x"})
    assert answer.headers["avatar-voice"] == "alloy"
    assert len(answer.content) == pytest.approx(len(direct.content), rel=0.03)
    assert phonemes.json()["code"] == "BAD_MESSAGE"


@asynccontextmanager
async def _raw_server(reply: bytes, *, hold: bool = False) -> AsyncIterator[str]:
    """An HTTP server that answers `reply` to anything, and then closes or holds on."""
    held = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        await writer.drain()
        if hold:
            await held.wait()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        held.set()
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize(
    ("reply", "hold"),
    [
        (b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n", False),
        (b"", False),
        (b"", True),
        (b"HTTP/1.1 200 OK\r\ncont", False),
    ],
)
async def test_a_broken_server_behind_it_is_unavailable(serve, reply, hold):
    async with (
        _raw_server(reply, hold=hold) as url,
        serve(engine="openai", openai_url=url, openai_timeout_s=0.3) as client,
    ):
        answer = await client.post("/v1/audio/speech", json=_body("Hello."))
    assert (answer.status_code, answer.json()["code"]) == (503, "TTS_UNAVAILABLE")


async def test_a_server_that_closes_early_cuts_the_answer(serve):
    reply = (
        b"HTTP/1.1 200 OK\r\ncontent-type: audio/pcm; rate=24000\r\ncontent-length: 9999\r\n\r\n"
    )
    async with (
        _raw_server(reply + bytes(400)) as url,
        serve(engine="openai", openai_url=url) as client,
    ):
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post("/v1/audio/speech", json=_body("Hello."))


async def test_another_rate_is_brought_to_the_houses(serve):
    pcm = bytes(2 * 16_000)
    head = "HTTP/1.1 200 OK\r\ncontent-type: audio/pcm; rate=16000\r\n"
    head += f"content-length: {len(pcm)}\r\n\r\n"
    async with (
        _raw_server(head.encode() + pcm) as url,
        serve(engine="openai", openai_url=url) as client,
    ):
        answer = await client.post("/v1/audio/speech", json=_body("Hello."))
    assert len(answer.content) == pytest.approx(48_000, abs=200)


def test_a_public_address_is_refused(settings):
    with pytest.raises(Forbidden, match="ALLOW_PUBLIC_ENGINES"):
        build(settings(engine="openai", openai_url="http://8.8.8.8/v1"))


async def test_a_public_address_that_is_allowed_says_so(settings):
    url = "http://8.8.8.8/v1"
    made = build(settings(engine="openai", openai_url=url, allow_public_engines=True))
    assert "premises" in (made.info.notice or "")
    await made.close()
