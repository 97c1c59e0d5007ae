"""Run by test_serve: a service with short limits. Arguments: port, folder, limits as `name=value`.

It notes in files of the folder what has happened, so that nobody has to wait a guessed time.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, WebSocket

from avatar_contract.health import Health
from avatar_contract.service import ServiceSettings, create_app, serve

PORT, FOLDER = int(sys.argv[1]), Path(sys.argv[2])
LIMITS = {name: float(value) for name, value in (pair.split("=") for pair in sys.argv[3:])}
router = APIRouter()


def note(name: str) -> None:
    (FOLDER / name).touch()


async def until(name: str) -> None:
    while not (FOLDER / name).exists():
        await asyncio.sleep(0.01)


@router.get("/work")
async def work() -> str:
    note("work")
    await until("enough")
    return "done"


@router.websocket("/socket")
async def socket(socket: WebSocket) -> None:
    await socket.accept()
    await socket.receive_text()
    note("socket")
    await until("enough")
    await socket.send_text("done")
    await socket.close()


@router.websocket("/quiet")
async def quiet(socket: WebSocket) -> None:
    await socket.accept()
    await socket.receive()


@router.post("/body")
async def body(request: Request) -> int:
    return len(await request.body())


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield
    note("closed")


async def drain() -> None:
    note("draining")
    await until("drained")


def main() -> None:
    known = {name: value for name, value in LIMITS.items() if name in ServiceSettings.model_fields}
    settings = ServiceSettings(port=PORT, **known)  # type: ignore[arg-type]
    app = create_app(
        "test", settings, lifespan=lifespan, routers=[router], readiness=lambda _: Health()
    )
    if "drain_s" in LIMITS:
        serve("test", lambda: app, settings, drain=drain, drain_s=LIMITS["drain_s"])
    else:
        serve("test", lambda: app, settings)


main()
