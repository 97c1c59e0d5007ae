"""``/v1/conversations``."""

from typing import Annotated, Literal
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel
from starlette.responses import StreamingResponse

from avatar_contract.records import ConversationPage, ConversationView, Deleted, TitleChange
from profile_service import export
from profile_service.api.common import PROBLEMS, Owner, PartsOf

router = APIRouter(prefix="/v1/conversations", tags=["conversations"], responses=PROBLEMS)

ExportFormat = Literal["json", "md", "zip"]

_TYPES = {
    "json": "application/json",
    "md": "text/markdown; charset=utf-8",
    "zip": "application/zip",
}


@router.get("", response_model=ConversationPage)
async def list_conversations(
    owner: Owner,
    parts: PartsOf,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: str | None = None,
    q: Annotated[str | None, Query(description="words that were said, or of the title")] = None,
) -> Response:
    """Newest first."""
    return _json(await parts.conversations.page(owner, limit, cursor, q))


@router.get("/{session_id}", response_model=ConversationView)
async def get_conversation(session_id: UUID, owner: Owner, parts: PartsOf) -> Response:
    return _json(await parts.conversations.get(owner, session_id))


@router.put("/{session_id}")
async def rename_conversation(
    session_id: UUID, change: TitleChange, owner: Owner, parts: PartsOf
) -> ConversationView:
    return await parts.conversations.rename(owner, session_id, change.title)


@router.delete("/{session_id}")
async def delete_conversation(session_id: UUID, owner: Owner, parts: PartsOf) -> Deleted:
    await parts.conversations.delete(owner, session_id)
    return Deleted()


@router.get("/{session_id}/export", response_class=Response)
async def export_conversation(
    session_id: UUID,
    owner: Owner,
    parts: PartsOf,
    kind: Annotated[ExportFormat, Query(alias="format")] = "json",
) -> Response:
    """The conversation as a file."""
    conversation = await parts.conversations.get(owner, session_id)
    headers = {"Content-Disposition": _attachment(conversation.title, session_id, kind)}
    if kind == "json":
        return Response(export.as_json(conversation), headers=headers, media_type=_TYPES[kind])
    if kind == "md":
        text = export.as_markdown(conversation)
        return Response(text, headers=headers, media_type=_TYPES[kind])
    files = await parts.conversations.audio(owner, session_id)
    pieces = export.as_zip(conversation, files, parts.vault.store.read)
    return StreamingResponse(pieces, headers=headers, media_type=_TYPES[kind])


def _json(model: BaseModel) -> Response:
    # FastAPI would validate the whole of a long conversation once more: half of the time it takes.
    return Response(model.model_dump_json(), media_type="application/json")


def _attachment(title: str, session_id: UUID, suffix: str) -> str:
    """RFC 6266, with the title in UTF-8 for who can read it (RFC 8187)."""
    name = "".join(character for character in title if character.isalnum() or character in " -_")
    encoded = quote(f"{name.strip()[:60] or session_id}.{suffix}", safe="")
    return f"attachment; filename=\"{session_id}.{suffix}\"; filename*=UTF-8''{encoded}"
