"""``/v1/voice-profiles``."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import ValidationError
from starlette.datastructures import FormData

from avatar_contract.errors import BadMessage
from avatar_contract.records import (
    Consent,
    Deleted,
    VoiceProfile,
    VoiceProfileChange,
    VoiceProfilePage,
)
from profile_service.api import ranges
from profile_service.api.common import (
    PROBLEMS,
    Owner,
    PartsOf,
    explain,
    file_of,
    json_of,
    model_of,
    multipart,
    text_of,
)
from profile_service.settings import MIB
from profile_service.voices import Upload

router = APIRouter(prefix="/v1/voice-profiles", tags=["voices"], responses=PROBLEMS)

_FIELDS: dict[str, Any] = {
    "file": {"type": "string", "format": "binary", "description": "wav mp3 m4a flac ogg webm"},
    "name": {"type": "string"},
    "reference_text": {"type": "string", "description": "what is said in the recording"},
    "consent": {"type": "string", "description": "a Consent as JSON"},
}
_PUT_FIELDS = _FIELDS | {
    "is_default": {"type": "string", "enum": ["true", "false"]},
    "embedding": {"type": "string", "description": "256 numbers as JSON"},
}


def _form(fields: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {
        "multipart/form-data": {
            "schema": {"type": "object", "required": required, "properties": fields}
        }
    }


@router.post(
    "",
    status_code=201,
    openapi_extra={"requestBody": {"content": _form(_FIELDS, ["file", "name", "consent"])}},
)
async def create_voice(request: Request, owner: Owner, parts: PartsOf) -> VoiceProfile:
    """Keep a recording as a voice; without a consent nothing is stored."""
    largest = parts.settings.max_upload_mib
    async with multipart(request, largest) as form:
        name = await text_of(form, "name")
        upload = await _upload(form, largest)
    if name is None:
        raise BadMessage("The field name is missing.")
    if upload is None:
        raise BadMessage("The field file is missing.")
    return await parts.voices.create(owner, name, upload)


@router.get("")
async def list_voices(
    owner: Owner,
    parts: PartsOf,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
    cursor: str | None = None,
) -> VoiceProfilePage:
    """Newest first."""
    return await parts.voices.page(owner, limit, cursor)


@router.get("/{profile_id}")
async def get_voice(profile_id: UUID, owner: Owner, parts: PartsOf) -> VoiceProfile:
    return await parts.voices.get(owner, profile_id)


@router.put(
    "/{profile_id}",
    openapi_extra={
        "requestBody": {
            "content": {
                "application/json": {"schema": VoiceProfileChange.model_json_schema()},
                **_form(_PUT_FIELDS, []),
            }
        }
    },
)
async def change_voice(
    profile_id: UUID, request: Request, owner: Owner, parts: PartsOf
) -> VoiceProfile:
    """Change what is sent, as JSON; or as a form, which may also replace the recording."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        wanted = await json_of(VoiceProfileChange, request)
        return await parts.voices.change(owner, profile_id, wanted)
    largest = parts.settings.max_upload_mib
    async with multipart(request, largest) as form:
        wanted = await _change(form)
        upload = await _upload(form, largest)
    return await parts.voices.change(owner, profile_id, wanted, upload)


@router.delete("/{profile_id}")
async def delete_voice(profile_id: UUID, owner: Owner, parts: PartsOf) -> Deleted:
    await parts.voices.delete(owner, profile_id)
    return Deleted()


@router.get("/{profile_id}/audio", response_class=Response)
async def voice_audio(profile_id: UUID, request: Request, owner: Owner, parts: PartsOf) -> Response:
    """The reference recording, wav; range requests."""
    file = await parts.voices.audio(owner, profile_id)
    return ranges.answer(request, file, await parts.vault.read(file))


async def _upload(form: FormData, max_mib: int) -> Upload | None:
    file = await file_of(form, "file", max_mib * MIB)
    if file is None:
        return None
    consent = await text_of(form, "consent")
    return Upload(
        file=file,
        consent=model_of(Consent, "consent", consent) if consent else None,
        reference_text=await text_of(form, "reference_text") or "",
    )


async def _change(form: FormData) -> VoiceProfileChange:
    fields: dict[str, Any] = {
        name: await text_of(form, name) for name in ("name", "reference_text", "is_default")
    }
    embedding = await text_of(form, "embedding")
    try:
        wanted = VoiceProfileChange.model_validate(fields)
        if embedding:
            vector = VoiceProfileChange.model_validate_json(f'{{"embedding": {embedding}}}')
            wanted = wanted.model_copy(update={"embedding": vector.embedding})
        return wanted
    except ValidationError as error:
        raise BadMessage(explain(error)) from error
