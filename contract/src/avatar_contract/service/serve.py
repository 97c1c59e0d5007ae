"""Runs an app in this process, and ends it with the supervisor that started it."""

from __future__ import annotations

import gc
import os
import socket
import threading
import time
from collections.abc import Callable

import psutil
import uvicorn
from starlette.types import ASGIApp

from avatar_contract.service import logs
from avatar_contract.service.settings import ServiceSettings

SUPERVISOR_ENV = "AVATAR_SUPERVISOR"
"""``pid:create_time`` of the process whose end ends this one."""

_POLL_S = 0.5
_GRACE_S = 5.0
_WS_MAX_BYTES = 2**21


def serve(
    name: str,
    factory: Callable[[], ASGIApp],
    settings: ServiceSettings,
    *,
    ws_max_bytes: int = _WS_MAX_BYTES,
) -> None:
    """Serves `factory()` until SIGTERM, SIGINT, or the end of the supervisor.

    Args:
        name: the service, in logs.
        ws_max_bytes: the largest WebSocket message that is read, bytes.
    """
    logs.configure(name, settings.log_level)
    # Compressing PCM and 40-byte events costs a core more than it saves a loopback.
    config = uvicorn.Config(
        factory,
        factory=True,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        ws="websockets-sansio",
        ws_max_size=ws_max_bytes,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=3,
        server_header=False,
    )
    server = _Server(config)
    _end_with_supervisor(server)
    server.run()


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What start-up has made stays. A full collection that walks through all of it holds every
        # session up: those during start-up took 40 to 90 ms on a busy core.
        gc.collect()
        gc.freeze()


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
