"""Terms that several contracts share: mode, language, state, engine, notice.

Listening, speech, records and health import them from here, so that none of them depends on the
browser's protocol.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

TtsMode = Literal["fast", "hq"]
Language = Literal["auto", "en", "zh"]
Locale = Literal["zh-TW", "en"]
TurnDetection = Literal["server_vad", "none"]
AudioOut = Literal["json", "binary"]


class Message(BaseModel):
    """A JSON message. Unknown fields are ignored, so that either side may be newer."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class State(StrEnum):
    """What the assistant is doing."""

    LOADING = "loading"
    QUEUED = "queued"
    LISTENING = "listening"
    TRANSCRIBING = "transcribing"
    THINKING = "thinking"
    SPEAKING = "speaking"
    IDLE = "idle"


class Stage(StrEnum):
    """A part of the turn that another service does."""

    STT = "stt"
    LLM = "llm"
    TTS_FAST = "tts_fast"
    TTS_HQ = "tts_hq"
    PROFILE = "profile"


class NoticeCode(StrEnum):
    """What a user should know although nothing failed."""

    HQ_FELL_BACK = "HQ_FELL_BACK"
    CPU_FALLBACK = "CPU_FALLBACK"
    VOICE_FELL_BACK = "VOICE_FELL_BACK"
    EMBEDDED_ENGINE = "EMBEDDED_ENGINE"
    PUBLIC_ENGINE = "PUBLIC_ENGINE"
    NOT_STORED = "NOT_STORED"
    TEXT_SKIPPED = "TEXT_SKIPPED"
    SOUND_NOT_STORED = "SOUND_NOT_STORED"
    ENGINE_AWAY = "ENGINE_AWAY"
    ENGINE_BACK = "ENGINE_BACK"
    GOING_AWAY = "GOING_AWAY"


class EngineInfo(Message):
    """One engine of one stage, as the page's model card shows it."""

    name: str = Field(description="the engine or model, e.g. `pocketsphinx`, `F5-TTS`")
    kind: Literal["embedded", "local", "remote"] = Field(
        description="embedded: ships with AVATAR; local: runs here; remote: another address"
    )
    languages: list[str] = Field(default_factory=list, description="BCP 47 tags it can do")
    licence: str | None = Field(None, description="SPDX id or name of the licence of its weights")
    notice: str | None = Field(None, description="what it can't do, and what to do about it")


class Engines(Message):
    """The engine of each stage."""

    stt: EngineInfo
    llm: EngineInfo
    tts_fast: EngineInfo
    tts_hq: EngineInfo


class Limits(Message):
    """What one utterance may have; passing one gives its error."""

    max_payload_bytes: int = Field(10 * 2**20, description="decoded payload of an utterance, bytes")
    max_chunks: int = Field(1000, description="JSON chunks of an utterance")
    chunk_timeout_s: float = Field(60, description="seconds without a chunk while one is open")
    max_binary_s: float = Field(120, description="seconds of binary audio of an utterance")
    max_text_chars: int = Field(8000, description="characters of a typed turn")
