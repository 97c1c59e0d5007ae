"""gateway → profile-service: turns, conversations and voices; and the product REST built on them.

::

    gateway ── PUT /v1/turns/{turn_id} ─▶ profile     multipart: record, user_audio?, ai_audio?
    gateway ── GET /v1/turns?utterance_id= ─▶ profile
    gateway ── GET /v1/conversations … ─▶ profile

A turn is written once by `utterance_id` and `revision`: `closed` replaces `open`, the first
`closed` wins, a higher revision replaces, and a taken turn number becomes the next free one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from avatar_contract.wire.common import TtsMode

OWNER_HEADER = "Avatar-Owner"
"""Whose data a call is about; ``local`` until owners come."""

DEFAULT_OWNER = "local"

Side = Literal["user", "ai"]


class _Record(BaseModel):
    model_config = ConfigDict(extra="ignore")


class TurnRecord(_Record):
    """A turn as the gateway writes it."""

    session_id: UUID = Field(description="the conversation")
    turn_id: UUID
    utterance_id: UUID = Field(description="idempotency key")
    turn_number: int = Field(ge=1, description="wanted place in the conversation")
    revision: int = Field(0, ge=0, description="counts edits of the turn")
    state: Literal["open", "closed"] = "closed"
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
