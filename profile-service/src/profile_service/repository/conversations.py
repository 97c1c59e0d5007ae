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


def insert_or_ignore(connection: AsyncConnection, table: sa.Table) -> Any:
    """An insert that leaves an existing row as it is."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table).on_conflict_do_nothing()


async def lock(
    connection: AsyncConnection, owner: str, session_id: UUID, created_at: datetime
) -> Row | None:
    """The conversation, made when it is new, held until the end of the transaction.

    None when it belongs to another owner.
    """
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


def newest_first(owner: str, after: Position | None, limit: int) -> sa.Select[Any]:
    """The statement of a page of the list, from the newest to the oldest."""
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
        .where(turns.c.session_id.in_(session_ids))
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


async def turns_by_id(connection: AsyncConnection, turn_ids: Sequence[UUID]) -> Sequence[Row]:
    found = await connection.execute(sa.select(turns).where(turns.c.turn_id.in_(turn_ids)))
    return found.mappings().all()


async def turn(connection: AsyncConnection, owner: str, turn_id: UUID) -> Row | None:
    found = await connection.execute(
        sa.select(turns).where(turns.c.turn_id == turn_id, turns.c.owner == owner)
    )
    return found.mappings().one_or_none()


async def the_turn(connection: AsyncConnection, turn_id: UUID) -> Row:
    """A turn that is known to be there."""
    found = await connection.execute(sa.select(turns).where(turns.c.turn_id == turn_id))
    return found.mappings().one()


async def turn_of_utterance(
    connection: AsyncConnection, owner: str, utterance_id: UUID, session_id: UUID | None = None
) -> Row | None:
    """The newest turn of an utterance, in one conversation or in all."""
    query = sa.select(turns).where(turns.c.owner == owner, turns.c.utterance_id == utterance_id)
    if session_id is not None:
        query = query.where(turns.c.session_id == session_id)
    found = await connection.execute(query.order_by(turns.c.created_at.desc()).limit(1))
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


async def insert_turn(connection: AsyncConnection, values: Mapping[str, Any]) -> None:
    await connection.execute(sa.insert(turns).values(values))


async def update_turn(
    connection: AsyncConnection, turn_id: UUID, values: Mapping[str, Any]
) -> None:
    await connection.execute(sa.update(turns).where(turns.c.turn_id == turn_id).values(values))


async def delete_turns(
    connection: AsyncConnection, owner: str, turn_ids: Sequence[UUID], now: datetime
) -> None:
    """Delete turns, and remember that they were."""
    for at in range(0, len(turn_ids), _CHUNK):
        chunk = turn_ids[at : at + _CHUNK]
        await connection.execute(sa.delete(turns).where(turns.c.turn_id.in_(chunk)))
        await connection.execute(
            insert_or_ignore(connection, deleted_turns),
            [{"turn_id": turn_id, "owner": owner, "deleted_at": now} for turn_id in chunk],
        )


async def was_deleted(connection: AsyncConnection, turn_id: UUID) -> bool:
    found = await connection.scalar(
        sa.select(sa.literal(1)).where(deleted_turns.c.turn_id == turn_id)
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


async def all_turns(connection: AsyncConnection, chunk: int) -> AsyncIterator[Sequence[Row]]:
    """Every turn of every owner, `chunk` at a time."""
    after = None
    while True:
        page = sa.select(turns).order_by(turns.c.turn_id).limit(chunk)
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
