"""A scripted server of `/ws/chat`: the seam where the gateway would be."""

import asyncio
import threading
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from websockets.asyncio.server import ServerConnection, serve

from avatar_contract.audio import wav_bytes
from avatar_contract.terms import EngineInfo, Engines, Limits
from avatar_contract.wire import (
    Accepted,
    AudioChunk,
    AudioEnd,
    AudioResponse,
    ClientMessage,
    Configure,
    LlmResponse,
    LlmToken,
    Playback,
    Session,
    Text,
    Transcription,
    TurnDone,
    parse_client,
)

RATE = 22_050
CLAUSE = b"\x10\x20" * (RATE // 10)


@dataclass
class Scripted:
    """What the server got, and how it behaves."""

    url: str = ""
    received: list[ClientMessage] = field(default_factory=list)
    binary: bytearray = field(default_factory=bytearray)
    on_turn: Callable[["Line", UUID], Awaitable[None]] | None = None
    on_open: Callable[["Line"], Awaitable[None]] | None = None
    refuse: int | None = None

    def of(self, kind: type) -> list[Any]:
        return [m for m in self.received if isinstance(m, kind)]


class Line:
    """One socket of the scripted server."""

    def __init__(self, socket: ServerConnection, server: Scripted) -> None:
        self.socket, self.server = socket, server
        self.seq, self.turns = 0, 0

    async def send(self, message: Any) -> None:
        self.seq += 1
        await self.socket.send(message.model_copy(update={"seq": self.seq}).model_dump_json())

    async def greet(self) -> None:
        engine = EngineInfo(name="scripted", kind="local", notice="a test")
        engines = Engines(stt=engine, llm=engine, tts_fast=engine, tts_hq=engine)
        await self.send(
            Session(
                session_id=uuid4(),
                resume_token="t",
                limits=Limits(),
                engines=engines,
                audio_out="json",
            )
        )

    async def turn(self, utterance: UUID, words: str | None) -> None:
        """A whole turn: sound before the last token, done when all was heard."""
        turn = {"turn_id": uuid4(), "revision": 0}
        self.turns += 1
        await self.send(Accepted(utterance_id=utterance, turn_number=self.turns, **turn))
        if words is not None:
            await self.send(Transcription(text=words, is_final=True, language="en", **turn))
        await self.send(LlmToken(token="Yes, ", **turn))
        await self._clause("Yes,", turn)
        await asyncio.sleep(0.02)
        await self.send(LlmToken(token="indeed.", **turn))
        await self.send(LlmResponse(text="Yes, indeed.", **turn))
        await self._clause("indeed.", turn)
        await self.send(AudioResponse(sample_rate=RATE, is_final=True, **turn))
        hands_free = self.server.of(Configure)[-1].turn_detection == "server_vad"
        while not (hands_free or self.server.of(Playback)):
            await asyncio.sleep(0.005)
        await self.send(TurnDone(timings={"llm": 5.0}, heard_text="Yes, indeed.", **turn))

    async def _clause(self, text: str, turn: dict[str, Any]) -> None:
        data = b64encode(CLAUSE).decode()
        await self.send(AudioResponse(sample_rate=RATE, text=text, data=data, **turn))


async def _serve(line: Line) -> None:
    server = line.server
    await (server.on_open or Line.greet)(line)
    answer = server.on_turn or (lambda it, utterance: it.turn(utterance, "hello there"))
    async for frame in line.socket:
        if isinstance(frame, bytes):
            if not server.binary and server.of(Configure)[-1].turn_detection == "server_vad":
                asyncio.get_running_loop().create_task(answer(line, uuid4()))
            server.binary += frame
            continue
        message = parse_client(frame)
        server.received.append(message)
        if isinstance(message, Text):
            asyncio.get_running_loop().create_task(line.turn(message.utterance_id, None))
        if isinstance(message, AudioEnd):
            asyncio.get_running_loop().create_task(answer(line, message.utterance_id))


@pytest.fixture
def server() -> Iterator[Scripted]:
    """A scripted server in a thread of its own; change it before a client connects."""
    scripted = Scripted()
    ready, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def handle(socket: ServerConnection) -> None:
        await _serve(Line(socket, scripted))

    def door(socket: ServerConnection, _request: object) -> Any:
        return socket.respond(scripted.refuse, "no\n") if scripted.refuse else None

    async def main() -> None:
        async with serve(handle, "127.0.0.1", 0, process_request=door) as running:
            port = running.sockets[0].getsockname()[1]
            scripted.url = f"http://127.0.0.1:{port}"
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(main()))
    thread.start()
    assert ready.wait(10)
    yield scripted
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    loop.close()


@pytest.fixture
def half_second(tmp_path: Path) -> Path:
    """A wav of 0.5 s at 16 kHz."""
    path = tmp_path / "said.wav"
    path.write_bytes(wav_bytes(b"\x01\x02" * 8000, 16_000))
    return path


__all__ = ["AudioChunk", "Scripted"]
