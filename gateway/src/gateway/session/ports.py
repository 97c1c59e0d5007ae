"""What the session needs of the outside world. Fakes in tests stand here and nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from avatar_contract.chat import ChatMessage
from avatar_contract.errors import AvatarError
from avatar_contract.listen import ListenCommand, ListenEvent
from avatar_contract.records import ClaimedSession, TurnView
from avatar_contract.speech import SpokenNotice
from avatar_contract.terms import TtsMode


class Listener(Protocol):
    """An open socket to the recogniser. Sending never waits; order is kept."""

    def send_audio(self, pcm: bytes) -> None:
        """16 kHz mono ``pcm_s16le``. Raises SttUnavailable when the recogniser stalls."""

    def send(self, command: ListenCommand) -> None:
        """After all sound that was sent before."""

    def close(self) -> None:
        """Ends the socket; nothing is reported any more."""


class Recogniser(Protocol):
    """Opens sockets to stt-service."""

    async def open(
        self,
        on_event: Callable[[ListenEvent], None],
        on_lost: Callable[[AvatarError], None],
    ) -> Listener:
        """Raises SttUnavailable. `on_lost` is called at most once, and not after `close`."""


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of the model's answer."""

    text: str
    finish_reason: str | None = None


class Model(Protocol):
    """Streams answers of a chat model."""

    def answer(self, messages: tuple[ChatMessage, ...]) -> AsyncIterator[Delta]:
        """Pieces as they are written. Raises LlmUnavailable; closing it cancels the request."""


class OwnVoice(NamedTuple):
    """What a person said, as the reference for an answer in their own voice."""

    voice_id: UUID
    """The session's."""
    etag: str
    pcm: bytes
    """16 kHz mono."""
    text: str


@dataclass(frozen=True, slots=True)
class ClauseRequest:
    """A clause to be spoken."""

    text: str
    mode: TtsMode
    language: str | None
    voice_profile_id: UUID | None
    own_voice: OwnVoice | None = None
    """Speaks when there is no profile."""
    opening: bool = False
    """Whether it is the first of a reply: short openings recur, so their sound may be kept."""


@dataclass(frozen=True, slots=True)
class SpeechStream:
    """The sound of a clause, as it is made."""

    sample_rate: int
    notice: SpokenNotice | None
    pieces: AsyncIterator[bytes]
    """Mono ``pcm_s16le``, whole samples."""


class Voice(Protocol):
    """Speaks clauses."""

    def speak(self, request: ClauseRequest) -> AbstractAsyncContextManager[SpeechStream]:
        """Leaving the context cancels the request. Raises TtsUnavailable."""

    async def check(self, voice_profile_id: UUID | None) -> None:
        """Looks a profile up, or the default one. Raises NotFound or ProfileUnavailable."""

    async def forget(self, voice_id: UUID) -> None:
        """Takes a person's own voice back from the engines. Raises TtsUnavailable."""


class Archive(Protocol):
    """profile-service, for turns and sessions."""

    async def claim(self, token_hash: str, expires_at: datetime) -> ClaimedSession:
        """Takes a session over. Raises NotFound or ProfileUnavailable."""

    async def find(self, utterance_id: UUID) -> TurnView | None:
        """The turn of an utterance. Raises ProfileUnavailable."""


@dataclass(frozen=True, slots=True)
class Engines:
    """All that a session talks to."""

    recogniser: Recogniser
    model: Model
    voice: Voice
    archive: Archive
