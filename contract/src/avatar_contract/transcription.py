"""OpenAI's answers to ``POST /v1/audio/transcriptions``."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

MAX_RECORDING_S = 1800.0
"""Longest recording to transcribe, s, where STT_MAX_FILE_S does not say otherwise."""

TranscriptionFormat = Literal["json", "text", "srt", "vtt", "verbose_json"]


class TranscriptionJson(BaseModel):
    """``response_format=json``."""

    text: str


class Word(BaseModel):
    word: str
    start: float = Field(description="s")
    end: float = Field(description="s")


class Segment(BaseModel):
    id: int
    start: float = Field(description="s")
    end: float = Field(description="s")
    text: str
    no_speech_prob: float | None = None
    avg_logprob: float | None = None


class TranscriptionVerbose(BaseModel):
    """``response_format=verbose_json``."""

    task: Literal["transcribe"] = "transcribe"
    language: str = Field(description="BCP 47 tag")
    duration: float = Field(description="s of audio")
    text: str
    segments: list[Segment] = Field(default_factory=list)
    words: list[Word] = Field(default_factory=list)
