"""Wires the service: the only place where its objects are built."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from fastapi import FastAPI

from avatar_contract.health import Health
from avatar_contract.service import Metrics, create_app
from tts_service import api, backends
from tts_service.backends.base import Backend
from tts_service.settings import TtsSettings
from tts_service.speech import Speaker, SpeechMetrics
from tts_service.voices import VoiceStore

NAME = "tts-service"
_ENCODER_THREADS = 2


def build_app(settings: TtsSettings, backend: Backend | None = None) -> FastAPI:
    """The service. `backend` takes the place of the one that the settings name."""
    metrics = Metrics(NAME)
    engine = backend or backends.build(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        encoders = ThreadPoolExecutor(_ENCODER_THREADS, thread_name_prefix="encode")
        app.state.speaker = Speaker(
            engine,
            VoiceStore(max_voices=settings.max_voices, max_bytes=settings.max_voice_bytes),
            settings,
            SpeechMetrics(metrics),
            encoders,
        )
        await engine.start()
        try:
            yield
        finally:
            await engine.close()
            encoders.shutdown(cancel_futures=True)

    def readiness(_: FastAPI) -> Health:
        now = engine.health()
        well = "degraded" if now.degraded else "ok"
        status = {"ready": well, "idle": well, "loading": "loading", "failed": "failed"}
        return Health.model_validate(
            {
                "status": status[now.model.state],
                "models": [now.model],
                "load": now.load,
                "gpu": now.gpu,
                "engine": engine.info,
            }
        )

    return create_app(
        NAME,
        settings,
        lifespan=lifespan,
        routers=[api.router],
        readiness=readiness,
        metrics=metrics,
    )
