"""gateway → tts-service: a clause and a voice in, PCM out.

::

    gateway ── POST /v1/audio/speech ─▶ tts      SpeechRequest
    gateway ◀═ chunked audio ═ tts               Content-Type: audio/pcm; rate=24000; channels=1
    gateway ── PUT /v1/voices/{id} ─▶ tts        after VOICE_NOT_LOADED, then once again

    with stream_format sse, as OpenAI's clients may ask:
    client ◀═ data: SpeechAudioDelta ═ tts       as the sound is made
    client ◀─ data: SpeechAudioDone ── tts       once, unless speaking failed

Closing the stream is the cancel message. What a user should know comes in the header
``Avatar-Notice: CODE; text`` (percent-encoded UTF-8); the voice that speaks in ``Avatar-Voice``.
"""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import quote, unquote

from pydantic import BaseModel, ConfigDict, Field, model_validator

from avatar_contract.nulls import without_nulls
from avatar_contract.terms import NoticeCode, TtsMode

NOTICE_HEADER = "Avatar-Notice"
VOICE_HEADER = "Avatar-Voice"

SpeechFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
StreamFormat = Literal["audio", "sse"]

AUDIO_TOKEN_MS = 50
"""Sound that counts as one token in `SpeechUsage`."""


class SpeechRequest(BaseModel):
    """The body of ``POST /v1/audio/speech``; OpenAI's fields and three of ours."""

    model_config = ConfigDict(extra="ignore")

    model: str | None = Field(None, description="unknown names mean the default")
    input: str = Field(description="text to speak")
    voice: str | None = Field(
        None, description="`{id}@{etag}` of a loaded voice; unknown names mean the default"
    )
    response_format: SpeechFormat = Field("mp3", description="OpenAI's default is mp3")
    stream_format: StreamFormat = Field(
        "audio", description="the bytes themselves, or server-sent events with base64"
    )
    speed: float = Field(1.0, ge=0.25, le=4.0, description="1: as recorded")
    language: str | None = Field(None, description="BCP 47 tag; left out: by the text's script")
    mode: TtsMode = Field("fast", description="speed or quality")
    opening: bool = Field(
        False,
        description="the first clause of a reply, such as `Sure,`: when it is short and was asked "
        "for before, its sound may be kept in memory and answered at once; of no other clause",
    )

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        return without_nulls(data)


class SpeechUsage(BaseModel):
    """What an answer cost, in the place where OpenAI counts tokens: our engines have none."""

    input_tokens: int = Field(description="characters of the text")
    output_tokens: int = Field(description=f"started {AUDIO_TOKEN_MS} ms of sound")
    total_tokens: int = Field(description="both together")


class SpeechAudioDelta(BaseModel):
    """An event of ``stream_format: sse``: the next bytes in the `response_format`."""

    type: Literal["speech.audio.delta"] = "speech.audio.delta"
    audio: str = Field(description="base64")


class SpeechAudioDone(BaseModel):
    """The last event of ``stream_format: sse``."""

    type: Literal["speech.audio.done"] = "speech.audio.done"
    usage: SpeechUsage


class VoicePut(BaseModel):
    """The answer to ``PUT /v1/voices/{id}`` (multipart: `file` wav, `reference_text`)."""

    etag: str = Field(description="names this reference; changes with it")
    embedding: list[float] | None = Field(
        None, description="256-dimension speaker embedding, where the engine computes one"
    )


class Voice(BaseModel):
    """A voice that the engine has: `voice` of a request may name it."""

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
