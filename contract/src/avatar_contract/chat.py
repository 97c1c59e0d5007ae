"""The part of OpenAI's chat completions that AVATAR speaks, as vLLM speaks it.

::

    gateway ── POST /v1/chat/completions {stream: true} ─▶ llm
    gateway ◀─ data: {choices: [{delta: {role}}]} ─ llm
    gateway ◀─ data: {choices: [{delta: {content}}]} … ─ llm
    gateway ◀─ data: {choices: [], usage} ─ llm            when asked for
    gateway ◀─ data: [DONE] ─ llm

Closing the connection aborts the request.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Role = Literal["system", "user", "assistant", "tool", "developer"]


class _Open(BaseModel):
    model_config = ConfigDict(extra="ignore")


class ChatMessage(_Open):
    """One message of a conversation."""

    role: Role
    content: str | None = None


class StreamOptions(_Open):
    include_usage: bool = Field(False, description="ends with a chunk of usage")


class ChatRequest(_Open):
    """The body of ``POST /v1/chat/completions``."""

    model: str = ""
    messages: list[ChatMessage] = Field(min_length=1)
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0)


class Delta(_Open):
    role: Role | None = None
    content: str | None = None
    reasoning_content: str | None = Field(None, description="thinking, apart; never spoken")


class ChunkChoice(_Open):
    index: int = 0
    delta: Delta = Field(default_factory=Delta)
    finish_reason: str | None = None


class Usage(_Open):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


class ChatChunk(_Open):
    """One event of the stream."""

    id: str = ""
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int = 0
    model: str = ""
    choices: list[ChunkChoice] = Field(default_factory=list)
    usage: Usage | None = None


class Choice(_Open):
    index: int = 0
    message: ChatMessage
    finish_reason: str | None = "stop"


class ChatCompletion(_Open):
    """The answer when not streamed."""

    id: str = ""
    object: Literal["chat.completion"] = "chat.completion"
    created: int = 0
    model: str = ""
    choices: list[Choice]
    usage: Usage | None = None


class Model(_Open):
    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "avatar"


class ModelList(_Open):
    """The answer to ``GET /v1/models``."""

    object: Literal["list"] = "list"
    data: list[Model]
