"""gateway → tts-service: a clause and a voice in, PCM out.

::

    gateway ── POST /v1/audio/speech ─▶ tts      SpeechRequest
    gateway ◀═ chunked audio ═ tts               Content-Type: audio/pcm; rate=24000; channels=1
    gateway ── PUT /v1/voices/{id} ─▶ tts        after VOICE_NOT_LOADED, then once again

Closing the stream is the cancel message. What a user should know comes in the header
``Avatar-Notice: CODE; text`` (percent-encoded UTF-8); the voice that speaks in ``Avatar-Voice``.
"""

from __future__ import annotations

from typing import Literal
from urllib.parse import quote, unquote

from pydantic import BaseModel, ConfigDict, Field

from avatar_contract.wire.common import NoticeCode, TtsMode

NOTICE_HEADER = "Avatar-Notice"
VOICE_HEADER = "Avatar-Voice"

SpeechFormat = Literal["pcm", "wav", "opus", "mp3"]


class SpeechRequest(BaseModel):
    """The body of ``POST /v1/audio/speech``; OpenAI's fields and two of ours."""

    model_config = ConfigDict(extra="ignore")

    model: str | None = Field(None, description="unknown names mean the default")
    input: str = Field(description="text to speak")
    voice: str | None = Field(
        None, description="`{id}@{etag}` of a loaded voice; unknown names mean the default"
    )
    response_format: SpeechFormat = Field("mp3", description="OpenAI's default is mp3")
    speed: float = Field(1.0, ge=0.25, le=4.0, description="1: as recorded")
    language: str | None = Field(None, description="BCP 47 tag; left out: by the text's script")
    mode: TtsMode = Field("fast", description="speed or quality")


class VoicePut(BaseModel):
    """The answer to ``PUT /v1/voices/{id}`` (multipart: `file` wav, `reference_text`)."""

    etag: str = Field(description="names this reference; changes with it")
    embedding: list[float] | None = Field(
        None, description="256-dimension speaker embedding, where the engine computes one"
    )


class Voice(BaseModel):
    """A voice that the engine has."""

    id: str = Field(description="name, or `{id}@{etag}` of a loaded profile")
    languages: list[str] = Field(default_factory=list, description="BCP 47 tags")
    description: str = ""


class Voices(BaseModel):
    """The answer to ``GET /v1/voices``."""

    items: list[Voice]


class SpokenNotice(BaseModel):
    """A notice as it travels in ``Avatar-Notice``."""

    code: NoticeCode
    message: str

    def header(self) -> str:
        """The header's value: ASCII, whatever the message's language."""
        return f"{self.code}; {quote(self.message, safe=' ')}"

    @classmethod
    def parse(cls, header: str) -> SpokenNotice:
        """The notice in a header's value. Raises ValueError for an unknown code."""
        code, _, message = header.partition("; ")
        return cls(code=NoticeCode(code), message=unquote(message))


def pcm_media_type(rate: int) -> str:
    """The Content-Type of mono ``pcm_s16le`` at `rate` Hz."""
    return f"audio/pcm; rate={rate}; channels=1"


def pcm_rate(media_type: str) -> int:
    """The rate in Hz that a Content-Type declares; 24,000 where it declares none (OpenAI's)."""
    for part in media_type.split(";")[1:]:
        name, _, value = part.strip().partition("=")
        if name == "rate":
            return int(value)
    return 24_000
