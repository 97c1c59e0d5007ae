"""`/v1/audio/speech`: streamed as it is made; a voice may be a profile's id."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, field_validator, model_validator

from avatar_contract.errors import BadMessage, ErrorCode
from avatar_contract.languages import language_tag
from avatar_contract.nulls import without_nulls
from avatar_contract.speech import SpeechFormat, SpeechRequest, StreamFormat
from avatar_contract.terms import TtsMode
from avatar_contract.text import is_visible
from gateway.edge.errors import openai_response
from gateway.rest.deps import Deps
from gateway.rest.docs import EVENTS, sound
from gateway.rest.openai.errors import OpenAiRoute, failures
from gateway.rest.spoken import speaking

router = APIRouter(route_class=OpenAiRoute)

MAX_INPUT_CHARS = 4096
"""OpenAI's own bound."""

_TYPES = (
    "audio/mpeg",
    "audio/ogg",
    "audio/aac",
    "audio/flac",
    "audio/wav",
    "audio/pcm",
)
_SOUND = sound("The sound, as it is made; or with `stream_format` its events", *_TYPES)
_SOUND["content"] |= EVENTS


class Speech(BaseModel):
    """OpenAI's fields, and two of ours."""

    input: str = Field(min_length=1, max_length=MAX_INPUT_CHARS, examples=["您好，世界。"])
    model: str = Field("tts-1", description="a name that ends in `hq`, such as tts-1-hq: quality")
    voice: str = Field("", description="a profile's id; any other name means the default voice")
    response_format: SpeechFormat = "mp3"
    stream_format: StreamFormat = Field("audio", description="`sse` works with every model")
    speed: float = Field(1.0, ge=0.25, le=4.0)
    language: str | None = Field(None, max_length=35, description="BCP 47 tag; ours")
    mode: TtsMode | None = Field(None, description="ours; wins over `model`")

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        return without_nulls(data)

    @field_validator("voice", mode="before")
    @classmethod
    def _custom_voice(cls, value: Any) -> Any:
        """Newer clients may send `{"id": …}`."""
        return (value.get("id") or "") if isinstance(value, dict) else value

    @field_validator("language", mode="before")
    @classmethod
    def _language(cls, value: Any) -> Any:
        tag = language_tag(value) if isinstance(value, str) else value
        return None if tag == "auto" else tag


@router.post(
    "/audio/speech",
    response_class=Response,
    responses={
        **failures(
            ErrorCode.NOT_FOUND,
            ErrorCode.UNSUPPORTED_LANGUAGE,
            ErrorCode.TTS_UNAVAILABLE,
            ErrorCode.PROFILE_UNAVAILABLE,
            ErrorCode.SERVER_FULL,
            ErrorCode.VOICE_NOT_LOADED,
        ),
        200: _SOUND,
    },
)
async def speak(asked: Speech, deps: Deps) -> Response:
    """Speak a text. Hanging up stops the engine."""
    if not is_visible(asked.input):
        raise BadMessage("`input` has nothing to say.")
    mode: TtsMode = asked.mode or ("hq" if asked.model.endswith("hq") else "fast")
    speech = SpeechRequest(
        input=asked.input,
        response_format=asked.response_format,
        stream_format=asked.stream_format,
        speed=asked.speed,
        language=asked.language,
        mode=mode,
    )
    return await speaking(deps, speech, _profile_id(asked.voice), on_error=openai_response)


def _profile_id(voice: str) -> UUID | None:
    try:
        return UUID(voice)
    except ValueError:
        return None
