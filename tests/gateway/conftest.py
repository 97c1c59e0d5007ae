"""What gateway tests share: our services as processes, and apps on threads.

A service is started once, when the first test asks for it, on a folder that is thrown away.
"""

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Hashable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.types import ASGIApp

from avatar_contract.audio import read_wav, wav_bytes
from avatar_contract.service import SUPERVISOR_ENV, supervisor_tag
from gateway.app import make_app
from gateway.settings import Settings

START_S = 60
SPEECH = Path(__file__).parents[1] / "data" / "speech"


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
            # A test run that is killed takes its services with it.
            SUPERVISOR_ENV: supervisor_tag(os.getpid()),
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
        self.stop()
        raise AssertionError(f"{self.package} did not start:\n{self._log_tail()}")

    def must_live(self) -> None:
        """Says who went away, rather than leave a heap of tests that could not connect."""
        assert self.process is not None
        status = self.process.poll()
        assert status is None, f"{self.package} ended with {status}:\n{self._log_tail()}"

    def _log_tail(self) -> str:
        return (self.home / f"{self.package}.log").read_text(errors="replace")[-3000:]

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
    service.must_live()
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


AppFactory = Callable[[], AbstractAsyncContextManager[ASGIApp]]
Host = Callable[[Hashable, AppFactory], str]


class AppThread:
    """An app on a thread with a loop of its own."""

    def __init__(self, factory: AppFactory) -> None:
        self._factory = factory
        self._server: uvicorn.Server | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._ready = threading.Event()
        self.url = ""

    def start(self) -> "AppThread":
        self._thread.start()
        assert self._ready.wait(START_S)
        assert self._server is not None
        return self

    def stop(self) -> None:
        assert self._server is not None
        self._server.should_exit = True
        self._thread.join(10)

    async def _run(self) -> None:
        async with self._factory() as app:
            port = free_port()
            config = uvicorn.Config(
                app, port=port, log_level="warning", ws="websockets-sansio", ws_max_size=2**21
            )
            self._server = uvicorn.Server(config)
            task = asyncio.create_task(self._server.serve())
            while not self._server.started and not task.done():
                await asyncio.sleep(0.005)
            self.url = f"http://127.0.0.1:{port}"
            self._ready.set()
            await task


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    """`host(key, factory)` is the address of that app; equal keys are started once."""
    running: dict[Hashable, AppThread] = {}

    def address(key: Hashable, factory: AppFactory) -> str:
        if key not in running:
            running[key] = AppThread(factory).start()
        return running[key].url

    yield address
    for thread in running.values():
        thread.stop()


@pytest.fixture(scope="session")
def whole(
    host: Host, homes: Path, stt: Service, llm: Service, tts: Service, profile: Service
) -> Callable[..., str]:
    """`whole(**settings)`: the address of the whole gateway, before real services."""

    def address(**settings: Any) -> str:
        chosen = Settings(
            **{
                "home": homes,
                "web_dist": homes / "dist",
                "requests_per_s": 10_000,
                "sockets_per_s": 1000,
                "stt_url": stt.url,
                "llm_url": llm.url,
                "tts_fast_url": tts.url,
                "tts_hq_url": tts.url,
                "profile_url": profile.url,
                **settings,
            }
        )
        return host(tuple(sorted(settings.items())), lambda: as_context(make_app(chosen)))

    return address


@asynccontextmanager
async def as_context(app: ASGIApp) -> AsyncIterator[ASGIApp]:
    yield app


@pytest.fixture(scope="session")
def speech() -> Callable[[str], bytes]:
    """A clip of clear English speech by name."""
    return lambda name: (SPEECH / f"{name}.wav").read_bytes()


@pytest.fixture(scope="session")
def reference(speech: Callable[[str], bytes]) -> bytes:
    """Long enough for a voice: three sentences of one speaker."""
    pcm = b"".join(read_wav(speech(name))[0] for name in ("hello", "weather", "coffee"))
    return wav_bytes(pcm, 16_000)
