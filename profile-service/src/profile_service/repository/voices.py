"""SQL of voice profiles. Every statement is held to one owner."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from profile_service.cursor import Position
from profile_service.repository.conversations import Row
from profile_service.tables import voice_profiles


async def insert(connection: AsyncConnection, values: Mapping[str, Any]) -> None:
    """Raises IntegrityError when the owner has a voice of that name."""
    await connection.execute(sa.insert(voice_profiles).values(values))


async def find(
    connection: AsyncConnection, owner: str, profile_id: UUID, *, hold: bool = False
) -> Row | None:
    """The profile; with `hold`, kept from changing until the end of the transaction."""
    query = sa.select(voice_profiles).where(
        voice_profiles.c.id == profile_id, voice_profiles.c.owner == owner
    )
    found = await connection.execute(query.with_for_update() if hold else query)
    return found.mappings().one_or_none()


async def name_taken(connection: AsyncConnection, owner: str, name_key: str) -> bool:
    found = await connection.scalar(
        sa.select(sa.literal(1)).where(
            voice_profiles.c.owner == owner, voice_profiles.c.name_key == name_key
        )
    )
    return found is not None


async def page(
    connection: AsyncConnection, owner: str, after: Position | None, limit: int
) -> Sequence[Row]:
    """Newest first."""
    query = (
        sa.select(voice_profiles)
        .where(voice_profiles.c.owner == owner)
        .order_by(voice_profiles.c.created_at.desc(), voice_profiles.c.id.desc())
        .limit(limit)
    )
    if after is not None:
        query = query.where(
            sa.tuple_(voice_profiles.c.created_at, voice_profiles.c.id)
            < sa.tuple_(
                sa.literal(after.moment, voice_profiles.c.created_at.type),
                sa.literal(after.id, voice_profiles.c.id.type),
            )
        )
    return (await connection.execute(query)).mappings().all()


async def update(connection: AsyncConnection, profile_id: UUID, values: Mapping[str, Any]) -> None:
    await connection.execute(
        sa.update(voice_profiles).where(voice_profiles.c.id == profile_id).values(values)
    )


async def clear_default(connection: AsyncConnection, owner: str) -> None:
    await connection.execute(
        sa.update(voice_profiles)
        .where(voice_profiles.c.owner == owner, voice_profiles.c.is_default)
        .values(is_default=False)
    )


async def delete(connection: AsyncConnection, profile_id: UUID) -> None:
    await connection.execute(sa.delete(voice_profiles).where(voice_profiles.c.id == profile_id))
