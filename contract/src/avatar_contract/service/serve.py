"""Runs an app in this process, and ends it with the supervisor that started it."""

from __future__ import annotations

import asyncio
import gc
import math
import os
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from types import FrameType

import psutil
import uvicorn
from starlette.types import ASGIApp

from avatar_contract.service import logs
from avatar_contract.service.settings import ServiceSettings
from avatar_contract.service.slow import timed_protocol

log = logs.get_logger(__name__)

SUPERVISOR_ENV = "AVATAR_SUPERVISOR"
"""``pid:create_time`` of the process whose end ends this one."""

Drain = Callable[[], Awaitable[None]]
"""Lets what is under way finish; returns when it has."""

_POLL_S = 0.5
_GRACE_S = 5.0
_CLOSE_S = 2
_WS_MAX_BYTES = 2**21


def serve(
    name: str,
    factory: Callable[[], ASGIApp],
    settings: ServiceSettings,
    *,
    ws_max_bytes: int = _WS_MAX_BYTES,
    drain: Drain | None = None,
    drain_s: float | None = None,
) -> None:
    """Serves `factory()` until SIGTERM, SIGINT, or the end of the supervisor.

    The first signal starts `drain`: connections are still taken, and `/health` says 503. When
    it is through or `drain_s` is over, what is left is closed. A second signal ends at once.

    Args:
        name: the service, in logs.
        ws_max_bytes: the largest WebSocket message that is read, bytes.
        drain: called once, on the loop. Without it, requests and sockets under way are waited for.
        drain_s: the longest that draining may take; without it, the setting STOP_S.
    """
    logs.configure(name, settings.log_level)
    drain_s = settings.stop_s if drain_s is None else drain_s
    server = StoppingServer(factory, settings, drain, drain_s, ws_max_bytes=ws_max_bytes)
    _end_with_supervisor(server)
    server.run()


def make_config(
    factory: Callable[[], ASGIApp], settings: ServiceSettings, ws_max_bytes: int
) -> uvicorn.Config:
    """What uvicorn is told; compressing PCM and 40-byte events costs more than it saves here."""
    return uvicorn.Config(
        factory,
        factory=True,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        http=timed_protocol(settings.idle_s),
        # A client that keeps connections for less never sends on one that is just being closed
        # (httpx: 5 s).
        timeout_keep_alive=math.ceil(settings.idle_s),
        ws="websockets-sansio",
        ws_max_size=ws_max_bytes,
        # Half-open sockets end after twice this. Reading pauses while the application leaves a
        # message unread, and a pong waits behind it: applications must go on receiving.
        ws_ping_interval=settings.ping_s,
        ws_ping_timeout=settings.ping_s,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=_CLOSE_S,
        server_header=False,
    )


class StoppingServer(uvicorn.Server):
    """Lets what is under way finish before uvicorn begins to close.

    uvicorn 0.54 (`WebSocketsSansIOProtocol.shutdown`) tells the application of every open
    WebSocket that its client has gone, sends close 1012 and closes the connection, all at once: a
    turn under way is lost. HTTP requests it waits for. So the waiting comes first.
    """

    def __init__(
        self,
        factory: Callable[[], ASGIApp],
        settings: ServiceSettings,
        drain: Drain | None,
        drain_s: float,
        *,
        ws_max_bytes: int = _WS_MAX_BYTES,
    ) -> None:
        super().__init__(make_config(self._build, settings, ws_max_bytes))
        self._factory = factory
        self._drain = drain or self._until_idle
        self._drain_s = drain_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._draining: asyncio.Task[None] | None = None
        self._asked = 0
        self._app: ASGIApp | None = None

    def _build(self) -> ASGIApp:
        self._app = self._factory()
        return self._app

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        # What start-up has made stays. A full collection that walks through all of it holds every
        # session up: those during start-up took 40 to 90 ms on a busy core.
        gc.collect()
        gc.freeze()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal came; uvicorn calls this in the main thread, between any two instructions."""
        self._captured_signals.append(sig)
        self._asked += 1
        if self._loop is None:
            self.should_exit = True
        elif self._asked == 1:
            self._loop.call_soon_threadsafe(self._begin_to_drain)
        else:
            self._loop.call_soon_threadsafe(self._end_at_once)

    def _begin_to_drain(self) -> None:
        state = getattr(self._app, "state", None)
        if state is not None:
            state.stopping = True
        self._draining = asyncio.get_running_loop().create_task(self._drain_then_exit())

    async def _drain_then_exit(self) -> None:
        try:
            await asyncio.wait_for(self._drain(), self._drain_s)
        except TimeoutError:
            log.warning("service.stop_cut_short", after_s=self._drain_s)
        finally:
            self.should_exit = True

    async def _until_idle(self) -> None:
        while self.server_state.tasks:
            await asyncio.wait(set(self.server_state.tasks))

    def _end_at_once(self) -> None:
        if self._draining is not None:
            self._draining.cancel()
        self.should_exit = True
        self.force_exit = True
        # uvicorn waits for open connections even then, until `timeout_graceful_shutdown`.
        for connection in list(self.server_state.connections):
            connection.transport.abort()


def supervisor_tag(pid: int) -> str:
    """What `SUPERVISOR_ENV` holds for process `pid`; the time tells apart a reused pid."""
    return f"{pid}:{psutil.Process(pid).create_time()}"


def supervisor_lives(tag: str) -> bool:
    """Whether the process that `tag` names still runs."""
    pid, _, created = tag.partition(":")
    try:
        process = psutil.Process(int(pid))
        gone = process.status() == psutil.STATUS_ZOMBIE
        return not gone and abs(process.create_time() - float(created)) < 1
    except psutil.NoSuchProcess:
        return False


def _end_with_supervisor(server: uvicorn.Server) -> None:
    tag = os.environ.get(SUPERVISOR_ENV)
    if not tag:
        return

    def watch() -> None:
        while supervisor_lives(tag):
            time.sleep(_POLL_S)
        server.should_exit = True
        time.sleep(_GRACE_S)
        os._exit(1)

    threading.Thread(target=watch, name="supervisor-watch", daemon=True).start()
