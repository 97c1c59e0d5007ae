"""`/v1/audio/speech`: streamed as it is made; a voice may be a profile's id."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, field_validator

from avatar_contract.errors import BadMessage, ErrorCode
from avatar_contract.speech import SpeechFormat, SpeechRequest
from avatar_contract.wire.common import TtsMode
from gateway.edge.errors import openai_response
from gateway.rest.deps import Deps
from gateway.rest.docs import sound
from gateway.rest.openai.errors import OpenAiRoute, failures
from gateway.rest.product.voice_profiles import desk
from gateway.rest.relay import Relay

router = APIRouter(route_class=OpenAiRoute)

MAX_INPUT_CHARS = 4096
"""OpenAI's own bound."""

_TYPES = ("audio/mpeg", "audio/wav", "audio/ogg", "audio/pcm")


class Speech(BaseModel):
    """OpenAI's fields, and two of ours."""

    input: str = Field(min_length=1, max_length=MAX_INPUT_CHARS, examples=["您好，世界。"])
    model: str = Field("tts-1", description="a name that ends in `hq`, such as tts-1-hq: quality")
    voice: str = Field("", description="a profile's id; any other name means the default voice")
    response_format: SpeechFormat = "mp3"
    speed: float = Field(1.0, ge=0.25, le=4.0)
    language: str | None = Field(None, max_length=35, description="BCP 47 tag; ours")
    mode: TtsMode | None = Field(None, description="ours; wins over `model`")

    @field_validator("voice", mode="before")
    @classmethod
    def _custom_voice(cls, value: Any) -> Any:
        """Newer clients may send `{"id": …}`."""
        return value.get("id", "") if isinstance(value, dict) else value


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
        200: sound("The sound, as it is made", *_TYPES),
    },
)
async def speak(asked: Speech, deps: Deps) -> Response:
    """Speak a text. Hanging up stops the engine."""
    if not asked.input.strip():
        raise BadMessage("`input` has nothing to say.")
    mode: TtsMode = asked.mode or ("hq" if asked.model.endswith("hq") else "fast")
    tts = deps.tts_hq if mode == "hq" else deps.tts_fast
    speech = SpeechRequest(
        input=asked.input,
        response_format=asked.response_format,
        speed=asked.speed,
        language=asked.language,
        mode=mode,
    )
    profile_id = _profile_id(asked.voice)
    if profile_id is None:
        sent = tts.build("POST", "/v1/audio/speech", json=speech.model_dump(exclude_none=True))
        return Relay(tts, lambda: tts.open(sent), on_error=openai_response)
    conductor = desk(deps)
    voice = await conductor.get(profile_id)
    return Relay(tts, lambda: conductor.speak(tts, speech, voice), on_error=openai_response)


def _profile_id(voice: str) -> UUID | None:
    try:
        return UUID(voice)
    except ValueError:
        return None
