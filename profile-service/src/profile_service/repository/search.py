"""SQL of searching: the entries of turns and titles, and the index of each database over them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from profile_service.cursor import Position
from profile_service.folding import FOLDING
from profile_service.repository.conversations import SEARCHED, Row, newest_first
from profile_service.tables import conversations, search_entries, turns
from profile_service.textsearch import Query, QueryTerm

_POSTGRES_MATCH = "search_entries.vector @@ CAST(CAST(:search_terms AS text) AS tsquery)"
_SQLITE_MATCH = (
    "search_entries.id IN (SELECT rowid FROM search_index WHERE search_index MATCH :search_terms)"
)
# The plus keeps SQLite from looking up every row that hits: few conversations are asked for.
_SQLITE_MATCH_WITHIN = "+" + _SQLITE_MATCH


async def put(
    connection: AsyncConnection,
    owner: str,
    session_id: UUID,
    turn_id: UUID | None,
    text: tuple[str, str],
    *,
    new: bool = False,
) -> None:
    """Set the ``(norm, terms)`` of a turn; of the conversation's title where `turn_id` is None.

    Args:
        new: there is no entry of it yet.
    """
    if not new:
        await connection.execute(
            sa.delete(search_entries).where(
                search_entries.c.session_id == session_id, search_entries.c.turn_id == turn_id
            )
        )
    norm, terms = text
    if terms:
        await connection.execute(
            sa.insert(search_entries).values(
                owner=owner,
                session_id=session_id,
                turn_id=turn_id,
                norm=norm,
                terms=terms,
                folding=FOLDING,
            )
        )


async def clear(connection: AsyncConnection) -> None:
    """Delete all entries."""
    await connection.execute(sa.delete(search_entries))


async def add_many(connection: AsyncConnection, entries: Sequence[dict[str, Any]]) -> int:
    """Insert entries, those that have a term; gives their number.

    The columns are those of the first schema; `all_are_current` says that they are new.
    """
    worth = [entry for entry in entries if entry["terms"]]
    if worth:
        await connection.execute(sa.insert(search_entries), worth)
    return len(worth)


async def all_are_current(connection: AsyncConnection) -> None:
    """Note that every entry is folded by today's rules."""
    await connection.execute(sa.update(search_entries).values(folding=FOLDING))


async def outdated(connection: AsyncConnection, limit: int) -> Sequence[Row]:
    """Entries folded by other rules than today's, the newest first, with what they are made of.

    Beside ``entry_id`` each has the columns of its turn, all None for a ``title``.
    """
    old = await _other_folding(connection)
    if old is None:
        return []
    found = await connection.execute(
        sa.select(search_entries.c.id.label("entry_id"), conversations.c.title, *SEARCHED)
        .join(conversations, conversations.c.session_id == search_entries.c.session_id)
        .outerjoin(turns, turns.c.turn_id == search_entries.c.turn_id)
        .where(search_entries.c.folding == old)
        .order_by(search_entries.c.id.desc())
        .limit(limit)
    )
    return found.mappings().all()


async def _other_folding(connection: AsyncConnection) -> str | None:
    # Both ends of an index: no row is read.
    for end in (sa.func.min, sa.func.max):
        found: str | None = await connection.scalar(sa.select(end(search_entries.c.folding)))
        if found is not None and found != FOLDING:
            return found
    return None


async def refold(connection: AsyncConnection, entries: Mapping[int, tuple[str, str]]) -> None:
    """Set the ``(norm, terms)`` of entries by their ids.

    One that was replaced meanwhile is left alone. SQLite may have given its id to the new one.
    """
    await connection.execute(
        sa.update(search_entries)
        .where(search_entries.c.id == sa.bindparam("entry_id"), search_entries.c.folding != FOLDING)
        .values(norm=sa.bindparam("new_norm"), terms=sa.bindparam("new_terms"), folding=FOLDING),
        [
            {"entry_id": entry_id, "new_norm": norm, "new_terms": terms}
            for entry_id, (norm, terms) in entries.items()
        ],
    )


def matching(
    connection: AsyncConnection, owner: str, query: Query, after: Position | None, limit: int
) -> sa.Select[Any]:
    """The statement of a page of conversations in which `query` hits, newest first."""
    hits = sa.select(search_entries.c.session_id).where(
        search_entries.c.owner == owner, *_conditions(connection, query)
    )
    return newest_first(owner, after, limit).where(conversations.c.session_id.in_(hits))


async def first_hits(
    connection: AsyncConnection, session_ids: Sequence[UUID], query: Query
) -> dict[UUID, UUID | None]:
    """Of each conversation that hits its first turn that does; None: only its title does."""
    found = await connection.execute(
        sa.select(search_entries.c.session_id, search_entries.c.turn_id)
        .outerjoin(turns, turns.c.turn_id == search_entries.c.turn_id)
        .where(
            search_entries.c.session_id.in_(session_ids),
            *_conditions(connection, query, within=True),
        )
        .order_by(turns.c.turn_number.nulls_last())
    )
    first: dict[UUID, UUID | None] = {}
    for session_id, turn_id in found.all():
        first.setdefault(session_id, turn_id)
    return first


def _conditions(
    connection: AsyncConnection, query: Query, *, within: bool = False
) -> list[sa.ColumnElement[bool] | sa.TextClause]:
    postgres = connection.dialect.name == "postgresql"
    sqlite_match = _SQLITE_MATCH_WITHIN if within else _SQLITE_MATCH
    found = sa.text(_POSTGRES_MATCH if postgres else sqlite_match).bindparams(
        search_terms=_tsquery(query.terms) if postgres else _fts5_query(query.terms)
    )
    place = sa.func.strpos if postgres else sa.func.instr
    needles = [place(search_entries.c.norm, needle) > 0 for needle in query.needles]
    return [found, *needles]


def _tsquery(terms: Sequence[QueryTerm]) -> str:
    """Each term quoted, so that nothing in it is an operator (PostgreSQL manual, 8.11.2)."""
    quoted = (term.text.replace("\\", "\\\\").replace("'", "''") for term in terms)
    marks = (":*" if term.prefix else "" for term in terms)
    return " & ".join(f"'{text}'{mark}" for text, mark in zip(quoted, marks, strict=True))


def _fts5_query(terms: Sequence[QueryTerm]) -> str:
    """Each term quoted, so that nothing in it is an operator (SQLite FTS5 manual, section 3)."""
    quoted = (term.text.replace('"', '""') for term in terms)
    marks = (" *" if term.prefix else "" for term in terms)
    return " AND ".join(f'"{text}"{mark}' for text, mark in zip(quoted, marks, strict=True))
