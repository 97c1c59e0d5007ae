"""Wires the service: the only place where its objects are built."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from fastapi import FastAPI

from avatar_contract.errors import AvatarError, ProfileUnavailable, StorageFull
from avatar_contract.health import Health, ModelHealth
from avatar_contract.service.app import create_app
from avatar_contract.service.logs import get_logger
from profile_service import migrate
from profile_service.api import conversations as conversation_routes
from profile_service.api import sessions as session_routes
from profile_service.api import turns as turn_routes
from profile_service.api import voices as voice_routes
from profile_service.api.common import Parts
from profile_service.backends import STORES
from profile_service.conversations import Conversations
from profile_service.database import Database, create_engine, sqlite_folder
from profile_service.decoding import Decoder
from profile_service.disk import Disk
from profile_service.encoder import Encoder
from profile_service.housekeeping import Housekeeper, Retention
from profile_service.sessions import Sessions
from profile_service.settings import MIB, Settings
from profile_service.turns import Turns
from profile_service.vault import Vault
from profile_service.voices import Voices

log = get_logger(__name__)

NAME = "profile-service"

_RETRY_S = 1.0


def build(settings: Settings | None = None) -> FastAPI:
    """The service as an ASGI app."""
    chosen = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.life = life = Life(chosen, app)
        await life.begin()
        try:
            yield
        finally:
            await life.end()

    return create_app(
        NAME,
        chosen,
        lifespan=lifespan,
        routers=[
            turn_routes.router,
            conversation_routes.router,
            session_routes.router,
            voice_routes.router,
        ],
        readiness=_readiness,
    )


class Life:
    """The parts from their start to their end, which may begin with a wait for the database."""

    def __init__(self, settings: Settings, app: FastAPI) -> None:
        self._settings = settings
        self._app = app
        self._begun = asyncio.Event()
        self._enough = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._waits_for: str | None = None

    async def begin(self) -> None:
        """Return when the parts are there, or when it is clear that they must be waited for.

        Raises:
            UnknownRevision: the database is not one that this program can work with.
        """
        self._task = asyncio.create_task(self._live())
        self._task.add_done_callback(_ended)
        begun = asyncio.create_task(self._begun.wait())
        await asyncio.wait({self._task, begun}, return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        if self._task.done():
            self._task.result()

    async def end(self) -> None:
        self._enough.set()
        if self._task is None:
            return
        if not hasattr(self._app.state, "parts"):
            self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def health(self) -> Health:
        """How the service is while its parts are not there."""
        if self._task is not None and self._task.done() and not self._task.cancelled():
            return Health(status="failed", detail=f"It could not start: {self._task.exception()}")
        return Health(status="loading", detail=self._waits_for)

    async def _live(self) -> None:
        async with running(self._settings, self._wait) as parts:
            self._app.state.parts = parts
            self._begun.set()
            await self._enough.wait()
            del self._app.state.parts

    def _wait(self, reason: str) -> None:
        if reason != self._waits_for:
            log.warning("start.waiting", reason=reason)
        self._waits_for = reason
        self._begun.set()


@asynccontextmanager
async def running(
    settings: Settings, waiting: Callable[[str], None] | None = None
) -> AsyncIterator[Parts]:
    """The parts of the service, mended and ready; ended on leaving.

    Args:
        waiting: told why, each time that the database does not answer, and then it is tried again;
            without it, that is an error.
    """
    url, limit_s = settings.resolved_database_url(), settings.database_timeout_s
    disk = _disk(settings, sqlite_folder(url))
    database = Database(create_engine(url, limit_s=limit_s), limit_s=limit_s, disk=disk)
    encoder, decoder = Encoder(settings.workers), Decoder(settings.workers)
    vault = Vault(
        STORES[settings.audio_store](settings.home),
        database,
        disk,
        quota_bytes=settings.quota_mib * MIB,
        min_free_bytes=settings.min_free_mib * MIB,
    )
    try:
        await _open(settings, database, vault, waiting)
        tasks = [
            asyncio.create_task(
                Housekeeper(database, vault, _retention(settings)).run(settings.housekeeping_s)
            ),
            asyncio.create_task(_pulse(database, vault, settings.pulse_s)),
        ]
        for task in tasks:
            task.add_done_callback(_ended)
        try:
            yield Parts(
                settings=settings,
                database=database,
                vault=vault,
                turns=Turns(database, vault, encoder),
                sessions=Sessions(database),
                conversations=Conversations(database, vault),
                voices=Voices(database, vault, decoder),
            )
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await vault.close()
    finally:
        await decoder.close()
        encoder.close()
        await database.close()


async def _open(
    settings: Settings,
    database: Database,
    vault: Vault,
    waiting: Callable[[str], None] | None,
) -> None:
    """Migrate and mend; where the database is away, again and again."""
    waited = False
    while True:
        try:
            await vault.finding_room(lambda: _try_to_open(settings, database, vault), deletes=True)
            return
        except (ProfileUnavailable, StorageFull) as error:
            if waiting is None:
                raise
            waiting(error.message)
        except migrate.UnknownRevision as error:
            # The job that migrates has waited for the database, too.
            if waiting is None or not waited:
                raise
            waiting(str(error))
        waited = True
        await asyncio.sleep(_RETRY_S)


async def _try_to_open(settings: Settings, database: Database, vault: Vault) -> None:
    async with database.read() as connection:
        # A database that hangs is found here: a migration may take as long as it likes.
        await connection.exec_driver_sql("SELECT 1")
    async with database.translated():
        engine = database.engine
        await (migrate.upgrade(engine) if settings.migrate else migrate.check(engine))
    await vault.open()
    await vault.look()


async def _pulse(database: Database, vault: Vault, every_s: float) -> None:
    """Look after the database and the disk, again and again, until cancelled."""
    while True:
        for found in await asyncio.gather(database.look(), vault.look(), return_exceptions=True):
            if isinstance(found, AvatarError | OSError):
                log.error("pulse.failed", exc=found)
            elif found is not None:
                raise found
        await asyncio.sleep(every_s)


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("background.crashed", exc=error)


def _disk(settings: Settings, of_sqlite: Path | None) -> Disk:
    if of_sqlite is None:
        # A server looks after its own disk.
        return Disk(settings.home)
    return Disk(of_sqlite, reserve_bytes=settings.reserve_mib * MIB)


def _retention(settings: Settings) -> Retention:
    return Retention(
        audio_days=settings.audio_days,
        audio_bytes=settings.audio_mib * MIB,
        turn_days=settings.turn_days,
    )


def _readiness(app: FastAPI) -> Health:
    parts: Parts | None = getattr(app.state, "parts", None)
    if parts is None:
        life: Life | None = getattr(app.state, "life", None)
        return life.health() if life else Health(status="loading")
    database, vault = parts.database, parts.vault
    trouble = database.trouble
    model = ModelHealth(
        name=database.engine.dialect.name,
        state="ready" if database.answers else "failed",
        detail=trouble,
    )
    trouble = trouble or vault.trouble
    status: Literal["ok", "degraded", "failed"] = "degraded" if trouble else "ok"
    return Health(
        status=status if database.answers else "failed",
        detail=trouble,
        models=[model],
        load={"audio_mib": round(vault.used_bytes / MIB, 1)},
    )
