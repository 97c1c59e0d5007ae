"""A body that comes too slowly is refused: a real server, short limits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from fastapi import FastAPI, Request

from avatar_contract.service.slow import BodyTimeMiddleware

HEAD = b"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n"


@asynccontextmanager
async def serving(**limits: float) -> AsyncIterator[int]:
    app = FastAPI()

    @app.post("/body")
    async def body(request: Request) -> int:
        return len(await request.body())

    app.add_middleware(BodyTimeMiddleware, **limits)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await task


async def answer(port: int, pieces: int, every_s: float) -> bytes:
    """Sends `pieces` bytes of the 100, one each `every_s`, and reads until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEAD)

    async def dribble() -> None:
        for _ in range(pieces):
            writer.write(b"x")
            await asyncio.sleep(every_s)

    task = asyncio.create_task(dribble())
    async with asyncio.timeout(10):
        got = await reader.read()
    task.cancel()
    writer.close()
    return got


async def a_pause() -> bytes:
    async with serving(gap_s=0.2) as port:
        return await answer(port, 1, 0.0)


async def one_byte_at_a_time() -> bytes:
    async with serving(gap_s=5, free_s=0.2, min_rate=1000) as port:
        return await answer(port, 100, 0.1)


@pytest.mark.parametrize("way", [a_pause, one_byte_at_a_time])
def test_a_slow_body_is_answered_408(way: object) -> None:
    got = asyncio.run(way())  # type: ignore[operator]
    assert got.startswith(b"HTTP/1.1 408")
    assert b"BAD_MESSAGE" in got


def test_a_steady_body_is_taken() -> None:
    async def run() -> bytes:
        async with serving(gap_s=5, free_s=0.2, min_rate=20) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(HEAD.replace(b"Host", b"Connection: close\r\nHost"))
            for _ in range(20):
                writer.write(b"xxxxx")
                await asyncio.sleep(0.02)
            async with asyncio.timeout(10):
                got = await reader.read()
            writer.close()
            return got

    assert asyncio.run(run()).endswith(b"100")
