"""What a browser says on ``WS /ws/chat``.

::

    client ── configure ──────────────▶ server
    client ── audio_start, audio_chunk… ▶        push-to-talk, or frames all the time (server_vad)
    client ── audio_end ──────────────▶
    client ── text ───────────────────▶          a typed turn
    client ── playback … ─────────────▶          what was heard so far
    client ── interrupt ──────────────▶
    client ── edit_transcription ─────▶
    client ── resume ─────────────────▶          may be the first message

A binary frame is an `audio_chunk` without the wrapping: the bare payload in the format that
`configure.audio_in` declared.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, TypeAdapter, ValidationError

from avatar_contract.audio import MAX_RATE, MIN_RATE, AudioFormat, Codec
from avatar_contract.errors import BadAudio, BadMessage
from avatar_contract.terms import (
    AudioOut,
    Language,
    Locale,
    Message,
    TtsMode,
    TurnDetection,
)


class Configure(Message):
    """Any time; what is given takes effect with the next turn, what is left out stays."""

    type: Literal["configure"] = "configure"
    version: int | None = Field(None, description="protocol version the client speaks")
    voice_profile_id: UUID | None = Field(None, description="voice of the answer; null: default")
    tts_mode: TtsMode | None = Field(None, description="speed or quality of the voice")
    language: Language | None = Field(None, description="what is spoken")
    locale: Locale | None = Field(None, description="script and words of what is shown")
    turn_detection: TurnDetection | None = Field(None, description="hands-free or push-to-talk")
    patience: float | None = Field(None, ge=0, le=1, description="0 eager to 1 patient")
    instructions: str | None = Field(
        None, max_length=8000, description="how the model should answer"
    )
    self_clone: bool | None = Field(None, description="answer in the speaker's own voice")
    store_audio: bool | None = Field(None, description="keep the sound of turns")
    audio_in: AudioFormat | None = Field(None, description="what binary frames hold")
    audio_out: AudioOut | None = Field(None, description="how sound comes back")


class AudioStart(Message):
    """Optional, before the frames of an utterance."""

    type: Literal["audio_start"] = "audio_start"
    utterance_id: UUID | None = Field(None, description="idempotency key of the utterance")
    sample: int = Field(0, ge=0, description="where it begins in the client's count of samples")


class AudioChunk(Message):
    """A piece of speech, 20 to 300 ms."""

    type: Literal["audio_chunk"] = "audio_chunk"
    utterance_id: UUID | None = Field(None, description="idempotency key of the utterance")
    data: str = Field(description="base64 of the payload")
    ts: float | None = Field(None, description="client clock, ms")
    sr: int | None = Field(None, ge=MIN_RATE, le=MAX_RATE, description="sample rate, Hz")
    codec: Codec | None = Field(None, description="default: what configure.audio_in says")

    def payload(self) -> bytes:
        """The decoded bytes.

        Raises:
            BadAudio: `data` isn't base64.
        """
        try:
            return b64decode(self.data, validate=True)
        except (binascii.Error, ValueError) as cause:
            raise BadAudio("audio_chunk.data is not base64.") from cause


class AudioEnd(Message):
    """Push-to-talk: the utterance is over."""

    type: Literal["audio_end"] = "audio_end"
    utterance_id: UUID | None = Field(None, description="idempotency key of the utterance")


class Text(Message):
    """A typed turn."""

    type: Literal["text"] = "text"
    utterance_id: UUID | None = Field(None, description="idempotency key of the turn")
    text: str = Field(description="what was typed")


class Playback(Message):
    """What was really heard so far; at least every 250 ms while playing."""

    type: Literal["playback"] = "playback"
    turn_id: UUID
    revision: int = Field(0, ge=0)
    played_ms: float = Field(ge=0, description="ms heard from the start of this revision")


class Interrupt(Message):
    """Stop speaking now."""

    type: Literal["interrupt"] = "interrupt"
    turn_id: UUID | None = Field(None, description="the turn that speaks; left out: whichever does")
    revision: int | None = Field(None, ge=0)
    played_ms: float | None = Field(None, ge=0, description="ms heard from its start")


class EditTranscription(Message):
    """The recogniser was wrong: answer this instead. The last turn only, else `CONFLICT`."""

    type: Literal["edit_transcription"] = "edit_transcription"
    turn_id: UUID
    revision: int = Field(ge=1, description="the revision it makes")
    text: str = Field(min_length=1, description="what was really said")


class Resume(Message):
    """Go on with a conversation whose socket broke; the new socket displaces the old.

    Answered with `session {resumed: true}`, or with an `error`; after an error the new session that
    the socket opened with stays. A client that has lost its messages (a reload) says `last_seq` 0.
    """

    type: Literal["resume"] = "resume"
    resume_token: str = Field(min_length=1, max_length=512)
    last_seq: int = Field(ge=0, description="the last `seq` that was received")
    turn_id: UUID | None = None
    revision: int | None = Field(None, ge=0)
    played_ms: float | None = Field(None, ge=0, description="ms heard of that turn")


ClientMessage = Annotated[
    Configure
    | AudioStart
    | AudioChunk
    | AudioEnd
    | Text
    | Playback
    | Interrupt
    | EditTranscription
    | Resume,
    Field(discriminator="type"),
]
"""Any message of a client."""

_adapter: TypeAdapter[ClientMessage] = TypeAdapter(ClientMessage)


def parse_client(text: str | bytes) -> ClientMessage:
    """The message in a text frame.

    Raises:
        BadMessage: no JSON, not an object, an unknown type, or a field that doesn't fit.
    """
    try:
        return _adapter.validate_json(text)
    except ValidationError as cause:
        raise BadMessage(_complaint(cause)) from cause


def _complaint(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"The message was not understood: {where + ': ' if where else ''}{first['msg']}."
