"""Makes the search anew from what was said and the edited titles: wholly after a restore, and while
the service runs those entries that were folded by older rules."""

import asyncio
from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from profile_service import textsearch
from profile_service.database import UNHURRIED, Database
from profile_service.repository import conversations, search
from profile_service.repository.conversations import Row
from profile_service.turn_view import searchable

_CHUNK = 500
_BATCH = 50
"""Entries folded anew in one transaction: no other writing waits longer than for these."""


async def reindex(connection: AsyncConnection) -> int:
    """Replace all search entries; gives how many there are now."""
    await search.clear(connection)
    entries = 0
    async for rows in conversations.all_turns(connection, _CHUNK):
        entries += await search.add_many(connection, [_of_turn(row) for row in rows])
    async for rows in conversations.all_edited_titles(connection, _CHUNK):
        entries += await search.add_many(connection, [_of_title(row) for row in rows])
    return entries


async def refold(database: Database) -> int:
    """Fold anew what was folded by other rules, a batch at a time; gives how many entries.

    Until then such an entry is found by what those rules left as it is.

    Raises:
        ProfileUnavailable, StorageFull: what was done until then stays done.
    """
    done = 0
    while True:
        async with database.read() as connection:
            rows = await search.outdated(connection, _BATCH)
        if not rows:
            return done
        entries = await asyncio.to_thread(_refolded, rows)
        async with database.write(patient=UNHURRIED) as connection:
            await search.refold(connection, entries)
        done += len(rows)


def _refolded(rows: Sequence[Row]) -> dict[int, tuple[str, str]]:
    return {
        row["entry_id"]: textsearch.indexed(row["title"])
        if row["turn_id"] is None
        else searchable(row)
        for row in rows
    }


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
