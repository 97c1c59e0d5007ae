"""The gateway's REST alone, before any set of services."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

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
from gateway.edge.admission import Admission
from gateway.edge.decode import DecodeWorkers
from gateway.edge.guard import GuardConfig, install_guards
from gateway.rest import (
    RestDeps,
    StageFigures,
    Upstream,
    login_router,
    openai_router,
    product_router,
    web_router,
)

NOWHERE = "http://127.0.0.1:9"
"""The discard port: nobody listens there."""


def build_app(
    http: httpx.AsyncClient,
    workers: DecodeWorkers,
    urls: dict[str, str],
    config: GuardConfig,
    dist: Path | None,
) -> FastAPI:
    """The REST of a gateway before the services at `urls`; those left out are away."""

    def upstream(name: str, failure: type[StageError]) -> Upstream:
        return Upstream(f"{name}-service", http, urls.get(name, NOWHERE), failure)

    app = FastAPI(title="gateway", docs_url=None, redoc_url=None)
    problems.install(app)
    for router in (login_router(), product_router(), openai_router()):
        app.include_router(router)
    if dist is not None:
        app.include_router(web_router(dist))
    guards = install_guards(app, config)
    app.state.rest = RestDeps(
        stt=upstream("stt", SttUnavailable),
        llm=upstream("llm", LlmUnavailable),
        tts_fast=upstream("tts", TtsUnavailable),
        tts_hq=upstream("tts", TtsUnavailable),
        profile=upstream("profile", ProfileUnavailable),
        admission=Admission(),
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
