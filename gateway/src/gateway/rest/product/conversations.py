"""`/api/conversations` and `/api/conversation/{session_id}`."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Body, Query, Request, Response

from avatar_contract.errors import ErrorCode
from avatar_contract.records import (
    ConversationPage,
    ConversationView,
    Deleted,
    ResumeGranted,
    TitleChange,
)
from gateway.rest.deps import Deps
from gateway.rest.docs import problems, sound
from gateway.rest.product.passing import to_profile

router = APIRouter(tags=["conversations"])

_AWAY = ErrorCode.PROFILE_UNAVAILABLE
_ONE = problems(ErrorCode.NOT_FOUND, _AWAY)

Limit = Annotated[int, Query(ge=1, le=100, description="items a page")]
Cursor = Annotated[
    str | None, Query(max_length=500, description="`next_cursor` of the page before")
]
Words = Annotated[
    str | None, Query(max_length=200, description="words said by either side", examples=["天氣"])
]
Title = Annotated[TitleChange, Body(examples=[{"title": "早安"}])]


@router.get(
    "/conversations",
    response_model=ConversationPage,
    responses=problems(ErrorCode.BAD_MESSAGE, _AWAY),
)
async def list_conversations(
    request: Request, deps: Deps, limit: Limit = 20, cursor: Cursor = None, q: Words = None
) -> Response:
    """The conversations, newest first; with `q` those in which it was said, and where."""
    await deps.delivered(None)
    params = {"limit": limit, "cursor": cursor, "q": q}
    return to_profile(deps, request, "GET", "/v1/conversations", params=params)


@router.get("/conversation/{session_id}", response_model=ConversationView, responses=_ONE)
async def get_conversation(session_id: UUID, request: Request, deps: Deps) -> Response:
    """One conversation with its turns."""
    await deps.delivered(session_id)
    return to_profile(deps, request, "GET", f"/v1/conversations/{session_id}")


@router.put("/conversation/{session_id}", response_model=ConversationView, responses=_ONE)
async def rename_conversation(
    session_id: UUID, change: Title, request: Request, deps: Deps
) -> Response:
    """Change the title."""
    path = f"/v1/conversations/{session_id}"
    return to_profile(deps, request, "PUT", path, json=change.model_dump())


@router.delete("/conversation/{session_id}", response_model=Deleted, responses=_ONE)
async def delete_conversation(session_id: UUID, request: Request, deps: Deps) -> Response:
    """Delete a conversation, its turns and their sound."""
    await deps.delivered(session_id)
    return to_profile(deps, request, "DELETE", f"/v1/conversations/{session_id}")


@router.post("/conversation/{session_id}/resume", response_model=ResumeGranted, responses=_ONE)
async def continue_conversation(session_id: UUID, deps: Deps) -> ResumeGranted:
    """A token with which `resume` on `/ws/chat` goes on with this conversation."""
    return await deps.grant_resume(session_id)


@router.get(
    "/conversation/{session_id}/export",
    response_class=Response,
    responses={
        **_ONE,
        200: sound(
            "A file; the zip has the sound too.",
            "application/json",
            "text/markdown",
            "application/zip",
        ),
    },
)
async def export_conversation(
    session_id: UUID,
    request: Request,
    deps: Deps,
    file_format: Annotated[Literal["json", "md", "zip"], Query(alias="format")] = "json",
) -> Response:
    """The conversation as a file."""
    await deps.delivered(session_id)
    path = f"/v1/conversations/{session_id}/export"
    return to_profile(deps, request, "GET", path, params={"format": file_format})
