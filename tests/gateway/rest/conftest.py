"""The gateway's REST alone, before any set of services."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from avatar_contract.errors import (
    LlmUnavailable,
    ProfileUnavailable,
    StageError,
    SttUnavailable,
    TtsUnavailable,
)
from avatar_contract.service import problems
from avatar_contract.terms import TtsMode
from gateway.edge.decode import DecodeWorkers
from gateway.edge.guard import GuardConfig, install_guards
from gateway.live.admission import Admission
from gateway.live.figures import StageFigures
from gateway.live.tokens import grant_resume
from gateway.rest import (
    RestDeps,
    login_router,
    openai_router,
    product_router,
    web_router,
)
from gateway.services.caller import Address, Caller
from gateway.services.profile import Profiles
from gateway.services.voices import Voices

NOWHERE = "http://127.0.0.1:9"
"""The discard port: nobody listens there."""


async def nothing_waits(_session_id: UUID | None) -> None:
    """There is no spool in these tests."""


def build_app(
    http: httpx.AsyncClient,
    workers: DecodeWorkers,
    urls: dict[str, str],
    config: GuardConfig,
    dist: Path | None,
) -> FastAPI:
    """The REST of a gateway before the services at `urls`; those left out are away."""

    def caller(name: str, failure: type[StageError]) -> Caller:
        url = urls.get(name.split("_", maxsplit=1)[0], NOWHERE)
        return Caller(http, Address(name, f"{name}-service", url, failure))

    tts: dict[TtsMode, Caller] = {
        "fast": caller("tts_fast", TtsUnavailable),
        "hq": caller("tts_hq", TtsUnavailable),
    }
    stt, profile = caller("stt", SttUnavailable), caller("profile", ProfileUnavailable)
    profiles = Profiles(profile)

    app = FastAPI(title="gateway", docs_url=None, redoc_url=None)
    problems.install(app)
    for router in (login_router(), product_router(), openai_router()):
        app.include_router(router)
    if dist is not None:
        app.include_router(web_router(dist))
    guards = install_guards(app, config)
    app.state.rest = RestDeps(
        stt=stt,
        llm=caller("llm", LlmUnavailable),
        tts_fast=tts["fast"],
        tts_hq=tts["hq"],
        profile=profile,
        profiles=profiles,
        voices=Voices(profiles, tts, stt),
        admission=Admission(),
        delivered=nothing_waits,
        grant_resume=partial(grant_resume, profiles, 3600),
        keys=guards.keys,
        decoding=workers,
        figures=lambda: {"llm": StageFigures(count=1, p50_ms=5, p95_ms=9)},
    )
    return app


Gateway = Callable[..., AbstractAsyncContextManager[str]]


@pytest.fixture(scope="session")
def gateway(host: Any) -> Gateway:
    """`async with gateway(urls, config, dist) as address`; equal ones are started once."""

    @asynccontextmanager
    async def serve(
        urls: dict[str, str], config: GuardConfig | None = None, dist: Path | None = None
    ) -> AsyncIterator[str]:
        chosen = config or GuardConfig()

        @asynccontextmanager
        async def factory() -> AsyncIterator[FastAPI]:
            workers = DecodeWorkers()
            async with httpx.AsyncClient(trust_env=False) as http:
                yield build_app(http, workers, urls, chosen, dist)
            workers.close()

        key = (tuple(sorted(urls.items())), chosen.api_key, dist)
        yield await asyncio.to_thread(host, key, factory)

    return serve
