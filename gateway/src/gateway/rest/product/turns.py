"""`/api/turn/{turn_id}`."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from avatar_contract.errors import ErrorCode
from avatar_contract.records import Deleted, Side
from gateway.rest.deps import Deps
from gateway.rest.docs import problems, sound
from gateway.rest.product.passing import to_profile

router = APIRouter(tags=["turns"])

_ONE = problems(ErrorCode.NOT_FOUND, ErrorCode.PROFILE_UNAVAILABLE)
_OGG = "audio/ogg"

RANGES: dict[int | str, dict[str, Any]] = {
    206: sound("The part that `Range` asked for.", _OGG, "audio/wav"),
    304: {"description": "Unchanged since `If-None-Match`."},
    416: {"description": "The range lies outside of the file.", "content": {}},
}
"""Answers to range and conditional requests (RFC 9110 §13, §14)."""


@router.delete("/turn/{turn_id}", response_model=Deleted, responses=_ONE)
async def delete_turn(turn_id: UUID, request: Request, deps: Deps) -> Response:
    """Delete a turn and its sound."""
    await deps.delivered(None)
    return to_profile(deps, request, "DELETE", f"/v1/turns/{turn_id}")


@router.get(
    "/turn/{turn_id}/audio/{side}",
    response_class=Response,
    responses={**_ONE, **RANGES, 200: sound("Ogg/Opus", _OGG)},
)
async def turn_audio(turn_id: UUID, side: Side, request: Request, deps: Deps) -> Response:
    """What was said, or answered; ranges are served."""
    return to_profile(deps, request, "GET", f"/v1/turns/{turn_id}/audio/{side}")
