"""Speech: PCM as it comes, voices put where they are missing, voices that are gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from avatar_contract.errors import NotFound, TtsUnavailable, VoiceNotLoaded
from avatar_contract.records import VoiceProfile, VoiceProfileChange
from avatar_contract.service import problem_response
from avatar_contract.speech import pcm_media_type
from avatar_contract.terms import NoticeCode
from gateway.services.tts import SpeechClient
from gateway.services.voices import Reference, Voices
from gateway.session.ports import ClauseRequest, OwnVoice

PROFILE = UUID(int=5)


class Book:
    """A profile's voice; `gone` when it was deleted."""

    def __init__(self, *, gone: bool = False, gone_since: bool = False) -> None:
        self.gone = gone
        self.gone_since = gone_since

    async def etag(self, profile_id: UUID | None) -> tuple[UUID, str] | None:
        if self.gone:
            raise NotFound("no such voice")
        return (profile_id, "ours") if profile_id else None

    async def reference(self, profile_id: UUID) -> Reference:
        if self.gone_since:
            raise NotFound("no such voice")
        return Reference(b"RIFF", "her words")

    async def change(self, profile_id: UUID, change: VoiceProfileChange) -> VoiceProfile:
        raise NotFound("no such voice")


class Engine:
    """A tts-service that wants to be given its voices."""

    def __init__(self) -> None:
        self.loaded: set[str] = set()
        self.voices: list[str | None] = []
        self.openings: list[bool] = []
        self.closed = asyncio.Event()
        self.stall = False
        self.app = FastAPI()
        self.app.post("/v1/audio/speech")(self.speak)
        self.app.put("/v1/voices/{voice_id}")(self.put)
        self.app.delete("/v1/voices/{voice_id}")(self.delete)

    async def speak(self, request: Request) -> Response:
        asked = await request.json()
        self.voices.append(asked.get("voice"))
        self.openings.append(asked["opening"])
        if asked.get("voice") and asked["voice"] not in self.loaded:
            return problem_response(VoiceNotLoaded("put it first"))
        return StreamingResponse(self._pieces(), media_type=pcm_media_type(22050))

    async def _pieces(self) -> AsyncIterator[bytes]:
        try:
            for piece in (b"\x01", b"\x00\x02\x00\x03", b"\x00"):
                yield piece
            if self.stall:
                await asyncio.Event().wait()
        finally:
            self.closed.set()

    async def put(self, voice_id: str) -> dict[str, str]:
        self.loaded.add(f"{voice_id}@theirs")
        return {"etag": "theirs"}

    async def delete(self, voice_id: str) -> None:
        self.loaded.discard(f"{voice_id}@theirs")

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        server = uvicorn.Server(uvicorn.Config(self.app, port=0, log_level="warning"))
        task = asyncio.ensure_future(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        server.should_exit = True
        await task


def client(caller: Any, url: str, book: Book | None = None) -> SpeechClient:
    engine = caller(url)
    return SpeechClient(Voices(book or Book(), {"fast": engine, "hq": engine}, caller(url)))


def clause(profile: UUID | None = None) -> ClauseRequest:
    return ClauseRequest("hello", "fast", "en", profile)


async def test_pcm_comes_in_whole_samples_with_its_declared_rate(caller) -> None:
    async with Engine().serving() as url, client(caller, url).speak(clause()) as stream:
        assert stream.sample_rate == 22050
        pieces = [piece async for piece in stream.pieces]
    assert b"".join(pieces) == b"\x01\x00\x02\x00\x03\x00"
    assert all(len(piece) % 2 == 0 for piece in pieces)


async def test_a_missing_voice_is_put_once_and_known_from_then_on(caller) -> None:
    engine = Engine()
    async with engine.serving() as url:
        speaker = client(caller, url)
        for _ in range(2):
            async with speaker.speak(clause(PROFILE)) as stream:
                assert [piece async for piece in stream.pieces]
    assert engine.voices == [f"{PROFILE}@ours", f"{PROFILE}@theirs", f"{PROFILE}@theirs"]


@pytest.mark.parametrize("book", [Book(gone=True), Book(gone_since=True)])
async def test_a_voice_that_is_gone_does_not_silence_the_assistant(caller, book: Book) -> None:
    async with Engine().serving() as url:
        speaker = client(caller, url, book)
        async with speaker.speak(clause(PROFILE)) as stream:
            assert stream.notice
            assert stream.notice.code is NoticeCode.VOICE_FELL_BACK
            assert [piece async for piece in stream.pieces]


async def test_the_persons_own_voice_is_put_and_taken_back(caller) -> None:
    engine = Engine()
    own = OwnVoice(PROFILE, "1", bytes(64000), "what I said")
    async with engine.serving() as url:
        speaker = client(caller, url)
        async with speaker.speak(ClauseRequest("hello", "fast", "en", None, own)) as stream:
            assert [piece async for piece in stream.pieces]
        assert engine.loaded == {f"{PROFILE}@theirs"}
        await speaker.forget(PROFILE)
        await speaker.forget(UUID(int=6))
    assert engine.loaded == set()


async def test_leaving_cancels_the_request(caller) -> None:
    engine = Engine()
    engine.stall = True
    async with engine.serving() as url:
        async with client(caller, url).speak(clause()) as stream:
            await anext(stream.pieces)
        await asyncio.wait_for(engine.closed.wait(), 5)
        assert engine.closed.is_set()


async def test_nobody_there(caller) -> None:
    with pytest.raises(TtsUnavailable):
        async with client(caller, "http://127.0.0.1:9").speak(clause()):
            pass


async def test_only_the_opening_of_a_reply_is_marked_as_one(caller) -> None:
    engine = Engine()
    async with engine.serving() as url:
        for opening in (True, False):
            request = ClauseRequest("Sure,", "fast", "en", None, opening=opening)
            async with client(caller, url).speak(request) as stream:
                assert [piece async for piece in stream.pieces]
    assert engine.openings == [True, False]
