"""Wires the gateway: the only place where its objects are built."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

import httpx
import opencc
from fastapi import APIRouter, FastAPI
from pydantic import SecretStr
from starlette.websockets import WebSocket

from avatar_contract.errors import (
    LlmUnavailable,
    ProfileUnavailable,
    StageError,
    SttUnavailable,
    TtsUnavailable,
)
from avatar_contract.health import Health
from avatar_contract.service import Metrics, create_app, outbound
from avatar_contract.wire import Limits, NoticeCode
from gateway.backends.http import bearer, new_client
from gateway.backends.listen_ws import ListenClient
from gateway.backends.llm_http import ChatModel, ChatSettings
from gateway.backends.profile_http import ProfileClient
from gateway.backends.protocols import Engines
from gateway.backends.tts_http import SpeechAddress, SpeechClient
from gateway.backends.watch import Place, ServiceWatch
from gateway.dialects.chat_socket import serve_chat
from gateway.edge.admission import Admission
from gateway.edge.decode import DecodeWorkers
from gateway.edge.guard import GuardConfig, KeyRing, ThrottleRates, install_guards
from gateway.figures import Figures
from gateway.rest import RestDeps, Upstream, login_router, openai_router, product_router, web_router
from gateway.session.factory import Scripts, SessionFactory, SessionSettings
from gateway.session.outputs import NoticeGiven
from gateway.settings import Settings


class _Address(NamedTuple):
    name: str
    folder: str
    url: str
    key: SecretStr | None
    failure: type[StageError]


def make_app(settings: Settings | None = None) -> FastAPI:
    """The application; settings come from the environment when none are given.

    Raises:
        Forbidden: an engine's address is outside private networks, and that is not allowed.
    """
    s = settings or Settings()
    addresses = _addresses(s)
    for address in addresses:
        outbound.check_private(address.url, allow_public=s.allow_public_engines)
    metrics = Metrics("gateway")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await _build(app, s, addresses, metrics, stack)
            yield

    app = create_app(
        "gateway",
        s,
        lifespan=lifespan,
        routers=[
            _chat(),
            product_router(),
            login_router(),
            openai_router(),
            web_router(s.web_dist),
        ],
        readiness=_readiness,
        metrics=metrics,
        guarded=False,
    )
    app.state.keys = install_guards(app, _guards(s)).keys
    return app


async def _build(
    app: FastAPI, s: Settings, addresses: list[_Address], metrics: Metrics, stack: AsyncExitStack
) -> None:
    http = await stack.enter_async_context(new_client())
    places = {a.name: Place(a.url, bearer(_plain(a.key))) for a in addresses}
    watch = ServiceWatch(http, places, model=s.llm_model, model_licence=s.llm_licence)
    workers = DecodeWorkers()
    stack.callback(workers.close)
    await watch.start()
    stack.push_async_callback(watch.stop)
    admission = Admission(s.max_sessions, s.max_waiting)
    figures = Figures(metrics)
    app.state.watch = watch
    app.state.sessions = _sessions(s, http, watch, admission, workers, figures)
    keys: KeyRing = app.state.keys
    upstreams = {
        a.name: Upstream(a.folder, http, a.url, a.failure, _plain(a.key)) for a in addresses
    }
    app.state.rest = RestDeps(
        **upstreams, admission=admission, keys=keys, decoding=workers, figures=figures.stages
    )


def _sessions(
    s: Settings,
    http: httpx.AsyncClient,
    watch: ServiceWatch,
    admission: Admission,
    workers: DecodeWorkers,
    figures: Figures,
) -> SessionFactory:
    profiles = ProfileClient(http, s.profile_url, _plain(s.profile_api_key))
    chat = ChatSettings(
        url=s.llm_url,
        model=lambda: watch.model,
        api_key=_plain(s.llm_api_key),
        max_tokens=s.llm_max_tokens,
        temperature=s.llm_temperature,
        first_token_timeout_s=s.llm_timeout_s,
    )
    model = ChatModel(http, chat)
    tts_key = _plain(s.tts_api_key)
    voice = SpeechClient(
        http,
        {
            "fast": SpeechAddress(s.tts_fast_url, tts_key),
            "hq": SpeechAddress(s.tts_hq_url, tts_key),
        },
        profiles,
        silence_timeout_s=s.tts_timeout_s,
    )
    engines = Engines(ListenClient(s.stt_url, _plain(s.stt_api_key)), model, voice, profiles)
    shared = SessionSettings(
        limits=Limits(
            max_payload_bytes=s.max_payload_bytes,
            max_chunks=s.max_chunks,
            chunk_timeout_s=s.chunk_timeout_s,
            max_binary_s=s.max_binary_s,
            max_text_chars=s.max_text_chars,
        ),
        instructions=s.instructions,
        vocabulary=s.vocabulary,
        token_budget=s.token_budget,
    )
    return SessionFactory(
        engines,
        shared,
        admission,
        workers,
        Scripts(opencc.OpenCC("s2tw"), opencc.OpenCC("t2s")),
        engines_info=watch.engines,
        busy=lambda: model.in_flight >= s.llm_busy_requests,
        figures=figures.take,
        notices=_notices(watch),
        loading=watch.loading,
    )


def _notices(watch: ServiceWatch) -> list[NoticeGiven]:
    public = watch.public()
    if not public:
        return []
    what = f"Speech or text leaves the premises: {', '.join(public)} is a public address."
    return [NoticeGiven(NoticeCode.PUBLIC_ENGINE, what)]


def _chat() -> APIRouter:
    router = APIRouter()

    @router.websocket("/ws/chat")
    async def chat(socket: WebSocket) -> None:
        await serve_chat(socket, socket.app.state.sessions)

    return router


def _readiness(app: FastAPI) -> Health:
    watch: ServiceWatch = app.state.watch
    sessions: SessionFactory = app.state.sessions
    return watch.health().model_copy(update={"load": {"sessions": float(sessions.admission.held)}})


def _guards(s: Settings) -> GuardConfig:
    return GuardConfig(
        auth=s.auth,
        api_key=_plain(s.api_key),
        allowed_hosts=_listed(s.allowed_hosts),
        allowed_origins=_listed(s.allowed_origins),
        rates=ThrottleRates.of(s.requests_per_s, s.sockets_per_s),
    )


def _addresses(s: Settings) -> list[_Address]:
    return [
        _Address("stt", "stt-service", s.stt_url, s.stt_api_key, SttUnavailable),
        _Address("llm", "llm-service", s.llm_url, s.llm_api_key, LlmUnavailable),
        _Address("tts_fast", "tts-service", s.tts_fast_url, s.tts_api_key, TtsUnavailable),
        _Address("tts_hq", "tts-service", s.tts_hq_url, s.tts_api_key, TtsUnavailable),
        _Address(
            "profile", "profile-service", s.profile_url, s.profile_api_key, ProfileUnavailable
        ),
    ]


def _plain(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part for part in (piece.strip() for piece in text.split(",")) if part)
