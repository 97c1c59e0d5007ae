"""A real service on a real port, and speech to feed it."""

import asyncio
import importlib.util
import json
import sys
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect

from avatar_contract.listen import ListenEvent, parse_event
from stt_service.app import make_app
from stt_service.settings import SttSettings

SPEECH = Path(__file__).parent.parent / "data" / "speech"
ENDINGS = {"final", "no_speech", "error", "cleared"}


@dataclass
class Clips:
    """The test speech: `pcm(name)` as mono 16 kHz s16le, `text(name)` its words."""

    folder: Path = SPEECH
    words: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        listed = json.loads((self.folder / "clips.json").read_text())
        self.words = {one["file"].removesuffix(".wav"): one["text"] for one in listed}

    def wav(self, name: str) -> bytes:
        return (self.folder / f"{name}.wav").read_bytes()

    def pcm(self, name: str) -> bytes:
        with wave.open(str(self.folder / f"{name}.wav")) as clip:
            return clip.readframes(clip.getnframes())

    def text(self, name: str) -> str:
        return self.words[name]


class Socket:
    """The gateway's side of ``/v1/listen``."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.seen: list[ListenEvent] = []

    async def configure(self, **fields: object) -> None:
        await self.send(type="configure", **fields)

    async def send(self, **fields: object) -> None:
        await self.connection.send(json.dumps(fields))

    async def audio(self, pcm: bytes, chunk: int = 3200) -> None:
        for at in range(0, len(pcm), chunk):
            await self.connection.send(pcm[at : at + chunk])

    async def live(self, pcm: bytes, chunk_ms: int = 20) -> None:
        """Sends as a microphone does: each chunk when its time has come."""
        loop = asyncio.get_running_loop()
        began, step = loop.time(), chunk_ms * 32
        for n, at in enumerate(range(0, len(pcm), step)):
            await asyncio.sleep(began + n * chunk_ms / 1000 - loop.time())
            await self.connection.send(pcm[at : at + step])

    async def event(self) -> ListenEvent:
        event = parse_event(await asyncio.wait_for(self.connection.recv(), 30))
        self.seen.append(event)
        return event

    async def until(self, *types: str) -> ListenEvent:
        while True:
            event = await self.event()
            if event.type in types:
                return event

    async def ending(self) -> ListenEvent:
        return await self.until(*ENDINGS)


@dataclass
class Running:
    """A service that serves."""

    app: FastAPI
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def socket(self) -> AsyncIterator[Socket]:
        async with connect(f"ws://127.0.0.1:{self.port}/v1/listen", compression=None) as connection:
            yield Socket(connection)

    async def ready(self) -> None:
        async with httpx.AsyncClient() as client:
            while (await client.get(f"{self.url}/health")).status_code != 200:
                await asyncio.sleep(0.05)


Serve = Callable[..., Awaitable[Running]]


@pytest.fixture(scope="session")
def clips() -> Clips:
    return Clips()


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[Running]:
    config = uvicorn.Config(
        app, port=0, log_config=None, ws="websockets-sansio", timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        if task.done():
            task.result()
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Running(app, port)
    finally:
        server.should_exit = True
        await task


@pytest.fixture(scope="session")
def serving_app() -> Callable[[FastAPI], AbstractAsyncContextManager[Running]]:
    """`serving`, for fixtures of a whole session."""
    return serving


# Starting a service costs a second, so the services of a module share a loop, and most tests one
# service: modules that use these say `pytestmark = pytest.mark.asyncio(loop_scope="module")`.


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def serve() -> AsyncIterator[Serve]:
    """Starts services with settings, or a recogniser of the test's own; ends them afterwards."""
    from contextlib import AsyncExitStack

    async with AsyncExitStack() as stack:

        async def start(
            recogniser: object = None, *, wait: bool = True, **settings: object
        ) -> Running:
            app = make_app(SttSettings(**settings), recogniser)  # type: ignore[arg-type]
            running = await stack.enter_async_context(serving(app))
            if wait:
                await running.ready()
            return running

        yield start


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stt(serve: Serve) -> Running:
    """The embedded recogniser."""
    return await serve(workers=2)


@pytest.fixture(scope="session")
def studios():
    """The module `studio`: marked tones, and a recogniser that reads the marks."""
    spec = importlib.util.spec_from_file_location(
        "stt_studio", Path(__file__).with_name("studio.py")
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["stt_studio"] = module
    spec.loader.exec_module(module)
    return module
