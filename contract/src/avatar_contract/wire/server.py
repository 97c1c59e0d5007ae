"""What the gateway says on ``WS /ws/chat``. The server speaks first, with `session`.

::

    server ── session ───────────────────────────────────────────▶ client
    server ── accepted ▶ transcription… ▶ transcription is_final ─▶
    server ── llm_token… ▶ audio_response… ▶ llm_response is_final ▶   (interleaved)
    server ── audio_response is_final (no sound) ─────────────────▶
    server ── tts_ready ▶ turn_done ──────────────────────────────▶

Every message has `seq`, which numbers all messages and binary frames of a session; every message
of a turn carries `turn_id` and `revision`.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, TypeAdapter

from avatar_contract.errors import ErrorCode
from avatar_contract.terms import (
    AudioOut,
    Engines,
    Limits,
    Message,
    NoticeCode,
    Stage,
    State,
    TtsMode,
)

PROTOCOL_VERSION = 1
"""The version of ``/ws/chat`` that this package speaks."""


class Numbered(Message):
    """A message of the server."""

    seq: int = Field(0, ge=0, description="numbers all messages and frames of a session from 1")


class OfTurn(Numbered):
    """A message of a turn."""

    turn_id: UUID
    revision: int = Field(0, ge=0, description="counts edits of the turn")


class Session(Numbered):
    """The first message; and again, with `resumed`, the answer to a `resume` that succeeded.

    The second one repeats the `seq` that the client named: what it missed follows with the numbers
    after it. A larger `seq` than that: the old messages are gone, and what follows tells the state
    of the turn anew, beginning with its `accepted`.
    """

    type: Literal["session"] = "session"
    version: int = PROTOCOL_VERSION
    session_id: UUID = Field(description="the conversation")
    resume_token: str = Field(description="secret that a `resume` shows")
    resumed: bool = Field(False, description="whether this goes on with an earlier socket")
    limits: Limits
    engines: Engines
    audio_out: AudioOut = Field(description="how sound will come")
    offset: int = Field(0, ge=0, description="client samples that the server has")


class Accepted(OfTurn):
    """A turn opened, or its endpoint was reached, or it was resumed."""

    type: Literal["accepted"] = "accepted"
    utterance_id: UUID
    turn_number: int = Field(ge=1, description="place in the conversation")
    start: int = Field(0, ge=0, description="client sample where the utterance begins")
    offset: int = Field(0, ge=0, description="client samples that the server has")


class Status(Numbered):
    """What the assistant is doing."""

    type: Literal["status"] = "status"
    state: State
    progress: float | None = Field(None, ge=0, le=1, description="of loading")
    position: int | None = Field(None, ge=1, description="in the waiting queue")
    turn_id: UUID | None = None
    revision: int | None = None


class Transcription(OfTurn):
    """What was understood so far; cumulative."""

    type: Literal["transcription"] = "transcription"
    text: str
    stable_chars: int = Field(0, ge=0, description="leading characters that won't change")
    is_final: bool = False
    language: str | None = Field(None, description="BCP 47 tag of what was spoken")


class LlmToken(OfTurn):
    """A piece of the answer's text."""

    type: Literal["llm_token"] = "llm_token"
    token: str


class LlmResponse(OfTurn):
    """The whole text of the answer; sent once."""

    type: Literal["llm_response"] = "llm_response"
    text: str
    is_final: bool = True


class AudioResponse(OfTurn):
    """A piece of the answer's sound. The turn's last one is soundless with `is_final`."""

    type: Literal["audio_response"] = "audio_response"
    mode: TtsMode = "fast"
    sample_rate: int = Field(description="Hz")
    format: Literal["pcm_s16le"] = "pcm_s16le"
    text: str | None = Field(None, description="the clause, on its first piece")
    data: str | None = Field(None, description="base64 PCM; absent when sound comes in frames")
    is_final: bool = False


class PlaybackControl(OfTurn):
    """What to do with the sound that is queued in the client."""

    type: Literal["playback_control"] = "playback_control"
    action: Literal["pause", "resume", "flush"]


class TtsReady(OfTurn):
    """The whole reply can be replayed."""

    type: Literal["tts_ready"] = "tts_ready"
    audio_url: str
    duration_ms: float


class TurnDone(OfTurn):
    """Playback ended or was cut."""

    type: Literal["turn_done"] = "turn_done"
    timings: dict[str, float] = Field(description="ms by stage, from the end of speech")
    interrupted: bool = False
    heard_text: str = Field("", description="what the person heard of the answer")


class Notice(Numbered):
    """Something to know although nothing failed."""

    type: Literal["notice"] = "notice"
    code: NoticeCode
    message: str
    stage: Stage | None = Field(None, description="the part that it is about")
    turn_id: UUID | None = None
    revision: int | None = None


class Error(Numbered):
    """Something failed; the session stays usable unless the socket closes."""

    type: Literal["error"] = "error"
    code: ErrorCode
    message: str
    retryable: bool = False
    retry_after_s: float | None = None
    turn_id: UUID | None = None
    revision: int | None = None


ServerMessage = Annotated[
    Session
    | Accepted
    | Status
    | Transcription
    | LlmToken
    | LlmResponse
    | AudioResponse
    | PlaybackControl
    | TtsReady
    | TurnDone
    | Notice
    | Error,
    Field(discriminator="type"),
]
"""Any message of the server."""

_adapter: TypeAdapter[ServerMessage] = TypeAdapter(ServerMessage)


def parse_server(text: str | bytes) -> ServerMessage:
    """The message in a text frame; for clients. Raises pydantic's ValidationError."""
    return _adapter.validate_json(text)
