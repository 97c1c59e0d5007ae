"""Bring the database to the newest schema: ``python -m profile_service.migrate [up|down|show]``.

The service does it by itself at start unless ``PROFILE_MIGRATE=false`` (compose runs this module
as a one-shot job instead). Two that start at once wait for each other.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from profile_service.database import BEGIN, IMMEDIATE, create_engine

_LOCK_ID = 0x41564154  # any number that only migrations use


class UnknownRevision(Exception):
    """The schema is not one that this program can work with."""


def migrations_folder() -> Path:
    """Where the Alembic scripts are: ``PROFILE_MIGRATIONS``, else ``db/migrations`` above us.

    Raises:
        FileNotFoundError: neither is there.
    """
    named = os.environ.get("PROFILE_MIGRATIONS")
    above = [folder / "db" / "migrations" for folder in Path(__file__).resolve().parents]
    for folder in [Path(named)] if named else above:
        if (folder / "env.py").is_file():
            return folder
    raise FileNotFoundError("No migrations found: set PROFILE_MIGRATIONS to db/migrations.")


def _config(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


async def upgrade(engine: AsyncEngine, revision: str = "head") -> None:
    """Migrate up to `revision`, all in one transaction. Raises UnknownRevision."""
    there = await current(engine)
    if there is not None and there not in _revisions():
        raise UnknownRevision(f"The database is of a newer version ({there}) than this program.")
    if revision == "head" and there == newest():
        return
    if revision not in ("head", "+1") and revision not in _revisions():
        raise UnknownRevision(revision)
    async with _locked(engine) as connection:
        await connection.run_sync(lambda sync: command.upgrade(_config(sync), revision))


async def check(engine: AsyncEngine) -> None:
    """Raises UnknownRevision when the schema is not the newest: another job migrates."""
    there = await current(engine)
    if there != newest():
        raise UnknownRevision(
            f"The database is at schema {there}, this program needs {newest()}: "
            "run `python -m profile_service.migrate`."
        )


async def downgrade(engine: AsyncEngine, revision: str) -> None:
    """Migrate down to `revision` (``base``: nothing is left), all in one transaction."""
    async with _locked(engine) as connection:
        await connection.run_sync(lambda sync: command.downgrade(_config(sync), revision))


async def current(engine: AsyncEngine) -> str | None:
    """The revision that the database is at; None when it is empty."""
    async with engine.connect() as connection:
        return await connection.run_sync(
            lambda sync: MigrationContext.configure(sync).get_current_revision()
        )


def _revisions() -> set[str]:
    scripts = ScriptDirectory(str(migrations_folder()))
    return {script.revision for script in scripts.walk_revisions()}


def newest() -> str | None:
    """The newest revision that there is a script for."""
    return ScriptDirectory(str(migrations_folder())).get_current_head()


@asynccontextmanager
async def _locked(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A transaction that no other migration runs beside."""
    async with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            await _without_foreign_keys(connection)
        async with connection.begin():
            if engine.dialect.name == "postgresql":
                await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK_ID})")
            yield connection
        await connection.invalidate()


async def _without_foreign_keys(connection: AsyncConnection) -> None:
    """DDL that rebuilds a table drops the old one: rows that point to it must not follow."""
    # Inside a transaction the pragma does nothing.
    await connection.execution_options(**{BEGIN: ""})
    await connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
    await connection.rollback()
    await connection.execution_options(**{BEGIN: IMMEDIATE})


async def _main(arguments: argparse.Namespace) -> None:
    from profile_service.settings import Settings

    engine = create_engine(Settings().resolved_database_url())
    try:
        if arguments.action == "up":
            await upgrade(engine, arguments.revision or "head")
        elif arguments.action == "down":
            await downgrade(engine, arguments.revision or "-1")
        sys.stdout.write(f"schema: {await current(engine) or 'empty'} (newest: {newest()})\n")
    finally:
        await engine.dispose()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m profile_service.migrate", description=__doc__)
    parser.add_argument("action", nargs="?", choices=["up", "down", "show"], default="up")
    parser.add_argument("revision", nargs="?", help="head, base, -1, +1 or a revision's id")
    asyncio.run(_main(parser.parse_args()))


if __name__ == "__main__":
    main()
