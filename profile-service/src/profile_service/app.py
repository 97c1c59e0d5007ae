"""Wires the service: the only place where its objects are built."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from avatar_contract.health import Health, ModelHealth
from avatar_contract.service.app import create_app
from avatar_contract.service.logs import get_logger
from profile_service import migrate
from profile_service.api import conversations as conversation_routes
from profile_service.api import turns as turn_routes
from profile_service.api import voices as voice_routes
from profile_service.api.common import Parts
from profile_service.backends import STORES
from profile_service.conversations import Conversations
from profile_service.database import Database, create_engine
from profile_service.decoding import Decoder
from profile_service.housekeeping import Housekeeper, Retention
from profile_service.settings import MIB, Settings
from profile_service.turns import Turns
from profile_service.vault import Vault
from profile_service.voices import Voices
from profile_service.workers import Encoder

log = get_logger(__name__)

NAME = "profile-service"

_PULSE_S = 5.0


def build(settings: Settings | None = None) -> FastAPI:
    """The service as an ASGI app."""
    chosen = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running(chosen) as parts:
            app.state.parts = parts
            yield
            del app.state.parts

    return create_app(
        NAME,
        chosen,
        lifespan=lifespan,
        routers=[turn_routes.router, conversation_routes.router, voice_routes.router],
        readiness=_readiness,
    )


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Parts]:
    """The parts of the service, mended and ready; ended on leaving."""
    engine = create_engine(settings.resolved_database_url())
    database = Database(engine)
    encoder = Encoder(settings.workers)
    vault = Vault(
        STORES[settings.audio_store](settings.home),
        database,
        quota_bytes=settings.quota_mib * MIB,
        min_free_bytes=settings.min_free_mib * MIB,
    )
    try:
        await (migrate.upgrade(engine) if settings.migrate else migrate.check(engine))
        await vault.open()
        housekeeper = Housekeeper(database, vault, _retention(settings))
        tasks = [
            asyncio.create_task(housekeeper.run(settings.housekeeping_s)),
            asyncio.create_task(database.watch(_PULSE_S)),
        ]
        for task in tasks:
            task.add_done_callback(_ended)
        try:
            yield Parts(
                settings=settings,
                database=database,
                vault=vault,
                turns=Turns(database, vault, encoder),
                conversations=Conversations(database, vault),
                voices=Voices(database, vault, Decoder(settings.workers)),
            )
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await vault.close()
    finally:
        encoder.close()
        await database.close()


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("background.crashed", exc=error)


def _retention(settings: Settings) -> Retention:
    return Retention(
        audio_days=settings.audio_days,
        audio_bytes=settings.audio_mib * MIB,
        turn_days=settings.turn_days,
    )


def _readiness(app: FastAPI) -> Health:
    parts: Parts | None = getattr(app.state, "parts", None)
    if parts is None:
        return Health(status="loading")
    used_mib = parts.vault.used_bytes / MIB
    answers = parts.database.answers
    model = ModelHealth(
        name=parts.database.engine.dialect.name,
        state="ready" if answers else "failed",
        detail=None if answers else "The database does not answer: start it, or check its address.",
    )
    return Health(
        status="ok" if answers else "failed",
        models=[model],
        load={"audio_mib": round(used_mib, 1)},
    )
