"""The database: one engine, read snapshots and write transactions.

Repositories take the connection they are given and never commit; the use case that opened
``Database.write()`` commits by leaving it.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from avatar_contract.errors import AvatarError, ProfileUnavailable, StorageFull
from profile_service.disk import Disk

BUSY_TIMEOUT_S = 10.0
"""How long SQLite waits for another process's write where nobody says otherwise, s."""

BEGIN = "avatar_begin"
"""Execution option of a SQLite connection: the statement that begins its transactions."""

IMMEDIATE = "BEGIN IMMEDIATE"

PATIENCE = "avatar_patience"
"""Execution option of a connection: the deadline that each of its statements puts off."""

UNHURRIED = 15
"""`patient` of what nobody waits for: one statement may read every row."""

_CLOSING_S = 2.0
"""So long SQLAlchemy tries to close a connection that does not answer, s."""

_AWAY = "The database does not answer: start it, or check its address."
_LOCKED = "The database is locked by another program: nothing can be saved until it lets go."

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


def sqlite_folder(url: str) -> Path | None:
    """The folder of a SQLite file; None where the database is elsewhere."""
    parsed = async_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    return Path(parsed.database).resolve().parent


def create_engine(url: str, *, pool_size: int = 5, limit_s: float | None = None) -> AsyncEngine:
    """An engine for `url`; a SQLite file's folder is made when it is missing.

    Parameters never enter error messages: they are what people said.

    Args:
        limit_s: what `Database` is given too.
    """
    parsed = async_url(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        # A thread that waits for a lock can't be called back: it must end soon by itself.
        busy_s = BUSY_TIMEOUT_S if limit_s is None else min(limit_s / 2, _CLOSING_S)
        engine = create_async_engine(parsed, pool_size=pool_size, hide_parameters=True)
        sa.event.listen(engine.sync_engine, "connect", partial(_prepare_sqlite, busy_s))
        sa.event.listen(engine.sync_engine, "begin", _begin_sqlite)
    else:
        arguments = {} if limit_s is None else {"timeout": limit_s}
        engine = create_async_engine(
            parsed,
            pool_size=pool_size,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args=arguments,
        )
    sa.event.listen(engine.sync_engine, "before_cursor_execute", _put_off)
    return engine


def _put_off(connection: sa.Connection, *_: Any) -> None:
    patience = connection.get_execution_options().get(PATIENCE)
    if patience is not None:
        patience()


def _prepare_sqlite(busy_s: float, dbapi_connection: Any, _record: Any) -> None:
    # The driver's own implicit BEGIN leaves DDL and reads outside of transactions: BEGIN is ours.
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {busy_s * 1000:.0f}")
    _enter_wal(cursor, busy_s)
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA cache_size = -32000")
    # The disk of temporary files may be full, too.
    cursor.execute("PRAGMA temp_store = MEMORY")
    cursor.close()


def _enter_wal(cursor: Any, busy_s: float) -> None:
    # A file enters WAL once in its life. Two that try at once collide, busy timeout or not.
    cursor.execute("PRAGMA journal_mode")
    deadline = time.monotonic() + busy_s
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
    """An engine with its two ways in.

    Args:
        limit_s: how long a transaction may take; it ends within 2 s more. None: without a limit.
        disk: where a SQLite file is.
    """

    def __init__(
        self, engine: AsyncEngine, *, limit_s: float | None = None, disk: Disk | None = None
    ) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        self._limit_s = limit_s
        self._disk = disk
        # SQLite has one writer; waiting here is fair, its busy handler is not.
        self._turnstile = asyncio.Lock() if self.is_sqlite else nullcontext()
        self.answers = True
        """Whether it could be read when it was last asked; see `look`."""
        self.takes_writes = True
        """Whether it could be written then."""

    @property
    def trouble(self) -> str | None:
        """What is wrong with it, and what to do."""
        if not self.answers:
            return _AWAY
        return None if self.takes_writes else _LOCKED

    async def look(self) -> None:
        """Ask the database for a sign of life."""
        try:
            async with self.read() as connection:
                await connection.execute(sa.text("SELECT 1"))
            self.answers = True
        except AvatarError:
            self.answers = False
            return
        try:
            async with self.write():
                self.takes_writes = True
        except StorageFull:
            return
        except AvatarError:
            self.takes_writes = False

    @asynccontextmanager
    async def read(self, *, patient: int = 0) -> AsyncIterator[AsyncConnection]:
        """One consistent snapshot.

        Args:
            patient: there is much to do: each statement may take so many times the limit, and the
                whole as long as it likes.

        Raises:
            ProfileUnavailable: the database does not answer.
        """
        async with (
            self.translated(),
            self._limited(patient) as options,
            self.engine.connect() as connection,
        ):
            if not self.is_sqlite:
                options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            await connection.execution_options(**options)
            yield connection

    @asynccontextmanager
    async def write(self, *, patient: int = 0) -> AsyncIterator[AsyncConnection]:
        """One transaction, committed on leaving, rolled back on an exception.

        Args:
            patient: as in `read`.

        Raises:
            ProfileUnavailable: the database does not answer, or somebody else keeps it locked.
            StorageFull: its disk is full.
            IntegrityError: as the database says it; the use case knows what it means.
        """
        async with (
            self.translated(),
            self._limited(patient) as options,
            self._turnstile,
            self.engine.connect() as connection,
        ):
            if self.is_sqlite:
                options |= {BEGIN: IMMEDIATE}
            await connection.execution_options(**options)
            async with connection.begin():
                if not self.is_sqlite:
                    await connection.exec_driver_sql(
                        f"SELECT pg_advisory_xact_lock_shared({_WRITES_LOCK})"
                    )
                yield connection

    async def after_writes(self) -> None:
        """Wait until every transaction that has begun is over, whoever began it.

        A server goes on with the commit of a client that was killed; SQLite's dies with the client.
        """
        if self.is_sqlite:
            return
        async with (
            self.translated(),
            self._limited(0),
            self.engine.begin() as connection,
        ):
            await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITES_LOCK})")

    async def checkpoint(self) -> None:
        """Bring SQLite's log into its file and begin it anew, in the room that it has on the disk.

        Where even that has no room, the log goes on.
        """
        if not self.is_sqlite:
            return
        with suppress(StorageFull, ProfileUnavailable):
            async with (
                self.translated(),
                self._limited(0) as options,
                self._turnstile,
                self.engine.connect() as connection,
            ):
                await connection.execution_options(**options, **{BEGIN: ""})
                await connection.exec_driver_sql("PRAGMA wal_checkpoint(RESTART)")

    async def close(self) -> None:
        await self.engine.dispose()

    @asynccontextmanager
    async def _limited(self, patient: int) -> AsyncIterator[dict[str, Any]]:
        """Hold what is inside to the limit; gives the options of its connection."""
        limit_s = self._limit_s
        if limit_s is None:
            yield {}
            return
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(limit_s) as deadline:
            if not patient:
                yield {}
                return
            yield {PATIENCE: lambda: deadline.reschedule(loop.time() + patient * limit_s)}

    @asynccontextmanager
    async def translated(self) -> AsyncIterator[None]:
        """Errors of the database inside become ours. Raises as `write`."""
        try:
            yield
        except IntegrityError:
            raise
        except DBAPIError as error:
            if self._is_full(error):
                raise StorageFull(
                    "The disk of the database is full: free some space, or delete conversations."
                ) from error
            raise ProfileUnavailable(
                _LOCKED if "is locked" in str(error.orig) else _AWAY
            ) from error
        except (OSError, sa.exc.TimeoutError) as error:
            raise ProfileUnavailable(_LOCKED if self.is_sqlite else _AWAY) from error

    def _is_full(self, error: DBAPIError) -> bool:
        disk_full = "53100"  # SQLSTATE, PostgreSQL appendix A
        said = str(error.orig)
        if getattr(error.orig, "sqlstate", None) == disk_full or "is full" in said:
            return True
        # Where SQLite can't lengthen a file that it maps into memory, it says no more than this.
        no_room = "disk I/O error" in said or "unable to open" in said
        return no_room and self._disk is not None and self._disk.has_nothing_left()
