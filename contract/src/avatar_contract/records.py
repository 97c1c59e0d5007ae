"""gateway → profile-service: turns, conversations and voices; and the product REST built on them.

::

    gateway ── PUT /v1/turns/{turn_id} ─▶ profile     multipart: record, user_audio?, ai_audio?
    gateway ── GET /v1/turns?utterance_id= ─▶ profile
    gateway ── GET /v1/conversations … ─▶ profile
    gateway ── POST /v1/sessions/claim ─▶ profile     a resume token's hash in, the session out
    gateway ── PUT /v1/sessions/{session_id}/token ─▶ profile     one more token for a conversation

A turn is written once by `utterance_id` and `revision`: `open` as soon as it is accepted (again
when more is known), `closed` when it ends. `closed` replaces `open`, the first `closed` wins, a
higher revision replaces, and a taken turn number becomes the next free one. Equal records may come
twice: the second changes nothing, but sound that was missing is added.

Two gateways may hold one session after each other: `epoch` counts them. A record whose epoch is
lower than that of the turn's row is refused with `CONFLICT`: its client has moved on and had the
turn done again. A row that a newer gateway has not touched takes an older one's late record.

An owner's utterance has one row, also where two gateways made it a turn of two conversations: a
closed record replaces an open row of the other conversation, and what comes after a closed one is
answered with the turn that is kept, whose `turn_id` is another. An open row that no
gateway goes on with reads as closed after an hour; for gateways it stays open.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from avatar_contract.terms import TtsMode

OWNER_HEADER = "Avatar-Owner"
"""Whose data a call is about; ``local`` until owners come."""

DEFAULT_OWNER = "local"

Side = Literal["user", "ai"]


class _Record(BaseModel):
    model_config = ConfigDict(extra="ignore")


class SessionState(_Record):
    """What another gateway needs to go on with a conversation."""

    token_hash: str = Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of the resume token")
    expires_at: datetime = Field(description="when the token ends, with its zone")
    config: dict[str, Any] = Field(default_factory=dict, description="what the client configured")


class SessionToken(_Record):
    """One more resume token for a conversation that is kept."""

    token_hash: str = Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of the resume token")
    expires_at: datetime = Field(description="when the token ends, with its zone")


class SessionClaim(_Record):
    """The body of ``POST /v1/sessions/claim``."""

    token_hash: str = Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of the resume token")
    expires_at: datetime = Field(description="until when the token holds from now on")


class TurnRecord(_Record):
    """A turn as the gateway writes it."""

    session_id: UUID = Field(description="the conversation")
    turn_id: UUID
    utterance_id: UUID = Field(description="idempotency key")
    turn_number: int = Field(ge=1, description="wanted place in the conversation")
    revision: int = Field(0, ge=0, description="counts edits of the turn")
    state: Literal["open", "closed"] = "closed"
    epoch: int = Field(1, ge=1, description="counts the gateways that have held the session")
    session: SessionState | None = Field(None, description="for the one that holds it next")
    typed: bool = Field(False, description="typed: there is no user audio")
    recognised_text: str | None = Field(None, description="what the recogniser heard, or was typed")
    edited_text: str | None = Field(None, description="what the person corrected it to")
    ai_text: str = Field("", description="the whole answer that was generated")
    heard_text: str = Field("", description="what was heard of it")
    interrupted: bool = False
    language: str | None = Field(None, description="BCP 47 tag")
    mode: TtsMode = "fast"
    timings: dict[str, float] = Field(default_factory=dict, description="ms by stage")
    voice_profile_id: UUID | None = None
    error: str | None = Field(None, description="code of what ended the turn")
    store_audio: bool = Field(True, description="false: no sound is kept")
    created_at: datetime = Field(description="when it opened, with its zone")


class TurnView(_Record):
    """A turn as it is read."""

    session_id: UUID
    turn_id: UUID
    utterance_id: UUID
    turn_number: int
    revision: int
    state: Literal["open", "closed"]
    typed: bool = False
    user_text: str = Field("", description="edited text where there is one, else recognised")
    recognised_text: str | None = None
    edited_text: str | None = None
    ai_text: str = ""
    heard_text: str = ""
    interrupted: bool = False
    language: str | None = None
    mode: TtsMode = "fast"
    timings: dict[str, float] = Field(default_factory=dict)
    voice_profile_id: UUID | None = None
    error: str | None = None
    user_audio_ms: float | None = Field(None, description="absent: no audio is kept")
    ai_audio_ms: float | None = Field(None, description="absent: no audio is kept")
    created_at: datetime


class ClaimedSession(_Record):
    """A session that this gateway holds from now on."""

    session_id: UUID
    epoch: int = Field(ge=1, description="one more than that of the gateway before")
    config: dict[str, Any] = Field(default_factory=dict, description="what the client configured")
    turns: list[TurnView] = Field(description="the newest, oldest first")
    next_turn_number: int = Field(1, ge=1, description="the next free place in the conversation")


class ResumeGranted(_Record):
    """The answer to ``POST /api/conversation/{session_id}/resume``."""

    session_id: UUID
    resume_token: str = Field(description="secret that a `resume` on /ws/chat shows")


class Hit(_Record):
    """Where a search found its words."""

    turn_id: UUID | None = Field(None, description="absent: in the title")
    side: Side | None = None
    before: str = ""
    match: str
    after: str = ""


class ConversationItem(_Record):
    """A conversation in a list."""

    id: UUID
    title: str
    turns: int
    duration_ms: float = Field(description="of the sound of both sides")
    created_at: datetime
    hit: Hit | None = None


class ConversationView(_Record):
    """One conversation."""

    id: UUID
    title: str
    created_at: datetime
    duration_ms: float = 0
    turns: list[TurnView]


class ConversationPage(_Record):
    items: list[ConversationItem]
    next_cursor: str | None = None


class TitleChange(_Record):
    title: str = Field(min_length=1, max_length=200)


class Deleted(_Record):
    success: bool = True


class QualityAdvice(_Record):
    """One finding about a reference recording."""

    code: str = Field(description="stable, e.g. `CLIPPING`")
    text: dict[str, str] = Field(description="advice in words by locale: `en`, `zh-TW`")


class Quality(_Record):
    """How good a reference recording is."""

    score: float = Field(ge=0, le=1)
    advice: list[QualityAdvice] = Field(default_factory=list)


class Consent(_Record):
    """That the person agreed to their voice being used."""

    by: str = Field(min_length=1, description="who agreed")
    at: datetime
    text: str = Field(min_length=1, description="the text agreed to")


class VoiceProfileItem(_Record):
    """A voice profile in a list."""

    id: UUID
    name: str
    duration: float = Field(description="s of speech in the reference")
    quality: Quality | None = None
    is_default: bool = False
    created_at: datetime


class VoiceProfile(VoiceProfileItem):
    """One voice profile."""

    profile_id: UUID
    reference_text: str = ""
    consent: Consent | None = None
    peaks: list[float] = Field(default_factory=list, description="0 to 1, for a waveform picture")
    etag: str = Field("", description="names the reference; changes with it")
    has_embedding: bool = False


class VoiceProfilePage(_Record):
    items: list[VoiceProfileItem]
    next_cursor: str | None = None


class VoiceProfileChange(_Record):
    """What `PUT` may change; what is left out stays."""

    name: str | None = None
    reference_text: str | None = None
    is_default: bool | None = None
    embedding: list[float] | None = Field(None, min_length=256, max_length=256)
