"""The factory all services are made by: errors, traces, metrics, health and the key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from importlib.metadata import PackageNotFoundError, version

from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from avatar_contract.health import Health
from avatar_contract.service import problems
from avatar_contract.service.auth import ApiKeyMiddleware
from avatar_contract.service.metrics import Metrics, MetricsMiddleware
from avatar_contract.service.settings import ServiceSettings
from avatar_contract.service.slow import BodyTimeMiddleware
from avatar_contract.service.trace import TraceMiddleware

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
Readiness = Callable[[FastAPI], Health]


def create_app(
    name: str,
    settings: ServiceSettings,
    *,
    lifespan: Lifespan,
    routers: Sequence[APIRouter],
    readiness: Readiness,
    metrics: Metrics | None = None,
    guarded: bool = True,
) -> FastAPI:
    """An app named `name` (its folder, e.g. ``stt-service``) with what all services share.

    Args:
        lifespan: builds and ends what the service owns.
        routers: the service's own routes.
        readiness: says how the service is; called on each ``GET /health``. While
            ``app.state.stopping`` is true, the answer is 503 whatever it says.
        metrics: the service's metrics, when it has its own.
        guarded: whether the settings' API key guards the port; the gateway has guards of its own.
    """
    metrics = metrics or Metrics(name)
    # FastAPI's pages of documentation load their scripts from a public address.
    app = FastAPI(
        title=f"AVATAR {name}",
        version=package_version(name),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app)
    app.include_router(_shared_routes(app, name, readiness, metrics))
    for router in routers:
        app.include_router(router)
    app.state.stopping = False
    app.add_middleware(BodyTimeMiddleware)
    if guarded and settings.api_key is not None:
        app.add_middleware(ApiKeyMiddleware, key=settings.api_key)
    app.add_middleware(MetricsMiddleware, metrics=metrics)
    app.add_middleware(TraceMiddleware)
    return app


def package_version(name: str) -> str:
    """The installed version of the service in folder `name`."""
    try:
        return version(f"avatar-{name}")
    except PackageNotFoundError:
        return "0"


def _shared_routes(app: FastAPI, name: str, readiness: Readiness, metrics: Metrics) -> APIRouter:
    router = APIRouter(tags=["service"])

    @router.get("/health", response_model=Health, responses={503: {"model": Health}})
    async def health() -> Response:
        now = readiness(app)
        if app.state.stopping:
            # Nothing failed; 503 keeps new work away, and the same address will be back.
            now = now.model_copy(update={"status": "loading", "detail": "is stopping"})
        now = now.model_copy(update={"service": name, "version": app.version})
        status = 200 if now.status in ("ok", "degraded") else 503
        return JSONResponse(now.model_dump(mode="json"), status)

    @router.get("/metrics", response_class=PlainTextResponse)
    async def metrics_text() -> Response:
        return Response(metrics.render(), media_type="text/plain; version=0.0.4")

    return router
