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

from typing import Any, Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from avatar_contract.nulls import without_nulls

Role = Literal["system", "user", "assistant", "tool", "developer"]


class _Open(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Lenient(_Open):
    """What other people's servers write: a field of a wrong type, or null, is its default."""

    @field_validator("*", mode="wrap")
    @classmethod
    def _default_instead(
        cls, value: Any, check: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> Any:
        field = cls.model_fields[str(info.field_name)]
        if field.is_required():
            return check(value)
        try:
            return check(value)
        except ValueError:
            return field.get_default(call_default_factory=True, validated_data={})


class _Asked(_Open):
    """What clients write: a null is the default, as if the field were left out."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        return without_nulls(data)


class ChatMessage(_Open):
    """One message of a conversation. Content in parts is the text of those that hold some."""

    role: Role
    content: str | None = None

    @field_validator("content", mode="before")
    @classmethod
    def _joined(cls, content: Any) -> Any:
        if not isinstance(content, list):
            return content
        parts = (part if isinstance(part, str) else _part_text(part) for part in content)
        return "\n".join(part for part in parts if part)


def _part_text(part: Any) -> str:
    """The words of a part; a picture or a sound has none."""
    text = part.get("text") if isinstance(part, dict) else None
    return text if isinstance(text, str) else ""


class StreamOptions(_Asked):
    include_usage: bool = Field(False, description="ends with a chunk of usage")


class ChatRequest(_Asked):
    """The body of ``POST /v1/chat/completions``."""

    model: str = ""
    messages: list[ChatMessage] = Field(min_length=1)
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(
        None, ge=1, validation_alias=AliasChoices("max_completion_tokens", "max_tokens")
    )
    n: int = Field(1, ge=1, le=16, description="answers to give")
    stop: list[str] = Field(default_factory=list, description="texts that end the answer")
    temperature: float | None = Field(None, ge=0)

    @field_validator("stop", mode="before")
    @classmethod
    def _listed(cls, stop: Any) -> Any:
        return [stop] if isinstance(stop, str) else stop


class Delta(_Lenient):
    role: Role | None = None
    content: str | None = None
    reasoning_content: str | None = Field(None, description="thinking, apart; never spoken")


class ChunkChoice(_Lenient):
    index: int = 0
    delta: Delta = Field(default_factory=Delta)
    finish_reason: str | None = None


class Usage(_Lenient):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


class ChatChunk(_Lenient):
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


class Model(_Lenient):
    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "avatar"


class ModelList(_Lenient):
    """The answer to ``GET /v1/models``."""

    object: Literal["list"] = "list"
    data: list[Model] = Field(default_factory=list)
