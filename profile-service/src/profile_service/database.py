"""The database: one engine, read snapshots and write transactions.

Repositories take the connection they are given and never commit; the use case that opened
``Database.write()`` commits by leaving it.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from avatar_contract.errors import AvatarError, ProfileUnavailable, StorageFull

BUSY_TIMEOUT_MS = 10_000
"""How long SQLite waits for another process's write, ms."""

BEGIN = "avatar_begin"
"""Execution option of a SQLite connection: the statement that begins its transactions."""

IMMEDIATE = "BEGIN IMMEDIATE"

_WRITES_LOCK = 0x41564157  # any number that only writes use


def sqlite_url(path: Path) -> str:
    """The SQLAlchemy URL of a SQLite file."""
    return f"sqlite+aiosqlite:///{path}"


def async_url(url: str) -> sa.URL:
    """`url` with the asynchronous driver that we use, whichever spelling was given."""
    parsed = sa.make_url(url)
    drivers = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
    backend = "postgresql" if parsed.drivername == "postgres" else parsed.get_backend_name()
    if backend not in drivers:
        raise ValueError(f"{backend} is not supported: use sqlite or postgresql.")
    return parsed.set(drivername=drivers[backend])


def create_engine(url: str, *, pool_size: int = 5) -> AsyncEngine:
    """An engine for `url`; a SQLite file's folder is made when it is missing.

    Parameters never enter error messages: they are what people said.
    """
    parsed = async_url(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_async_engine(parsed, pool_size=pool_size, hide_parameters=True)
        sa.event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        sa.event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    return create_async_engine(
        parsed, pool_size=pool_size, pool_pre_ping=True, hide_parameters=True
    )


def _prepare_sqlite(dbapi_connection: Any, _record: Any) -> None:
    # The driver's own implicit BEGIN leaves DDL and reads outside of transactions: BEGIN is ours.
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    _enter_wal(cursor)
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA cache_size = -32000")
    cursor.close()


def _enter_wal(cursor: Any) -> None:
    # A file enters WAL once in its life. Two that try at once collide, busy timeout or not.
    cursor.execute("PRAGMA journal_mode")
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while cursor.fetchone()[0] != "wal":
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except Exception as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
            cursor.execute("PRAGMA journal_mode")


def _begin_sqlite(connection: sa.Connection) -> None:
    # A read that becomes a write fails at once when another has written since, whatever the busy
    # timeout: writers take the lock first.
    statement = connection.get_execution_options().get(BEGIN, "BEGIN")
    if statement:
        connection.exec_driver_sql(statement)


class Database:
    """An engine with its two ways in."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        # SQLite has one writer; waiting here is fair, its busy handler is not.
        self._turnstile = asyncio.Lock() if self.is_sqlite else None
        self.answers = True
        """Whether it did when it was last asked; see `watch`."""

    async def watch(self, every_s: float) -> None:
        """Ask the database for a sign of life, again and again, until cancelled."""
        while True:
            try:
                async with self.read() as connection:
                    await connection.execute(sa.text("SELECT 1"))
                self.answers = True
            except AvatarError:
                self.answers = False
            await asyncio.sleep(every_s)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """One consistent snapshot.

        Raises:
            ProfileUnavailable: the database does not answer.
        """
        async with _translated(), self.engine.connect() as connection:
            if not self.is_sqlite:
                await connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction, committed on leaving, rolled back on an exception.

        Raises:
            ProfileUnavailable: the database does not answer.
            StorageFull: its disk is full.
            IntegrityError: as the database says it; the use case knows what it means.
        """
        async with _translated():
            if self._turnstile is None:
                async with self.engine.begin() as connection:
                    await connection.exec_driver_sql(
                        f"SELECT pg_advisory_xact_lock_shared({_WRITES_LOCK})"
                    )
                    yield connection
                return
            async with self._turnstile, self.engine.connect() as connection:
                await connection.execution_options(**{BEGIN: IMMEDIATE})
                async with connection.begin():
                    yield connection

    async def after_writes(self) -> None:
        """Wait until every transaction that has begun is over, whoever began it.

        A server goes on with the commit of a client that was killed; SQLite's dies with the client.
        """
        async with _translated():
            if self._turnstile is None:
                async with self.engine.begin() as connection:
                    await connection.exec_driver_sql(
                        f"SELECT pg_advisory_xact_lock({_WRITES_LOCK})"
                    )

    async def close(self) -> None:
        await self.engine.dispose()


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except DBAPIError as error:
        if _is_full(error):
            raise StorageFull(
                "The disk of the database is full: free some space, or delete conversations."
            ) from error
        raise ProfileUnavailable("The database does not answer.") from error
    except (ConnectionError, sa.exc.TimeoutError) as error:
        raise ProfileUnavailable("The database does not answer.") from error


def _is_full(error: DBAPIError) -> bool:
    disk_full = "53100"  # SQLSTATE, PostgreSQL appendix A
    said = str(error.orig)
    return getattr(error.orig, "sqlstate", None) == disk_full or "is full" in said
