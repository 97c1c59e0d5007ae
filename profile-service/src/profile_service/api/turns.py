"""``/v1/turns``."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from avatar_contract.records import Deleted, Side, TurnRecord, TurnView
from profile_service.api import ranges
from profile_service.api.common import (
    PROBLEMS,
    Owner,
    PartsOf,
    file_of,
    model_of,
    multipart,
    text_of,
)
from profile_service.settings import MIB
from profile_service.turns import Wavs

router = APIRouter(prefix="/v1/turns", tags=["turns"], responses=PROBLEMS)

_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["record"],
                    "properties": {
                        "record": {"type": "string", "description": "a TurnRecord as JSON"},
                        "user_audio": {"type": "string", "format": "binary"},
                        "ai_audio": {"type": "string", "format": "binary"},
                    },
                }
            }
        },
    }
}


@router.put("/{turn_id}", openapi_extra=_FORM)
async def put_turn(turn_id: UUID, request: Request, owner: Owner, parts: PartsOf) -> TurnView:
    """Write a turn: idempotent by utterance_id and revision."""
    largest = parts.settings.max_turn_mib
    async with multipart(request, largest) as form:
        record = model_of(TurnRecord, "record", await text_of(form, "record"))
        wavs = Wavs(
            user=await file_of(form, "user_audio", largest * MIB),
            ai=await file_of(form, "ai_audio", largest * MIB),
        )
    return await parts.turns.put(owner, turn_id, record, wavs)


@router.get("")
async def turn_of_utterance(utterance_id: UUID, owner: Owner, parts: PartsOf) -> TurnView:
    """The turn of an utterance."""
    return await parts.turns.of_utterance(owner, utterance_id)


@router.get("/{turn_id}")
async def get_turn(turn_id: UUID, owner: Owner, parts: PartsOf) -> TurnView:
    return await parts.turns.get(owner, turn_id)


@router.delete("/{turn_id}")
async def delete_turn(turn_id: UUID, owner: Owner, parts: PartsOf) -> Deleted:
    await parts.turns.delete(owner, turn_id)
    return Deleted()


@router.get("/{turn_id}/audio/{side}", response_class=Response)
async def turn_audio(
    turn_id: UUID, side: Side, request: Request, owner: Owner, parts: PartsOf
) -> Response:
    """What one side sounds like, Ogg/Opus; range requests."""
    file = await parts.turns.audio(owner, turn_id, side)
    return ranges.answer(request, file, await parts.vault.read(file))
