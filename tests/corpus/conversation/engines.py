"""The gateway's other engines at its seam: set delays, and no outside."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from avatar_contract.chat import ChatMessage
from avatar_contract.errors import AvatarError, NotFound
from avatar_contract.listen import Clear, Commit, ListenCommand, ListenConfigure, ListenEvent
from avatar_contract.records import ClaimedSession, TurnRecord, TurnView
from conversation.hearing import Ears, ScriptedRecogniser, Transcriptionist
from gateway.live.keeper import Kept, SpooledTurn
from gateway.session.ports import ClauseRequest, Delta, SpeechStream
from stt_service.hearing.silero import Silero
from stt_service.listening.listener import Listener
from stt_service.listening.policy import Policy

SPEECH_RATE = 16_000
_WAY_MS = 1.0
"""A message's way between two services."""


class Listening:
    """stt-service's own listener behind the gateway's seam, as if a socket lay between."""

    def __init__(self, model: Silero, knows: Transcriptionist, policy: Policy) -> None:
        self._ears = Ears(model, knows)
        self._recogniser = ScriptedRecogniser(knows)
        self._policy = policy
        self.events: list[tuple[float, ListenEvent]] = []

    async def open(
        self, on_event: Callable[[ListenEvent], None], on_lost: Callable[[AvatarError], None]
    ) -> "ListenSocket":
        """Never refuses."""
        loop = asyncio.get_running_loop()

        def emit(event: ListenEvent) -> None:
            self.events.append((loop.time() * 1000, event))
            loop.call_later(_WAY_MS / 1000, on_event, event)

        return ListenSocket(Listener(self._recogniser, self._ears, self._policy, emit))  # type: ignore[arg-type]


class ListenSocket:
    """One conversation's."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._closing: asyncio.Task[None] | None = None

    def send_audio(self, pcm: bytes) -> None:
        """Straight into the ear."""
        self._listener.feed(pcm)

    def send(self, command: ListenCommand) -> None:
        """Likewise."""
        match command:
            case ListenConfigure():
                self._listener.configure(command)
            case Commit():
                self._listener.commit()
            case Clear():
                self._listener.clear()

    def close(self) -> None:
        """Ends the listener."""
        self._closing = asyncio.ensure_future(self._listener.close())


@dataclass
class Model:
    """Says the reply that the script has next."""

    reply: str = ""
    calls: list[str] = field(default_factory=list)
    """The question of every call."""
    first_token_ms: float = 150.0
    token_ms: float = 20.0

    async def answer(self, messages: tuple[ChatMessage, ...]) -> AsyncIterator[Delta]:
        """Two characters, or a word, a token."""
        self.calls.append(messages[-1].content or "")
        await asyncio.sleep(self.first_token_ms / 1000)
        pieces = self.reply.split(" ") if self.reply.isascii() else list(self.reply)
        space = " " if self.reply.isascii() else ""
        for piece in pieces:
            yield Delta(piece + space)
            await asyncio.sleep(self.token_ms / 1000)


class Voice:
    """So much sound for each letter."""

    first_byte_ms = 100.0

    @asynccontextmanager
    async def speak(self, request: ClauseRequest) -> AsyncIterator[SpeechStream]:
        """Sound without a tone: nobody listens."""
        letter_ms = 65 if request.text.isascii() else 200
        yield SpeechStream(SPEECH_RATE, None, self._pieces(letter_ms * len(request.text)))

    async def _pieces(self, ms: float) -> AsyncIterator[bytes]:
        await asyncio.sleep(self.first_byte_ms / 1000)
        while ms > 0:
            piece = min(200.0, ms)
            yield bytes(int(piece * SPEECH_RATE / 1000) * 2)
            ms -= piece
            await asyncio.sleep(piece * 0.1 / 1000)

    async def check(self, voice_profile_id: UUID | None) -> None:
        """There are no profiles."""

    async def forget(self, voice_id: UUID) -> None:
        """There are no voices."""


class Spool:
    """Keeps every turn at once, in no place."""

    def keep(
        self, turn: SpooledTurn, delivered: Callable[[TurnView], None] | None = None
    ) -> asyncio.Future[Kept]:
        """As if the disk took no time."""
        kept: asyncio.Future[Kept] = asyncio.get_running_loop().create_future()
        kept.set_result(Kept(words=True, sound=True))
        return kept

    def find(self, utterance_id: UUID) -> TurnRecord | None:
        """Nothing waits."""
        return None

    async def flush(self, patience_s: float, **_: object) -> None:
        """Nothing waits."""


class Archive:
    """Knows of no turn from before."""

    async def find(self, utterance_id: UUID) -> TurnView | None:
        """Nothing is known from before."""
        return None

    async def claim(self, token_hash: str, expires_at: datetime) -> ClaimedSession:
        """There is one gateway."""
        raise NotFound("unknown")
