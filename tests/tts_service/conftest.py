"""A real service on a real socket, with the embedded engine."""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
import pytest_asyncio
import soxr
import uvicorn
from fastapi import FastAPI

from avatar_contract.audio import wav_bytes
from avatar_contract.terms import EngineInfo
from tts_service.app import build_app
from tts_service.backends.base import Backend
from tts_service.backends.process import ProcessBackend, ProcessEngine
from tts_service.settings import TtsSettings

SOURCE = Path(sys.modules["tts_service"].__path__[0]).parent
Serve = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """`app` behind uvicorn, ready, and a client of it."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=2))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            async with asyncio.timeout(60):
                while not await _answers(client):
                    await asyncio.sleep(0.02)
            yield client
    finally:
        server.should_exit = True
        await running


async def _answers(client: httpx.AsyncClient) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return (await client.get("/health")).status_code == 200
    return False


@pytest.fixture(scope="session")
def serving() -> Callable[[FastAPI], AbstractAsyncContextManager[httpx.AsyncClient]]:
    """`served`, for a module whose service lives for the whole session."""
    return served


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., TtsSettings]:
    """Settings with a home of their own."""

    def make(**changes: object) -> TtsSettings:
        return TtsSettings.model_validate({"home": tmp_path, "workers": 1, "port": 1, **changes})

    return make


@pytest.fixture
def serve(settings: Callable[..., TtsSettings]) -> Serve:
    """``async with serve(engine="espeak") as client``."""

    def make(
        backend: Backend | None = None, **changes: object
    ) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        return served(build_app(settings(**changes), backend))

    return make


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """A service that the tests of a module share."""
    home = tmp_path_factory.mktemp("home")
    settings = TtsSettings.model_validate({"home": home, "workers": 1, "port": 1})
    async with served(build_app(settings)) as shared:
        yield shared


@pytest.fixture
def odd(settings) -> Callable[..., ProcessBackend]:
    """The engine that does what its text says (engines.py)."""

    def make(**changes: object) -> ProcessBackend:
        fields = {
            "info": EngineInfo(name="odd", kind="embedded", languages=["en", "zh"]),
            "worker": "engines:Odd",
            "config": {},
            "voices": {"en": "odd", "zh": "odd"},
            "environment": {"PYTHONPATH": f"{SOURCE}{os.pathsep}{Path(__file__).parent}"},
        }
        engine = ProcessEngine(**(fields | changes))
        return ProcessBackend(engine, settings())

    return make


@pytest.fixture
def voiced_wav() -> Callable[..., bytes]:
    """A wav of a vowel: a pulse train of `f0` Hz through `formants` (Hz)."""

    def make(
        f0: float = 120.0,
        seconds: float = 3.0,
        rate: int = 16_000,
        channels: int = 1,
        formants: tuple[float, ...] = (500, 1500, 2500, 3500),
    ) -> bytes:
        samples = soxr.resample(_vowel(f0, seconds, 48_000, formants), 48_000, rate)
        return wav_bytes(np.repeat(samples, channels).tobytes(), rate, channels)

    return make


def _vowel(f0: float, seconds: float, rate: int, formants: tuple[float, ...]) -> np.ndarray:
    count = int(seconds * rate)
    phase = np.cumsum(np.full(count, f0 / rate))
    sound = np.diff(np.floor(phase), prepend=0.0)
    for formant in formants:
        sound = _resonate(sound, formant, rate)
    return (sound / np.abs(sound).max() * 12_000).astype(np.int16)


def _resonate(sound: np.ndarray, formant: float, rate: int, bandwidth: float = 80.0) -> np.ndarray:
    radius = np.exp(-np.pi * bandwidth / rate)
    step = 2 * np.pi * formant / rate
    length = int(rate * 0.05)
    n = np.arange(length)
    impulse = radius**n * np.sin(step * (n + 1)) / np.sin(step)
    return np.convolve(sound, impulse)[: len(sound)]
