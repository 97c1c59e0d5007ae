"""The real ``/ws/chat`` over real sockets; engines are fakes at the gateway's Protocols."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import opencc
import pytest
import uvicorn
from fastapi import FastAPI, WebSocket
from websockets.asyncio.client import ClientConnection, connect

from avatar_contract import listen
from avatar_contract.audio import pcm_ms
from avatar_contract.chat import ChatMessage
from avatar_contract.errors import (
    AvatarError,
    Conflict,
    LlmUnavailable,
    NotFound,
    ProfileUnavailable,
    StorageFull,
    SttUnavailable,
    TtsUnavailable,
)
from avatar_contract.records import ClaimedSession, TurnRecord, TurnView
from avatar_contract.terms import EngineInfo, Engines, Limits
from gateway.dialects.chat_socket import serve_chat
from gateway.edge.decode import DecodeWorkers
from gateway.live.admission import Admission
from gateway.live.factory import Scripts, SessionFactory, SessionSettings
from gateway.live.registry import SessionRegistry
from gateway.live.spool import Spool
from gateway.live.spool_file import SpoolFile
from gateway.session import ports as protocols
from gateway.session.records import as_view
from gateway.session.state import Policy

RATE = 24_000
ENGINE = EngineInfo(name="scripted", kind="embedded")


@dataclass
class Recogniser:
    """Hears `words` in any sound that isn't zeros. `mode` breaks it."""

    words: str = "hello there"
    mode: str = "fine"
    open_sockets: int = 0
    audio: bytearray = field(default_factory=bytearray)

    async def open(
        self,
        on_event: Callable[[listen.ListenEvent], None],
        on_lost: Callable[[AvatarError], None],
    ) -> ScriptedListener:
        if self.mode == "down":
            raise SttUnavailable("down")
        self.open_sockets += 1
        return ScriptedListener(self, on_event, on_lost)


class ScriptedListener:
    def __init__(self, of: Recogniser, on_event: Any, on_lost: Any) -> None:
        self._of = of
        self._say = on_event
        self._on_lost = on_lost
        self._number = 0
        self._pcm = bytearray()

    def send_audio(self, pcm: bytes) -> None:
        if self._of.mode == "dies":
            raise SttUnavailable("died")
        self._pcm += pcm
        self._of.audio += pcm

    def send(self, command: listen.ListenCommand) -> None:
        at = {"audio_ms": pcm_ms(len(self._pcm))}
        if isinstance(command, listen.Clear):
            self._pcm.clear()
            self._say(listen.Cleared(utterance=self._number, **at))
        elif isinstance(command, listen.Commit) and self._of.mode != "stalls":
            self._number += 1
            spoken = any(self._pcm)
            self._pcm.clear()
            if spoken:
                words = self._of.words
                self._say(listen.Final(utterance=self._number, text=words, language="en", **at))
            else:
                self._say(listen.NoSpeech(utterance=self._number, **at))

    def close(self) -> None:
        self._of.open_sockets -= 1


@dataclass
class Model:
    """Answers with `answer`, a word at a time. `mode` breaks it."""

    answer_text: str = "I am fine. Thank you."
    mode: str = "fine"
    running: int = 0
    asked: list[tuple[ChatMessage, ...]] = field(default_factory=list)

    async def answer(self, messages: tuple[ChatMessage, ...]) -> AsyncIterator[protocols.Delta]:
        self.asked.append(messages)
        self.running += 1
        try:
            if self.mode == "down":
                raise LlmUnavailable("the model is away")
            for word in self.answer_text.split(" "):
                yield protocols.Delta(word + " ")
                await asyncio.sleep(0)
                if self.mode == "stalls":
                    await asyncio.Event().wait()
                if self.mode == "dies":
                    raise LlmUnavailable("the model broke off")
                if self.mode == "breaks":
                    raise RuntimeError("a defect")
        finally:
            self.running -= 1


@dataclass
class Voice:
    """A quarter of a second of sound a clause."""

    mode: str = "fine"
    forgotten: list[UUID] = field(default_factory=list)
    own: list[protocols.OwnVoice | None] = field(default_factory=list)
    running: int = 0

    @asynccontextmanager
    async def speak(
        self, request: protocols.ClauseRequest
    ) -> AsyncIterator[protocols.SpeechStream]:
        self.running += 1
        self.own.append(request.own_voice)
        try:
            yield protocols.SpeechStream(RATE, None, self._pieces())
        finally:
            self.running -= 1

    async def _pieces(self) -> AsyncIterator[bytes]:
        if self.mode == "down":
            raise TtsUnavailable("the voice is away")
        for _ in range(5):
            yield b"\x01\x00" * (RATE // 20)
            if self.mode == "stalls":
                await asyncio.Event().wait()
            if self.mode == "dies":
                raise TtsUnavailable("the voice died")

    async def check(self, voice_profile_id: UUID | None) -> None:
        if voice_profile_id is not None:
            raise NotFound("There is no such voice profile.")

    async def forget(self, voice_id: UUID) -> None:
        self.forgotten.append(voice_id)


@dataclass
class Archive:
    """profile-service in memory, by the rules of `avatar_contract.records`. `down` breaks it."""

    records: dict[UUID, TurnRecord] = field(default_factory=dict)
    epochs: dict[UUID, int] = field(default_factory=dict)
    sound: dict[UUID, bytes] = field(default_factory=dict)
    down: bool = False
    full: bool = False
    refused: int = 0

    async def find(self, utterance_id: UUID) -> TurnView | None:
        self._must_be_up()
        found = (r for r in self.records.values() if r.utterance_id == utterance_id)
        record = next(found, None)
        return as_view(record) if record else None

    async def store(
        self, record: TurnRecord, user_pcm: bytes | None, ai_pcm: bytes | None, ai_rate: int
    ) -> TurnView:
        self._must_be_up()
        if self.full:
            raise StorageFull("no room")
        known = self.records.get(record.turn_id)
        if known is not None and known.revision == record.revision:
            if known.state == "closed":
                return as_view(known)
            if known.epoch > record.epoch:
                raise Conflict("the client has moved on")
        self.records[record.turn_id] = record
        if ai_pcm:
            self.sound[record.turn_id] = ai_pcm
        said = pcm_ms(len(user_pcm)) if user_pcm else None
        answered = pcm_ms(len(ai_pcm), ai_rate) if ai_pcm else None
        lengths = {"user_audio_ms": said, "ai_audio_ms": answered}
        return as_view(record).model_copy(update=lengths)

    async def claim(self, token_hash: str, expires_at: datetime) -> ClaimedSession:
        self._must_be_up()
        mine = [
            r
            for r in self.records.values()
            if r.session is not None and r.session.token_hash == token_hash
        ]
        if not mine or mine[-1].session is None:
            raise NotFound("unknown")
        session_id = mine[-1].session_id
        self.epochs[session_id] = self.epochs.get(session_id, 1) + 1
        turns = sorted(mine, key=lambda r: r.turn_number)
        return ClaimedSession(
            session_id=session_id,
            epoch=self.epochs[session_id],
            config=mine[-1].session.config,
            turns=[as_view(r) for r in turns],
            next_turn_number=turns[-1].turn_number + 1,
        )

    def _must_be_up(self) -> None:
        if self.down:
            self.refused += 1
            raise ProfileUnavailable("down")


class Chat:
    """A client's side of one socket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.seen: list[dict[str, Any]] = []

    async def send(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def chunk(self, pcm: bytes, **fields: Any) -> None:
        await self.send(type="audio_chunk", data=b64encode(pcm).decode(), **fields)

    async def say(self, seconds: float = 0.3, **fields: Any) -> None:
        """Push-to-talk: sound, and its end."""
        for _ in range(int(seconds * 10)):
            await self.chunk(b"\x10\x00" * 1600, **fields)
        await self.send(type="audio_end", **fields)

    async def next(self) -> dict[str, Any]:
        frame = await asyncio.wait_for(self.socket.recv(), 10)
        message = (
            {"type": "binary", "data": frame} if isinstance(frame, bytes) else json.loads(frame)
        )
        self.seen.append(message)
        return message

    async def until(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The next message of that type, with those fields."""
        while True:
            message = await self.next()
            if message["type"] == kind and fields.items() <= message.items():
                return message

    async def error(self) -> str:
        return str((await self.until("error"))["code"])

    async def full_turn(self) -> list[dict[str, Any]]:
        """A typed turn from `accepted` to `turn_done`: the session is usable."""
        begin = len(self.seen)
        await self.send(type="text", text="are you there")
        accepted = await self.until("accepted")
        await self.until("turn_done", turn_id=accepted["turn_id"])
        return self.seen[begin:]


@dataclass
class Stack:
    """One gateway and its scripted engines."""

    home: Path
    recogniser: Recogniser = field(default_factory=Recogniser)
    model: Model = field(default_factory=Model)
    voice: Voice = field(default_factory=Voice)
    archive: Archive = field(default_factory=Archive)
    limits: Limits = field(default_factory=Limits)
    policy: Policy = field(default_factory=Policy)
    admission: Admission = field(default_factory=Admission)
    detached_s: float = 60.0
    url: str = ""
    factory: SessionFactory | None = None
    sessions: SessionRegistry | None = None

    def make_sessions(self, workers: DecodeWorkers, spool: Spool) -> SessionRegistry:
        engines = protocols.Engines(self.recogniser, self.model, self.voice, self.archive)
        self.factory = SessionFactory(
            engines,
            SessionSettings(limits=self.limits, policy=self.policy),
            spool,
            workers,
            Scripts(opencc.OpenCC("s2twp"), opencc.OpenCC("t2s")),
            engines_info=lambda: Engines(stt=ENGINE, llm=ENGINE, tts_fast=ENGINE, tts_hq=ENGINE),
            busy=lambda: False,
            figures=lambda _timings, **_: None,
            notices=list,
        )
        self.sessions = SessionRegistry(self.factory, self.admission, detached_s=self.detached_s)
        return self.sessions

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Stack]:
        workers = DecodeWorkers()
        spool = Spool(SpoolFile.open(self.home), self.archive, max_sound_bytes=2**24)
        await spool.start()
        sessions = self.make_sessions(workers, spool)
        app = FastAPI()

        @app.websocket("/ws/chat")
        async def chat(socket: WebSocket) -> None:
            await serve_chat(socket, sessions)

        config = uvicorn.Config(
            app, port=0, log_level="warning", ws="websockets-sansio", ws_max_size=2**25
        )
        server = uvicorn.Server(config)
        task = asyncio.ensure_future(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        self.url = f"ws://127.0.0.1:{port}/ws/chat"
        try:
            yield self
        finally:
            server.should_exit = True
            await task
            await sessions.close()
            await spool.stop(0.5)
            workers.close()

    @asynccontextmanager
    async def client(self, *, read_session: bool = True) -> AsyncIterator[Chat]:
        async with connect(self.url, max_size=2**25, max_queue=None, compression=None) as socket:
            chat = Chat(socket)
            if read_session:
                await chat.until("session")
            yield chat

    @asynccontextmanager
    async def cut(self) -> AsyncIterator[Chat]:
        """A client whose connection breaks off at the end, without a goodbye."""
        socket = await connect(self.url, max_size=2**25, max_queue=None, compression=None)
        chat = Chat(socket)
        await chat.until("session")
        try:
            yield chat
        finally:
            socket.transport.abort()
            await socket.wait_closed()

    async def client_is_away(self) -> None:
        """Waits until the gateway has noticed it."""
        assert self.sessions
        async with asyncio.timeout(5):
            while not self.sessions.detached:
                await asyncio.sleep(0.01)

    @asynccontextmanager
    async def another(self) -> AsyncIterator[Stack]:
        """A second gateway before the same engines and storage."""
        home = self.home / "second"
        other = Stack(home, self.recogniser, self.model, self.voice, self.archive)
        async with other.serving():
            yield other
            assert other.sessions
            for session in other.sessions.sessions:
                await other.sessions.discard(session)

    async def settled(self) -> None:
        """Waits until no session is left but those held for nobody, and all is delivered."""
        assert self.factory
        assert self.sessions
        async with asyncio.timeout(10):
            while self.admission.held or self.recogniser.open_sockets or self.factory.spool.pending:
                for session in self.sessions.sessions:
                    if not session.attached:
                        await self.sessions.discard(session)
                await asyncio.sleep(0.01)


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """A gateway with engines that work; after the test nothing of it may be left running."""
    before = asyncio.all_tasks()
    made = Stack(tmp_path, policy=Policy(final_timeout_ms=600))
    async with made.serving():
        yield made
        await made.settled()
        assert made.model.running == made.voice.running == 0
    before.add(asyncio.current_task())
    with suppress(TimeoutError):
        async with asyncio.timeout(5):
            while asyncio.all_tasks() - before:
                await asyncio.sleep(0.005)
    assert asyncio.all_tasks() - before == set()


@pytest.fixture
async def chat(stack: Stack) -> AsyncIterator[Chat]:
    """A connected client."""
    async with stack.client() as connected:
        yield connected
