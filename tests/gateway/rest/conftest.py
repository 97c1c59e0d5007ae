"""A gateway's REST over real services: each one a process, on a folder that is thrown away."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from avatar_contract.audio import read_wav, wav_bytes
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

START_S = 60
SPEECH = Path(__file__).parents[2] / "data" / "speech"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Service:
    """A process of one of our packages."""

    package: str
    prefix: str
    home: Path
    env: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "Service":
        env = {
            **os.environ,
            "AVATAR_HOME": str(self.home),
            f"{self.prefix}PORT": str(self.port),
            **self.env,
        }
        with (self.home / f"{self.package}.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.package], env=env, stdout=log, stderr=log
            )
        self._wait()
        return self

    def _wait(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                if httpx.get(f"{self.url}/health", timeout=2).status_code == 200:
                    return
            except httpx.HTTPError:
                time.sleep(0.1)
        log = (self.home / f"{self.package}.log").read_text(errors="replace")
        self.stop()
        raise AssertionError(f"{self.package} did not start:\n{log[-3000:]}")

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("house")


def running(service: Service) -> Iterator[Service]:
    service.start()
    yield service
    service.stop()


@pytest.fixture(scope="session")
def llm(homes: Path) -> Iterator[Service]:
    yield from running(Service("llm_service", "LLM_", homes))


@pytest.fixture(scope="session")
def tts(homes: Path) -> Iterator[Service]:
    yield from running(Service("tts_service", "TTS_", homes))


@pytest.fixture(scope="session")
def stt(homes: Path) -> Iterator[Service]:
    yield from running(Service("stt_service", "STT_", homes))


@pytest.fixture(scope="session")
def profile(homes: Path) -> Iterator[Service]:
    yield from running(Service("profile_service", "PROFILE_", homes))


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


class Server:
    """A gateway on a thread with a loop of its own."""

    def __init__(self, urls: dict[str, str], config: GuardConfig, dist: Path | None) -> None:
        self._given = (urls, config, dist)
        self._server: uvicorn.Server | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._ready = threading.Event()
        self.url = ""

    def start(self) -> "Server":
        self._thread.start()
        assert self._ready.wait(START_S)
        return self

    def stop(self) -> None:
        assert self._server is not None
        self._server.should_exit = True
        self._thread.join(10)

    async def _run(self) -> None:
        workers = DecodeWorkers()
        async with httpx.AsyncClient(trust_env=False) as http:
            app = build_app(http, workers, *self._given)
            port = free_port()
            config = uvicorn.Config(app, port=port, log_level="warning", lifespan="off")
            self._server = uvicorn.Server(config)
            task = asyncio.create_task(self._server.serve())
            while not self._server.started:
                await asyncio.sleep(0.005)
            self.url = f"http://127.0.0.1:{port}"
            self._ready.set()
            await task
        workers.close()


Gateway = Callable[..., AbstractAsyncContextManager[str]]


@pytest.fixture(scope="session")
def gateway() -> Iterator[Gateway]:
    """`async with gateway(urls, config, dist) as address`; equal ones are started once."""
    servers: dict[Any, Server] = {}

    @asynccontextmanager
    async def serve(
        urls: dict[str, str], config: GuardConfig | None = None, dist: Path | None = None
    ) -> AsyncIterator[str]:
        config = config or GuardConfig()
        key = (tuple(sorted(urls.items())), config.api_key, dist)
        if key not in servers:
            servers[key] = await asyncio.to_thread(Server(urls, config, dist).start)
        yield servers[key].url

    yield serve
    for server in servers.values():
        server.stop()


@pytest.fixture(scope="session")
def speech() -> Callable[[str], bytes]:
    """A clip of clear English speech by name."""
    return lambda name: (SPEECH / f"{name}.wav").read_bytes()


@pytest.fixture(scope="session")
def reference(speech: Callable[[str], bytes]) -> bytes:
    """Long enough for a voice: three sentences of one speaker."""
    pcm = b"".join(read_wav(speech(name))[0] for name in ("hello", "weather", "coffee"))
    return wav_bytes(pcm, 16_000)
