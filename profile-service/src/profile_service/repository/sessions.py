"""SQL of sessions and of their resume tokens. Every statement is held to one owner."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from profile_service.repository.conversations import Row, insert, insert_or_ignore
from profile_service.tables import session_tokens, sessions, turns


async def keep(connection: AsyncConnection, session_id: UUID, values: Mapping[str, Any]) -> None:
    """Insert or update a session.

    What an older gateway says does not replace what a newer one has said, and of one gateway what
    an earlier turn says does not replace what a later one has said.
    """
    new = insert(connection, sessions).values(session_id=session_id, **values)
    said, has = new.excluded, sessions.c
    newer = sa.or_(
        said.epoch > has.epoch, sa.and_(said.epoch == has.epoch, said.said_at >= has.said_at)
    )
    changed = {name: said[name] for name in ("epoch", "config", "said_at", "updated_at")}
    await connection.execute(
        new.on_conflict_do_update(
            index_elements=["session_id"],
            set_=changed,
            where=sa.and_(newer, has.owner == said.owner),
        )
    )


async def ensure(connection: AsyncConnection, session_id: UUID, values: Mapping[str, Any]) -> None:
    """Insert a session where there is none."""
    await connection.execute(
        insert_or_ignore(connection, sessions).values(session_id=session_id, **values)
    )


async def keep_token(
    connection: AsyncConnection, owner: str, session_id: UUID, token_hash: str, expires_at: datetime
) -> bool:
    """Keep a token, or lengthen its life; False when it is another session's."""
    new = insert(connection, session_tokens).values(
        token_hash=token_hash, owner=owner, session_id=session_id, expires_at=expires_at
    )
    said, has = new.excluded, session_tokens.c
    kept = await connection.scalar(
        new.on_conflict_do_update(
            index_elements=["token_hash"],
            set_={
                "expires_at": sa.case(
                    (said.expires_at > has.expires_at, said.expires_at), else_=has.expires_at
                )
            },
            where=sa.and_(has.owner == said.owner, has.session_id == said.session_id),
        ).returning(has.token_hash)
    )
    return kept is not None


async def of_token(
    connection: AsyncConnection, owner: str, token_hash: str, now: datetime
) -> UUID | None:
    """The session of a token that has not ended."""
    session_id: UUID | None = await connection.scalar(
        sa.select(session_tokens.c.session_id).where(*_valid(owner, token_hash, now))
    )
    return session_id


async def use_token(
    connection: AsyncConnection, owner: str, token_hash: str, now: datetime, expires_at: datetime
) -> bool:
    """Set when the token ends; False when it has ended, or is gone."""
    used = await connection.scalar(
        sa.update(session_tokens)
        .where(*_valid(owner, token_hash, now))
        .values(expires_at=expires_at)
        .returning(session_tokens.c.token_hash)
    )
    return used is not None


async def claim(connection: AsyncConnection, session_id: UUID, now: datetime) -> Row:
    """Raise the session's epoch by one; the row as it is then."""
    claimed = await connection.execute(
        sa.update(sessions)
        .where(sessions.c.session_id == session_id)
        .values(epoch=sessions.c.epoch + 1, updated_at=now)
        .returning(*sessions.c)
    )
    return claimed.mappings().one()


async def newest_epoch(connection: AsyncConnection, session_id: UUID) -> int:
    """Of the gateways that have written turns of the conversation; 1 when none has."""
    newest = await connection.scalar(
        sa.select(sa.func.max(turns.c.epoch)).where(turns.c.session_id == session_id)
    )
    return newest or 1


async def drop_ended(connection: AsyncConnection, now: datetime) -> None:
    """Forget the tokens that have ended."""
    await connection.execute(sa.delete(session_tokens).where(session_tokens.c.expires_at <= now))


def _valid(owner: str, token_hash: str, now: datetime) -> list[sa.ColumnElement[bool]]:
    token = session_tokens.c
    return [token.token_hash == token_hash, token.owner == owner, token.expires_at > now]
