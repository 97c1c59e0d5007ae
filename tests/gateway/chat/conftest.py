"""The real ``/ws/chat`` over real sockets; engines are fakes at the gateway's Protocols."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
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
    LlmUnavailable,
    NotFound,
    SttUnavailable,
    TtsUnavailable,
)
from avatar_contract.records import TurnRecord, TurnView
from avatar_contract.wire import EngineInfo, Engines, Limits
from gateway.backends import protocols
from gateway.dialects.chat_socket import serve_chat
from gateway.edge.admission import Admission
from gateway.edge.decode import DecodeWorkers
from gateway.session.factory import Scripts, SessionFactory, SessionSettings
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
    """Keeps records in memory."""

    records: dict[UUID, TurnRecord] = field(default_factory=dict)
    views: dict[UUID, TurnView] = field(default_factory=dict)

    async def find(self, utterance_id: UUID) -> TurnView | None:
        return self.views.get(utterance_id)

    async def store(
        self, record: TurnRecord, user_pcm: bytes | None, ai_pcm: bytes | None, ai_rate: int
    ) -> TurnView:
        self.records[record.turn_id] = record
        fields = record.model_dump(exclude={"store_audio"})
        ms = pcm_ms(len(ai_pcm), ai_rate) if ai_pcm else None
        view = TurnView(**fields, user_text=record.recognised_text or "", ai_audio_ms=ms)
        self.views[record.utterance_id] = view
        return view


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

    recogniser: Recogniser = field(default_factory=Recogniser)
    model: Model = field(default_factory=Model)
    voice: Voice = field(default_factory=Voice)
    archive: Archive = field(default_factory=Archive)
    limits: Limits = field(default_factory=Limits)
    policy: Policy = field(default_factory=Policy)
    max_sessions: int = 5
    url: str = ""
    factory: SessionFactory | None = None

    def make_factory(self, workers: DecodeWorkers) -> SessionFactory:
        engines = protocols.Engines(self.recogniser, self.model, self.voice, self.archive)
        self.factory = SessionFactory(
            engines,
            SessionSettings(limits=self.limits, policy=self.policy),
            Admission(self.max_sessions),
            workers,
            Scripts(opencc.OpenCC("s2tw"), opencc.OpenCC("t2s")),
            engines_info=lambda: Engines(stt=ENGINE, llm=ENGINE, tts_fast=ENGINE, tts_hq=ENGINE),
            busy=lambda: False,
            figures=lambda _timings, **_: None,
            notices=[],
        )
        return self.factory

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Stack]:
        workers = DecodeWorkers()
        factory = self.make_factory(workers)
        app = FastAPI()

        @app.websocket("/ws/chat")
        async def chat(socket: WebSocket) -> None:
            await serve_chat(socket, factory)

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
            workers.close()

    @asynccontextmanager
    async def client(self, *, read_session: bool = True) -> AsyncIterator[Chat]:
        async with connect(self.url, max_size=2**25, max_queue=None, compression=None) as socket:
            chat = Chat(socket)
            if read_session:
                await chat.until("session")
            yield chat

    async def settled(self) -> None:
        """Waits until no session is left."""
        assert self.factory
        async with asyncio.timeout(10):
            while self.factory.admission.held or self.recogniser.open_sockets:
                await asyncio.sleep(0.01)


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    """A gateway with engines that work; after the test nothing of it may be left running."""
    before = asyncio.all_tasks()
    made = Stack(policy=Policy(final_timeout_ms=600, store_wait_ms=500))
    async with made.serving():
        yield made
        await made.settled()
        assert made.model.running == made.voice.running == 0
    await asyncio.sleep(0.05)
    assert asyncio.all_tasks() - before <= {asyncio.current_task()}


@pytest.fixture
async def chat(stack: Stack) -> AsyncIterator[Chat]:
    """A connected client."""
    async with stack.client() as connected:
        yield connected
