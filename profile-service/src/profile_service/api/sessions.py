"""``/v1/sessions``: how a gateway goes on with a conversation that another one held."""

from uuid import UUID

from fastapi import APIRouter, Response

from avatar_contract.records import ClaimedSession, SessionClaim, SessionToken
from profile_service.api.common import PROBLEMS, Owner, PartsOf

router = APIRouter(prefix="/v1/sessions", tags=["sessions"], responses=PROBLEMS)


@router.post("/claim", response_model=ClaimedSession)
async def claim_session(claim: SessionClaim, owner: Owner, parts: PartsOf) -> Response:
    """Take a session over by its resume token. Not idempotent: each claim raises the epoch."""
    claimed = await parts.sessions.claim(owner, claim)
    return Response(claimed.model_dump_json(), media_type="application/json")


@router.put("/{session_id}/token", status_code=204)
async def add_token(session_id: UUID, token: SessionToken, owner: Owner, parts: PartsOf) -> None:
    """Keep one more resume token for a conversation."""
    await parts.sessions.add_token(owner, session_id, token)
