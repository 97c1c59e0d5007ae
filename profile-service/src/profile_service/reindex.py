"""Makes the search anew from what was said and the edited titles: after a restore, or by hand when
the cutting of terms has changed."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from profile_service import textsearch
from profile_service.repository import conversations, search
from profile_service.repository.conversations import Row
from profile_service.turn_view import searchable

_CHUNK = 500


async def reindex(connection: AsyncConnection) -> int:
    """Replace all search entries; gives how many there are now."""
    await search.clear(connection)
    entries = 0
    async for rows in conversations.all_turns(connection, _CHUNK):
        entries += await search.add_many(connection, [_of_turn(row) for row in rows])
    async for rows in conversations.all_edited_titles(connection, _CHUNK):
        entries += await search.add_many(connection, [_of_title(row) for row in rows])
    return entries


def _of_turn(row: Row) -> dict[str, Any]:
    return _entry(row, searchable(row)) | {"turn_id": row["turn_id"]}


def _of_title(row: Row) -> dict[str, Any]:
    return _entry(row, textsearch.indexed(row["title"])) | {"turn_id": None}


def _entry(row: Row, text: tuple[str, str]) -> dict[str, Any]:
    norm, terms = text
    return {
        "owner": row["owner"],
        "session_id": row["session_id"],
        "norm": norm,
        "terms": terms,
    }
