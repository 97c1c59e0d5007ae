"""`/api/voice-profiles` and `/api/voice-profile/{id}`; conducts what needs engines."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field, ValidationError
from starlette.requests import ClientDisconnect

from avatar_contract.errors import BadMessage, ErrorCode
from avatar_contract.records import Deleted, VoiceProfile, VoiceProfilePage
from avatar_contract.speech import SpeechRequest
from avatar_contract.terms import TtsMode
from gateway.rest.deps import Deps, RestDeps
from gateway.rest.docs import body, problems, sound
from gateway.rest.product.passing import to_profile
from gateway.rest.product.turns import RANGES
from gateway.rest.relay import Upload, headers_up
from gateway.rest.spoken import speaking

router = APIRouter(tags=["voices"])

_PATH = "/v1/voice-profiles"
_AWAY = ErrorCode.PROFILE_UNAVAILABLE
_ONE = problems(ErrorCode.NOT_FOUND, _AWAY)
_STORING = problems(
    ErrorCode.BAD_MESSAGE,
    ErrorCode.BAD_AUDIO,
    ErrorCode.NO_SPEECH,
    ErrorCode.NOT_FOUND,
    ErrorCode.CONFLICT,
    ErrorCode.STORAGE_FULL,
    _AWAY,
)

_FILE = {"type": "string", "format": "binary", "description": "wav, mp3, m4a, flac, ogg or webm"}
_FORM: dict[str, Any] = {
    "type": "object",
    "required": ["file", "name", "consent"],
    "properties": {
        "file": _FILE,
        "name": {"type": "string", "examples": ["小美"]},
        "reference_text": {"type": "string", "description": "its words; left out: recognised"},
        "consent": {
            "type": "string",
            "description": "JSON: who agreed, when, and to which text",
            "examples": ['{"by": "Mei", "at": "2026-01-31T10:00:00Z", "text": "I agree …"}'],
        },
    },
}


class VoiceChange(BaseModel):
    """What a client may change; what is left out stays."""

    name: str | None = Field(None, examples=["小美"])
    reference_text: str | None = Field(None, description="the words of the reference, corrected")
    is_default: bool | None = Field(None, description="true: this voice from now on")


class VoiceTest(BaseModel):
    """A sentence to hear a voice with."""

    text: str = Field(min_length=1, max_length=500, examples=["您好，很高興認識您。"])
    mode: TtsMode = Field("fast", description="speed or quality")
    language: str | None = Field(None, max_length=35, description="BCP 47 tag")


@router.post(
    "/voice-profile",
    status_code=201,
    response_model=VoiceProfile,
    responses=_STORING,
    openapi_extra=body(_FORM, "multipart/form-data"),
)
async def add_voice(request: Request, deps: Deps) -> VoiceProfile:
    """Store a voice: checked and kept, then heard by stt and made known to tts."""
    voice = await _store(deps, request, "POST", _PATH)
    return await deps.voices.complete(voice)


@router.get("/voice-profiles", response_model=VoiceProfilePage, responses=problems(_AWAY))
async def list_voices(
    request: Request,
    deps: Deps,
    limit: Annotated[int, Query(ge=1, le=100, description="items a page")] = 100,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:
    """All voices."""
    return to_profile(deps, request, "GET", _PATH, params={"limit": limit, "cursor": cursor})


@router.get("/voice-profile/{profile_id}", response_model=VoiceProfile, responses=_ONE)
async def get_voice(profile_id: UUID, request: Request, deps: Deps) -> Response:
    """One voice."""
    return to_profile(deps, request, "GET", f"{_PATH}/{profile_id}")


@router.put(
    "/voice-profile/{profile_id}",
    response_model=VoiceProfile,
    responses=_STORING,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": VoiceChange.model_json_schema()},
                "multipart/form-data": {"schema": {**_FORM, "required": ["file", "consent"]}},
            },
        }
    },
)
async def change_voice(profile_id: UUID, request: Request, deps: Deps) -> VoiceProfile:
    """Rename, correct the words or make it the default (JSON); replace the recording (form)."""
    path = f"{_PATH}/{profile_id}"
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        try:
            stored = await _store(deps, request, "PUT", path)
        finally:
            deps.profiles.changed(profile_id)
        return await deps.voices.complete(stored)
    try:
        change = VoiceChange.model_validate_json(await request.body())
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise BadMessage(f"{where}: {first['msg']}.") from error
    try:
        answer = await deps.profile.call("PUT", path, json=change.model_dump(exclude_none=True))
    finally:
        deps.profiles.changed(profile_id)
    return deps.profile.read(VoiceProfile, answer)


@router.delete("/voice-profile/{profile_id}", response_model=Deleted, responses=_ONE)
async def delete_voice(profile_id: UUID, deps: Deps) -> Deleted:
    """Delete the recording, its row and every engine's copy."""
    try:
        await deps.profile.call("DELETE", f"{_PATH}/{profile_id}")
    finally:
        deps.profiles.changed(profile_id)
    await deps.voices.forget(profile_id)
    return Deleted()


@router.get(
    "/voice-profile/{profile_id}/audio",
    response_class=Response,
    responses={**_ONE, **RANGES, 200: sound("The reference", "audio/wav")},
)
async def voice_audio(profile_id: UUID, request: Request, deps: Deps) -> Response:
    """The reference recording; ranges are served."""
    return to_profile(deps, request, "GET", f"{_PATH}/{profile_id}/audio")


@router.post(
    "/voice-profile/{profile_id}/test",
    response_class=Response,
    responses={
        **problems(
            ErrorCode.NOT_FOUND,
            ErrorCode.UNSUPPORTED_LANGUAGE,
            ErrorCode.TTS_UNAVAILABLE,
            ErrorCode.SERVER_FULL,
            ErrorCode.VOICE_NOT_LOADED,
            _AWAY,
        ),
        200: sound("The sentence, spoken", "audio/wav"),
    },
)
async def test_voice(profile_id: UUID, asked: VoiceTest, deps: Deps) -> Response:
    """Speak a sentence with this voice."""
    speech = SpeechRequest(
        input=asked.text, response_format="wav", mode=asked.mode, language=asked.language
    )
    return await speaking(deps, speech, profile_id)


async def _store(deps: RestDeps, request: Request, method: str, path: str) -> VoiceProfile:
    """Stream the form to profile-service, which checks and keeps it."""
    try:
        answer = await deps.profile.call(
            method, path, headers=headers_up(request), content=Upload(request)
        )
    except ClientDisconnect as error:
        raise BadMessage("The upload broke off.") from error
    return deps.profile.read(VoiceProfile, answer)
