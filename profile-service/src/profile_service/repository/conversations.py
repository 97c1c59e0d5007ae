"""SQL of conversations and their turns. Every statement is held to one owner."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from profile_service.cursor import Position
from profile_service.tables import conversations, deleted_turns, turns

Row = sa.RowMapping
_CHUNK = 500


@dataclass(frozen=True)
class Summary:
    """A conversation as a list shows it; `duration_ms` is of the sound of both sides."""

    session_id: UUID
    title: str
    created_at: datetime
    turns: int
    duration_ms: float


def insert(connection: AsyncConnection, table: sa.Table) -> Any:
    """An insert that can say what is done where the row is there already."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def insert_or_ignore(connection: AsyncConnection, table: sa.Table) -> Any:
    """An insert that leaves an existing row as it is."""
    return insert(connection, table).on_conflict_do_nothing()


HAS_WORDS = sa.or_(
    turns.c.state == "closed",
    turns.c.ai_text != "",
    sa.func.coalesce(turns.c.recognised_text, "") != "",
    sa.func.coalesce(turns.c.edited_text, "") != "",
)
"""Of a turn: there is something to show of it. One that has just been opened has no words yet."""


async def lock(
    connection: AsyncConnection, owner: str, session_id: UUID, created_at: datetime
) -> Row | None:
    """The conversation, made when it is new, held until the end of the transaction.

    None when it belongs to another owner.
    """
    row = await hold(connection, owner, session_id)
    if row is not None:
        return row
    new = insert_or_ignore(connection, conversations).values(
        session_id=session_id,
        owner=owner,
        title="",
        title_edited=False,
        created_at=created_at,
        updated_at=created_at,
    )
    while True:
        await connection.execute(new)
        row = await hold(connection, owner, session_id)
        # On Postgres a conversation that another is just deleting is in the way of the insert, and
        # then gone: it is made anew.
        if row is not None or await _exists(connection, session_id):
            return row


async def _exists(connection: AsyncConnection, session_id: UUID) -> bool:
    found = await connection.scalar(
        sa.select(sa.literal(1)).where(conversations.c.session_id == session_id)
    )
    return found is not None


async def hold(connection: AsyncConnection, owner: str, session_id: UUID) -> Row | None:
    """The conversation, held until the end of the transaction; None when there is none."""
    found = await connection.execute(
        sa.select(conversations)
        .where(conversations.c.session_id == session_id, conversations.c.owner == owner)
        .with_for_update()
    )
    return found.mappings().one_or_none()


async def update(connection: AsyncConnection, session_id: UUID, values: Mapping[str, Any]) -> None:
    await connection.execute(
        sa.update(conversations).where(conversations.c.session_id == session_id).values(values)
    )


async def delete(connection: AsyncConnection, session_id: UUID) -> None:
    """Delete the conversation; its turns and their search entries go with it."""
    await connection.execute(
        sa.delete(conversations).where(conversations.c.session_id == session_id)
    )


async def find(connection: AsyncConnection, owner: str, session_id: UUID) -> Row | None:
    found = await connection.execute(
        sa.select(conversations).where(
            conversations.c.session_id == session_id, conversations.c.owner == owner
        )
    )
    return found.mappings().one_or_none()


def listed(owner: str, after: Position | None, limit: int) -> sa.Select[Any]:
    """The statement of a page of the list: conversations of which there is something to show."""
    # A subquery as a value is asked row by row, until the page is full: EXISTS might be turned into
    # a join with all turns.
    shown = (
        sa.select(sa.true())
        .where(turns.c.session_id == conversations.c.session_id, HAS_WORDS)
        .limit(1)
        .scalar_subquery()
    )
    return newest_first(owner, after, limit).where(shown)


def newest_first(owner: str, after: Position | None, limit: int) -> sa.Select[Any]:
    """The statement of a page of conversations, from the newest to the oldest."""
    page = (
        sa.select(conversations.c.session_id, conversations.c.title, conversations.c.created_at)
        .where(conversations.c.owner == owner)
        .order_by(conversations.c.created_at.desc(), conversations.c.session_id.desc())
        .limit(limit)
    )
    if after is None:
        return page
    return page.where(
        sa.tuple_(conversations.c.created_at, conversations.c.session_id)
        < sa.tuple_(
            sa.literal(after.moment, conversations.c.created_at.type),
            sa.literal(after.id, conversations.c.session_id.type),
        )
    )


async def summaries(connection: AsyncConnection, page: sa.Select[Any]) -> list[Summary]:
    """The conversations that `page` selects, in its order, with counts and durations."""
    rows = (await connection.execute(page)).all()
    measured = await _measures(connection, [row.session_id for row in rows])
    nothing = (0, 0.0)
    return [
        Summary(row.session_id, row.title, row.created_at, *measured.get(row.session_id, nothing))
        for row in rows
    ]


async def _measures(
    connection: AsyncConnection, session_ids: Sequence[UUID]
) -> dict[UUID, tuple[int, float]]:
    if not session_ids:
        return {}
    heard = sa.func.coalesce(turns.c.user_audio_ms, 0) + sa.func.coalesce(turns.c.ai_audio_ms, 0)
    found = await connection.execute(
        sa.select(turns.c.session_id, sa.func.count(), sa.func.sum(heard))
        .where(turns.c.session_id.in_(session_ids), HAS_WORDS)
        .group_by(turns.c.session_id)
    )
    return {session_id: (count, float(total)) for session_id, count, total in found.all()}


async def turns_of(connection: AsyncConnection, owner: str, session_id: UUID) -> Sequence[Row]:
    """The conversation's turns in their order."""
    found = await connection.execute(
        sa.select(turns)
        .where(turns.c.session_id == session_id, turns.c.owner == owner)
        .order_by(turns.c.turn_number)
    )
    return found.mappings().all()


async def newest_turns(
    connection: AsyncConnection, owner: str, session_id: UUID, limit: int
) -> Sequence[Row]:
    """The conversation's last `limit` turns in their order."""
    found = await connection.execute(
        sa.select(turns)
        .where(turns.c.session_id == session_id, turns.c.owner == owner)
        .order_by(turns.c.turn_number.desc())
        .limit(limit)
    )
    return found.mappings().all()[::-1]


async def turns_by_id(connection: AsyncConnection, turn_ids: Sequence[UUID]) -> Sequence[Row]:
    found = await connection.execute(sa.select(turns).where(turns.c.turn_id.in_(turn_ids)))
    return found.mappings().all()


async def turn(connection: AsyncConnection, owner: str, turn_id: UUID) -> Row | None:
    found = await connection.execute(
        sa.select(turns).where(turns.c.turn_id == turn_id, turns.c.owner == owner)
    )
    return found.mappings().one_or_none()


async def turn_of_utterance(
    connection: AsyncConnection, owner: str, utterance_id: UUID
) -> Row | None:
    """The turn of an utterance, whichever conversation it is in."""
    found = await connection.execute(
        sa.select(turns).where(turns.c.owner == owner, turns.c.utterance_id == utterance_id)
    )
    return found.mappings().one_or_none()


async def free_number(connection: AsyncConnection, session_id: UUID, wanted: int) -> int:
    """`wanted`, or the next number that no turn of the conversation has."""
    taken = await connection.scalars(
        sa.select(turns.c.turn_number)
        .where(turns.c.session_id == session_id, turns.c.turn_number >= wanted)
        .order_by(turns.c.turn_number)
    )
    free = wanted
    for number in taken:
        if number > free:
            break
        free = number + 1
    return free


async def insert_turn(connection: AsyncConnection, values: Mapping[str, Any]) -> Row:
    """The new row. Raises IntegrityError when its id or its utterance is taken."""
    made = await connection.execute(sa.insert(turns).values(values).returning(*turns.c))
    return made.mappings().one()


async def update_turn(connection: AsyncConnection, turn_id: UUID, values: Mapping[str, Any]) -> Row:
    """The row as it is then."""
    changed = await connection.execute(
        sa.update(turns).where(turns.c.turn_id == turn_id).values(values).returning(*turns.c)
    )
    return changed.mappings().one()


async def open_turns_before(
    connection: AsyncConnection, moment: datetime, limit: int
) -> Sequence[Row]:
    """Open turns that were last written before `moment`, those of a conversation together."""
    found = await connection.execute(
        sa.select(turns)
        .where(turns.c.state == "open", turns.c.updated_at < moment)
        .order_by(turns.c.session_id)
        .limit(limit)
    )
    return found.mappings().all()


async def delete_turns(
    connection: AsyncConnection, owner: str, rows: Sequence[Row], now: datetime
) -> None:
    """Delete turns, and remember that they were."""
    for at in range(0, len(rows), _CHUNK):
        gone = [
            {
                "turn_id": row["turn_id"],
                "owner": owner,
                "utterance_id": row["utterance_id"],
                "deleted_at": now,
            }
            for row in rows[at : at + _CHUNK]
        ]
        await connection.execute(
            sa.delete(turns).where(turns.c.turn_id.in_([turn["turn_id"] for turn in gone]))
        )
        await connection.execute(insert_or_ignore(connection, deleted_turns), gone)


async def was_deleted(
    connection: AsyncConnection, owner: str, turn_id: UUID, utterance_id: UUID
) -> bool:
    """Whether the owner has deleted this turn, or another one of the same utterance."""
    deleted = deleted_turns.c
    of_owner = sa.and_(deleted.owner == owner, deleted.utterance_id == utterance_id)
    found = await connection.scalar(
        sa.select(sa.literal(1)).where(sa.or_(deleted.turn_id == turn_id, of_owner)).limit(1)
    )
    return found is not None


async def forget_deleted(connection: AsyncConnection, before: datetime) -> None:
    """Forget deletions older than any gateway's spool can be."""
    await connection.execute(sa.delete(deleted_turns).where(deleted_turns.c.deleted_at < before))


async def first_text(connection: AsyncConnection, session_id: UUID) -> str:
    """What was said in the first turn in which something was; empty when nothing was."""
    said = sa.func.coalesce(turns.c.edited_text, turns.c.recognised_text, "")
    text = await connection.scalar(
        sa.select(said)
        .where(turns.c.session_id == session_id, said != "")
        .order_by(turns.c.turn_number)
        .limit(1)
    )
    return text or ""


async def count_turns(connection: AsyncConnection, session_id: UUID) -> int:
    counted = await connection.scalar(
        sa.select(sa.func.count()).select_from(turns).where(turns.c.session_id == session_id)
    )
    return counted or 0


async def turns_before(
    connection: AsyncConnection, moment: datetime, limit: int
) -> Sequence[tuple[str, UUID]]:
    """``(owner, turn_id)`` of turns that opened before `moment`, the oldest first."""
    found = await connection.execute(
        sa.select(turns.c.owner, turns.c.turn_id)
        .where(turns.c.created_at < moment)
        .order_by(turns.c.created_at)
        .limit(limit)
    )
    return [(owner, turn_id) for owner, turn_id in found.all()]


async def retitle(connection: AsyncConnection, session_id: UUID, title: str, now: datetime) -> None:
    """Set the title made of first words, unless a person has set one; the rest is touched."""
    edited = conversations.c.title_edited
    await connection.execute(
        sa.update(conversations)
        .where(conversations.c.session_id == session_id)
        .values(title=sa.case((edited, conversations.c.title), else_=title), updated_at=now)
    )


async def delete_empty(connection: AsyncConnection, session_ids: Collection[UUID]) -> None:
    """Delete those of the conversations that have no turn left."""
    await connection.execute(
        sa.delete(conversations).where(
            conversations.c.session_id.in_(session_ids),
            ~sa.exists().where(turns.c.session_id == conversations.c.session_id),
        )
    )


SEARCHED = (
    turns.c.turn_id,
    turns.c.owner,
    turns.c.session_id,
    turns.c.recognised_text,
    turns.c.edited_text,
    turns.c.ai_text,
    turns.c.heard_text,
    turns.c.interrupted,
)
"""What the search over a turn is made of."""


async def all_turns(connection: AsyncConnection, chunk: int) -> AsyncIterator[Sequence[Row]]:
    """What is searched of every turn of every owner, `chunk` at a time.

    These columns are there since the first schema: a restore has that of its backup.
    """
    after = None
    while True:
        page = sa.select(*SEARCHED).order_by(turns.c.turn_id).limit(chunk)
        if after is not None:
            page = page.where(turns.c.turn_id > after)
        rows = (await connection.execute(page)).mappings().all()
        if not rows:
            return
        after = rows[-1]["turn_id"]
        yield rows


async def all_edited_titles(
    connection: AsyncConnection, chunk: int
) -> AsyncIterator[Sequence[Row]]:
    """Every conversation whose title a person has set, `chunk` at a time."""
    after = None
    while True:
        page = (
            sa.select(conversations)
            .where(conversations.c.title_edited)
            .order_by(conversations.c.session_id)
            .limit(chunk)
        )
        if after is not None:
            page = page.where(conversations.c.session_id > after)
        rows = (await connection.execute(page)).mappings().all()
        if not rows:
            return
        after = rows[-1]["session_id"]
        yield rows
