"""Wires the gateway: the only place where its objects are built."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import opencc
from fastapi import APIRouter, FastAPI
from pydantic import SecretStr
from starlette.websockets import WebSocket

from avatar_contract.errors import (
    LlmUnavailable,
    ProfileUnavailable,
    SttUnavailable,
    TtsUnavailable,
)
from avatar_contract.health import Health
from avatar_contract.service import Metrics, create_app, outbound
from avatar_contract.terms import Limits, NoticeCode, TtsMode
from gateway.dialects.chat_socket import serve_chat
from gateway.edge.decode import DecodeWorkers
from gateway.edge.guard import GuardConfig, ThrottleRates, install_guards
from gateway.live.admission import Admission
from gateway.live.engines import engine_notice
from gateway.live.factory import Scripts, SessionFactory, SessionSettings
from gateway.live.figures import Figures
from gateway.live.registry import SessionRegistry
from gateway.live.spool import Spool
from gateway.live.spool_file import SpoolFile
from gateway.live.tokens import grant_resume
from gateway.rest import RestDeps, login_router, openai_router, product_router, web_router
from gateway.services.caller import Address, Caller
from gateway.services.health import ServiceWatch
from gateway.services.llm import ChatModel, ChatSettings
from gateway.services.pools import new_client
from gateway.services.profile import Profiles
from gateway.services.stt import ListenClient
from gateway.services.tts import SpeechClient
from gateway.services.voices import Voices
from gateway.session.outputs import NoticeGiven
from gateway.session.ports import Engines
from gateway.settings import Settings

_READ_WAIT_S = 1.0
"""How long a reader waits for turns that have just ended to reach profile-service."""


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
    app: FastAPI, s: Settings, addresses: list[Address], metrics: Metrics, stack: AsyncExitStack
) -> None:
    http = await stack.enter_async_context(new_client())
    callers = {address.name: Caller(http, address) for address in addresses}
    watch = ServiceWatch(callers, model=s.llm_model, model_licence=s.llm_licence)
    workers = DecodeWorkers()
    stack.callback(workers.close)
    await watch.start()
    stack.push_async_callback(watch.stop)
    admission = Admission(s.max_sessions, s.max_waiting)
    figures = Figures(metrics)
    profiles = Profiles(callers["profile"])
    speakers: dict[TtsMode, Caller] = {"fast": callers["tts_fast"], "hq": callers["tts_hq"]}
    voices = Voices(profiles, speakers, callers["stt"])
    model = _model(s, callers["llm"], watch)
    engines = Engines(
        ListenClient(callers["stt"].address, callers["stt"].breaker),
        model,
        SpeechClient(voices, silence_timeout_s=s.tts_timeout_s),
        profiles,
    )
    spool = Spool(
        SpoolFile.open(s.home / "gateway"),
        profiles,
        max_sound_bytes=s.spool_max_mib * 2**20,
    )
    await spool.start()
    stack.push_async_callback(spool.stop)
    factory = SessionFactory(
        engines,
        _shared(s),
        spool,
        workers,
        Scripts(opencc.OpenCC("s2twp"), opencc.OpenCC("t2s")),
        engines_info=watch.engines,
        busy=lambda: model.in_flight >= s.llm_busy_requests,
        figures=figures.take,
        notices=lambda: _notices(watch),
        loading=watch.loading,
    )
    sessions = SessionRegistry(factory, admission, detached_s=s.detached_s)
    stack.push_async_callback(sessions.close)
    watch.on_change = lambda stage, away: sessions.tell_all(engine_notice(stage, away=away))
    app.state.watch, app.state.sessions, app.state.spool = watch, sessions, spool
    app.state.rest = RestDeps(
        **callers,
        profiles=profiles,
        voices=voices,
        admission=admission,
        delivered=lambda session_id: spool.flush(_READ_WAIT_S, session_id=session_id),
        grant_resume=partial(grant_resume, profiles, s.resume_ttl_s),
        keys=app.state.keys,
        decoding=workers,
        figures=figures.stages,
        max_recording_s=s.stt_max_file_s,
    )


def _model(s: Settings, caller: Caller, watch: ServiceWatch) -> ChatModel:
    chat = ChatSettings(
        model=lambda: watch.model,
        max_tokens=s.llm_max_tokens,
        temperature=s.llm_temperature,
        first_token_timeout_s=s.llm_timeout_s,
    )
    return ChatModel(caller, chat)


def _shared(s: Settings) -> SessionSettings:
    limits = Limits(
        max_payload_bytes=s.max_payload_bytes,
        max_chunks=s.max_chunks,
        chunk_timeout_s=s.chunk_timeout_s,
        max_binary_s=s.max_binary_s,
        max_text_chars=s.max_text_chars,
    )
    return SessionSettings(
        limits=limits,
        instructions=s.instructions,
        vocabulary=s.vocabulary,
        thinking_opened=s.llm_thinking_opened,
        token_budget=s.token_budget,
        token_life_s=s.resume_ttl_s,
    )


def _notices(watch: ServiceWatch) -> list[NoticeGiven]:
    """What a client is told when it connects."""
    notices = [engine_notice(stage, away=True) for stage in sorted(watch.away)]
    public = watch.public()
    if public:
        what = f"Speech or text leaves the premises: {', '.join(public)} is a public address."
        notices.append(NoticeGiven(NoticeCode.PUBLIC_ENGINE, what))
    return notices


def _chat() -> APIRouter:
    router = APIRouter()

    @router.websocket("/ws/chat")
    async def chat(socket: WebSocket) -> None:
        await serve_chat(socket, socket.app.state.sessions)

    return router


def _readiness(app: FastAPI) -> Health:
    watch: ServiceWatch = app.state.watch
    sessions: SessionRegistry = app.state.sessions
    spool: Spool = app.state.spool
    load = {
        "sessions": float(sessions.admission.held),
        "sessions_without_client": float(sessions.detached),
        "records_waiting": float(spool.pending),
    }
    health = watch.health().model_copy(update={"load": load, "detail": spool.complaint})
    return health.model_copy(update={"status": "degraded"}) if _is_worse(health) else health


def _is_worse(health: Health) -> bool:
    return health.status == "ok" and health.detail is not None


def _guards(s: Settings) -> GuardConfig:
    return GuardConfig(
        auth=s.auth,
        api_key=_plain(s.api_key),
        allowed_hosts=_listed(s.allowed_hosts),
        allowed_origins=_listed(s.allowed_origins),
        rates=ThrottleRates.of(s.requests_per_s, s.sockets_per_s),
    )


def _addresses(s: Settings) -> list[Address]:
    stt, llm = _plain(s.stt_api_key), _plain(s.llm_api_key)
    tts, profile = _plain(s.tts_api_key), _plain(s.profile_api_key)
    return [
        Address("stt", "stt-service", s.stt_url, SttUnavailable, stt),
        Address("llm", "llm-service", s.llm_url, LlmUnavailable, llm),
        Address("tts_fast", "tts-service", s.tts_fast_url, TtsUnavailable, tts),
        Address("tts_hq", "tts-service", s.tts_hq_url, TtsUnavailable, tts),
        Address("profile", "profile-service", s.profile_url, ProfileUnavailable, profile),
    ]


def _plain(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part for part in (piece.strip() for piece in text.split(",")) if part)
