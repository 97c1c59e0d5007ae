"""SQL of audio files: which there are, and which still have to be removed from the store."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from profile_service.audiofile import AudioFile
from profile_service.backends.store import PROFILES
from profile_service.repository.conversations import insert_or_ignore
from profile_service.tables import audio_files, audio_trash, turns

_CHUNK = 500


async def add(connection: AsyncConnection, owner: str, file: AudioFile, now: datetime) -> None:
    await connection.execute(
        sa.insert(audio_files).values(
            key=file.key,
            owner=owner,
            kind=file.kind,
            bytes=file.size,
            sha256=file.sha256,
            content_type=file.content_type,
            duration_ms=file.duration_ms,
            created_at=now,
        )
    )


async def drop(connection: AsyncConnection, keys: Iterable[str | None], now: datetime) -> list[str]:
    """Forget files, and note that they have to be removed; gives the keys of these."""
    gone = [key for key in keys if key is not None]
    for at in range(0, len(gone), _CHUNK):
        chunk = gone[at : at + _CHUNK]
        await _clear_turns(connection, chunk)
        await connection.execute(sa.delete(audio_files).where(audio_files.c.key.in_(chunk)))
        await connection.execute(
            insert_or_ignore(connection, audio_trash),
            [{"key": key, "removed_at": now} for key in chunk],
        )
    return gone


async def _clear_turns(connection: AsyncConnection, keys: Sequence[str]) -> None:
    for key, length in (("user_audio_key", "user_audio_ms"), ("ai_audio_key", "ai_audio_ms")):
        await connection.execute(
            sa.update(turns).where(turns.c[key].in_(keys)).values({key: None, length: None})
        )


async def find(connection: AsyncConnection, key: str) -> AudioFile | None:
    found = await connection.execute(sa.select(audio_files).where(audio_files.c.key == key))
    row = found.mappings().one_or_none()
    if row is None:
        return None
    return AudioFile(
        key=row["key"],
        kind=row["kind"],
        size=row["bytes"],
        sha256=row["sha256"],
        content_type=row["content_type"],
        duration_ms=row["duration_ms"],
    )


async def known(connection: AsyncConnection, keys: Sequence[str]) -> set[str]:
    """Those of `keys` that a row names."""
    named: set[str] = set()
    for at in range(0, len(keys), _CHUNK):
        chunk = keys[at : at + _CHUNK]
        named.update(
            await connection.scalars(
                sa.select(audio_files.c.key).where(audio_files.c.key.in_(chunk))
            )
        )
    return named


async def sizes(connection: AsyncConnection) -> dict[str, int]:
    """Every file's size in bytes by its key."""
    found = await connection.execute(sa.select(audio_files.c.key, audio_files.c.bytes))
    return {row.key: row.bytes for row in found}


async def total_bytes(connection: AsyncConnection, *, of_turns_only: bool = False) -> int:
    total = sa.select(sa.func.coalesce(sa.func.sum(audio_files.c.bytes), 0))
    if of_turns_only:
        total = total.where(audio_files.c.kind != PROFILES)
    return int(await connection.scalar(total) or 0)


async def oldest_of_turns(
    connection: AsyncConnection, limit: int, before: datetime | None = None
) -> Sequence[tuple[str, int]]:
    """``(key, bytes)`` of the oldest audio of turns, all or what is older than `before`."""
    query = sa.select(audio_files.c.key, audio_files.c.bytes).where(audio_files.c.kind != PROFILES)
    if before is not None:
        query = query.where(audio_files.c.created_at < before)
    found = await connection.execute(query.order_by(audio_files.c.created_at).limit(limit))
    return [(key, size) for key, size in found.all()]


async def trash(connection: AsyncConnection) -> list[str]:
    return list(await connection.scalars(sa.select(audio_trash.c.key)))


async def forget_trash(connection: AsyncConnection, keys: Sequence[str]) -> None:
    for at in range(0, len(keys), _CHUNK):
        chunk = keys[at : at + _CHUNK]
        await connection.execute(sa.delete(audio_trash).where(audio_trash.c.key.in_(chunk)))


async def everything(connection: AsyncConnection) -> list[tuple[str, int, str]]:
    """``(key, bytes, sha256)`` of every file."""
    columns = (audio_files.c.key, audio_files.c.bytes, audio_files.c.sha256)
    found = await connection.execute(sa.select(*columns).order_by(audio_files.c.key))
    return [(key, size, digest) for key, size, digest in found.all()]
