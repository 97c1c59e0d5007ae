"""The `openai` backend against a real server on a real socket."""

import asyncio
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI, Request, Response
from pydantic import SecretStr

from avatar_contract.audio import read_wav
from avatar_contract.errors import Forbidden, SttUnavailable, UnsupportedLanguage
from stt_service.backends.base import Hints
from stt_service.backends.openai import OpenAiOptions, OpenAiRecogniser

pytestmark = pytest.mark.asyncio(loop_scope="module")


SECOND = bytes(32_000)


class Server:
    """Speaks OpenAI's API; what it answers is set by the test."""

    def __init__(self) -> None:
        self.asked: list[dict[str, object]] = []
        self.answer: object = {"text": " 你好 "}
        self.status = 200
        self.hold: asyncio.Event | None = None
        self.app = FastAPI()
        self.app.post("/v1/audio/transcriptions")(self.transcribe)

    async def transcribe(self, request: Request) -> Response:
        form = await request.form()
        pcm, rate, _ = read_wav(await form["file"].read())
        self.asked.append(
            {
                **{k: v for k, v in form.items() if k != "file"},
                "bytes": len(pcm),
                "rate": rate,
                "headers": dict(request.headers),
            }
        )
        await form.close()
        if self.hold:
            await self.hold.wait()
        import json

        return Response(json.dumps(self.answer), self.status, media_type="application/json")


@pytest_asyncio.fixture(loop_scope="module")
async def server():
    made = Server()
    config = uvicorn.Config(made.app, port=0, log_config=None, timeout_graceful_shutdown=1)
    running = uvicorn.Server(config)
    task = asyncio.create_task(running.serve())
    while not running.started:
        await asyncio.sleep(0.01)
    made.url = f"http://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}/v1"
    yield made
    if made.hold:
        made.hold.set()
    running.should_exit = True
    await task


@asynccontextmanager
async def started(url, **options):
    recogniser = OpenAiRecogniser(OpenAiOptions(url=url, model="whisper-x", **options))
    await recogniser.start()
    try:
        yield recogniser
    finally:
        await recogniser.close()


async def test_an_utterance_is_asked_for_as_it_grows(server):
    async with started(server.url) as recogniser:
        dictation = await recogniser.listen(Hints("zh", prompt="Ada"))
        dictation.feed(SECOND)
        assert (await dictation.glance()).text == "你好"
        dictation.feed(SECOND)
        assert (await dictation.settle()).text == "你好"
        await dictation.close()
        assert [one["bytes"] for one in server.asked] == [32_000, 64_000]
        first = server.asked[0]
        assert (first["model"], first["language"], first["prompt"]) == ("whisper-x", "zh", "Ada")
        assert first["rate"] == 16_000
        assert first["headers"]["traceparent"].startswith("00-")


async def test_the_language_is_left_out_when_it_is_to_be_guessed(server):
    async with started(server.url, api_key=SecretStr("secret")) as recogniser:
        server.answer = {
            "text": "a b",
            "language": "en",
            "duration": 1,
            "segments": [{"text": " a b", "start": 0.1, "end": 0.9}],
            "words": [{"word": "a", "start": 0.1, "end": 0.2}],
        }
        said = await recogniser.transcribe(SECOND, Hints())
        assert "language" not in server.asked[0]
        assert server.asked[0]["headers"]["authorization"] == "Bearer secret"
        assert (said.language, said.stretches[0].words[0].start_ms) == ("en", 100)


@pytest.mark.parametrize(
    ("status", "answer"), [(500, {}), (401, {"error": {}}), (200, {"no": "text"}), (200, [])]
)
async def test_what_a_server_does_wrong_is_told(server, status, answer):
    server.status, server.answer = status, answer
    async with started(server.url) as recogniser:
        with pytest.raises(SttUnavailable, match="STT_OPENAI"):
            await recogniser.transcribe(SECOND, Hints())


async def test_nobody_there_is_told():
    async with started("http://127.0.0.1:9/v1") as recogniser:
        with pytest.raises(SttUnavailable, match="check that it runs"):
            await recogniser.transcribe(SECOND, Hints())


async def test_a_stalled_server_is_given_up(server):
    server.hold = asyncio.Event()
    async with started(server.url, timeout_s=0.2) as recogniser:
        with pytest.raises(SttUnavailable):
            await recogniser.transcribe(SECOND, Hints())


async def test_calls_are_bounded(server):
    server.hold = asyncio.Event()
    async with started(server.url, concurrency=1) as recogniser:
        first = asyncio.create_task(recogniser.transcribe(SECOND, Hints()))
        second = asyncio.create_task(recogniser.transcribe(SECOND, Hints()))
        while not server.asked:
            await asyncio.sleep(0.01)
        dictation = await recogniser.listen(Hints())
        dictation.feed(SECOND)
        assert await dictation.glance() is None
        with pytest.raises(SttUnavailable) as refusal:
            await dictation.settle()
        assert refusal.value.retry_after_s
        server.hold.set()
        await asyncio.gather(first, second)


async def test_public_addresses_are_refused_unless_allowed():
    recogniser = OpenAiRecogniser(OpenAiOptions(url="https://8.8.8.8/v1", model="x"))
    with pytest.raises(Forbidden):
        await recogniser.start()
    assert recogniser.health().state == "failed"
    async with started("https://8.8.8.8/v1", allow_public=True) as allowed:
        assert "leaves the premises" in (allowed.info().notice or "")


async def test_other_languages_are_refused_with_what_to_do():
    recogniser = OpenAiRecogniser(OpenAiOptions(url="http://127.0.0.1:9", model="x"))
    recogniser.check_language("zh-TW")
    with pytest.raises(UnsupportedLanguage, match="STT_OPENAI_LANGUAGES"):
        recogniser.check_language("fr")


async def test_long_utterances_are_kept_piece_by_piece(server):
    async with started(server.url) as recogniser:
        dictation = await recogniser.listen(Hints())
        server.answer = {"text": "first part"}
        dictation.feed(SECOND * 21)
        assert (await dictation.settle()).text == "first part"
        server.answer = {"text": "second part"}
        dictation.feed(SECOND)
        assert (await dictation.settle()).text == "first part second part"
        assert [one["bytes"] for one in server.asked] == [21 * 32_000, 32_000]


async def test_hands_free_through_the_openai_backend(serve, server, clips):
    stt = await serve(backend="openai", openai_url=server.url)
    async with stt.socket() as socket:
        await socket.configure(turn_detection="server_vad", language="zh")
        await socket.audio(clips.pcm("nihao") + bytes(64_000))
        assert (await socket.ending()).text == "你好"
