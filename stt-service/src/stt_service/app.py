"""Wires the service: the only place where its objects are built."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from avatar_contract.health import Health, ModelHealth
from avatar_contract.service import Metrics, create_app
from stt_service import api
from stt_service.backends.base import Recogniser
from stt_service.backends.registry import build
from stt_service.container import Decoder
from stt_service.hearing.ears import Ears
from stt_service.hearing.silero import Silero
from stt_service.hearing.spans import Spotter
from stt_service.meters import Meters
from stt_service.service import Service
from stt_service.settings import SttSettings

NAME = "stt-service"


def make_app(settings: SttSettings | None = None, recogniser: Recogniser | None = None) -> FastAPI:
    """The app. `recogniser` replaces the one that the settings name."""
    settings = settings or SttSettings()
    meters = Meters(Metrics(NAME))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service = await _build(settings, recogniser, meters)
        app.state.service = service
        ticking = asyncio.create_task(service.ears.run(), name="ears")
        warming = asyncio.create_task(service.warm(), name="warm")
        try:
            yield
        finally:
            for task in (warming, ticking):
                task.cancel()
            await asyncio.gather(warming, ticking, return_exceptions=True)
            await service.close()

    return create_app(
        NAME,
        settings,
        lifespan=lifespan,
        routers=[api.router],
        readiness=_readiness,
        metrics=meters.metrics,
    )


async def _build(settings: SttSettings, recogniser: Recogniser | None, meters: Meters) -> Service:
    model = await asyncio.to_thread(Silero.load)
    spotter = Spotter(model)
    return Service(
        settings=settings,
        policy=settings.policy(),
        recogniser=recogniser or build(settings, spotter),
        ears=Ears(model, tick_ms=settings.vad_tick_ms),
        spotter=spotter,
        decoder=Decoder(settings.max_file_s),
        meters=meters,
    )


def _readiness(app: FastAPI) -> Health:
    service: Service | None = getattr(app.state, "service", None)
    if service is None:
        return Health(status="loading", models=[ModelHealth(name="silero", state="loading")])
    return service.health()
