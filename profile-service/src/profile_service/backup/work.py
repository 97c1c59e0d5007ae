"""Taking a backup of a running service, and restoring one into an empty place."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from avatar_contract.errors import AvatarError, BadMessage, Conflict
from profile_service import migrate
from profile_service.backends import STORES
from profile_service.backends.store import AudioStore
from profile_service.backup import rows
from profile_service.backup.archive import (
    FORMAT,
    MANIFEST,
    ROWS,
    Archive,
    Listed,
    Manifest,
    sha256_of,
    write_listed,
)
from profile_service.database import Database, create_engine
from profile_service.reindex import reindex
from profile_service.repository import audio, search
from profile_service.settings import Settings


async def backup(settings: Settings, archive: Archive) -> Manifest:
    """Add a snapshot to `archive`, of one moment, while the service goes on.

    Audio is copied first, with everything going on; then removals are held for the moment that the
    rows take, so that every file that they name can still be copied.

    Raises:
        Conflict: another backup is at work there, or the database is not at the newest schema.
    """
    archive.make()
    async with _database(settings) as database:
        schema = await migrate.current(database.engine)
        if schema is None or schema != migrate.newest():
            raise Conflict("The database is not at the newest schema: start the service once.")
        store = STORES[settings.audio_store](settings.home)
        with archive.locked():
            early = await asyncio.to_thread(_copy, archive, store, await _files(database))
            # Held on this thread: nothing else runs in this process that could need it.
            with store.removals_held():
                return await _snapshot(archive, database, store, schema, len(early[0]))


async def restore(settings: Settings, archive: Archive, name: str | None = None) -> Manifest:
    """Bring a snapshot, by default the newest, back into an empty database and an empty store.

    Raises:
        Conflict: the database or the store is not empty.
        NotFound: there is no such snapshot.
        BadMessage: the backup is damaged, or newer than this program.
    """
    manifest = archive.manifest(name)
    if manifest.format > FORMAT:
        raise BadMessage("This backup was made by a newer version: use that one to restore it.")
    if sha256_of(archive.rows(manifest.name)) != manifest.rows_sha256:
        raise BadMessage("The rows of this backup are damaged.")
    damaged = set(manifest.damaged)
    files = [file for file in archive.listed(manifest.name) if file.key not in damaged]
    store = STORES[settings.audio_store](settings.home)
    async with _database(settings) as database:
        await _prepare(database, store, manifest)
        await asyncio.to_thread(store.open)
        try:
            await asyncio.to_thread(_bring_back, archive, store, files)
            await _insert(database, archive, manifest)
        except BaseException:
            await asyncio.to_thread(store.remove, [file.key for file in files])
            raise
        finally:
            await asyncio.to_thread(store.close)
        await migrate.upgrade(database.engine)
        async with database.write() as connection:
            await search.all_are_current(connection)
    return manifest


def verify(archive: Archive, name: str | None = None) -> list[str]:
    """Read a whole snapshot and say what is wrong with it; nothing is well. Blocking."""
    manifest = archive.manifest(name)
    wrong = [f"{key} was damaged when it was taken" for key in manifest.damaged]
    if sha256_of(archive.rows(manifest.name)) != manifest.rows_sha256:
        wrong.append("The rows are damaged.")
    for file in archive.listed(manifest.name):
        if file.key in manifest.damaged:
            continue
        try:
            archive.read(file)
        except AvatarError as error:
            wrong.append(error.message)
    return wrong


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Database]:
    database = Database(create_engine(settings.resolved_database_url(), pool_size=2))
    try:
        yield database
    finally:
        await database.close()


async def _files(database: Database) -> list[Listed]:
    async with database.read() as connection:
        return [Listed(*file) for file in await audio.everything(connection)]


def _copy(
    archive: Archive, store: AudioStore, files: Iterable[Listed]
) -> tuple[list[str], list[str]]:
    """Copy what the archive has not; the keys that were copied, and those that could not be."""
    copied: list[str] = []
    damaged: list[str] = []
    for file in files:
        if archive.has(file):
            continue
        try:
            with store.read(file.key) as source:
                whole = archive.add(file, source)
        except FileNotFoundError:
            whole = False
        (copied if whole else damaged).append(file.key)
    return copied, damaged


async def _snapshot(
    archive: Archive, database: Database, store: AudioStore, schema: str, early: int
) -> Manifest:
    now = datetime.now(UTC)
    with archive.new_snapshot(now) as (name, folder):
        path = folder / ROWS
        async with database.read() as connection:
            with gzip.open(path, "wt", encoding="utf-8", compresslevel=3) as file:
                counts = await rows.write(connection, file)
            files = [Listed(*file) for file in await audio.everything(connection)]
        copied, damaged = _copy(archive, store, files)
        write_listed(folder, files)
        manifest = Manifest(
            format=FORMAT,
            name=name,
            created_at=now,
            schema_revision=schema,
            source=database.engine.dialect.name,
            rows=counts,
            rows_sha256=sha256_of(path),
            files=len(files),
            file_bytes=sum(file.size for file in files),
            new_files=early + len(copied),
            damaged=damaged,
        )
        _write_manifest(folder, manifest)
    return manifest


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n")


async def _prepare(database: Database, store: AudioStore, manifest: Manifest) -> None:
    """An empty database at the schema of the backup, and a store without a file."""
    current = await migrate.current(database.engine)
    if current is not None:
        async with database.read() as connection:
            full = any((await rows.count(connection)).values())
        if full:
            raise Conflict("The database is not empty: restore into an empty one.")
    if await asyncio.to_thread(lambda: any(True for _ in store.files())):
        raise Conflict("There is audio already: restore into an empty AVATAR_HOME.")
    if current is None:
        try:
            await migrate.upgrade(database.engine, manifest.schema_revision)
        except migrate.UnknownRevision as error:
            raise BadMessage("This backup was made by a newer version.") from error
    elif current != manifest.schema_revision:
        raise Conflict("The empty database is of another version: restore into a new one.")


def _bring_back(archive: Archive, store: AudioStore, files: Iterable[Listed]) -> None:
    for file in files:
        store.stage(file.key, archive.read(file))
        store.publish([file.key])


async def _insert(database: Database, archive: Archive, manifest: Manifest) -> None:
    async with database.write() as connection:
        with gzip.open(archive.rows(manifest.name), "rt", encoding="utf-8") as file:
            counts = await rows.read(connection, file)
        if counts != manifest.rows:
            raise BadMessage("The rows of this backup are not as many as its manifest says.")
        await reindex(connection)
