"""Wires llm-service together."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from avatar_contract.health import Health, ModelHealth
from avatar_contract.service import create_app
from llm_service.api import router
from llm_service.backends.registry import build
from llm_service.settings import Settings


def make_app(settings: Settings | None = None) -> FastAPI:
    """The application; settings come from the environment when none are given."""
    chosen = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.settings = chosen
        app.state.started = int(time.time())
        app.state.backend = build(chosen)
        yield

    return create_app(
        "llm-service", chosen, lifespan=lifespan, routers=[router], readiness=_readiness
    )


def _readiness(app: FastAPI) -> Health:
    info = app.state.backend.info
    return Health(
        models=[ModelHealth(name=app.state.settings.model, detail=info.notice)], engine=info
    )
