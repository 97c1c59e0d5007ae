"""500 sessions that end badly leave no task, thread, file or process, here or in the services."""

import asyncio
import gc
import json
import os
import random
import threading
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from gateway.app import make_app
from gateway.settings import Settings

SESSIONS = 500
AT_ONCE = 4


def message(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, **fields})


def chunk(data: bytes, **fields: Any) -> str:
    return message("audio_chunk", data=b64encode(data).decode(), **fields)


async def hear(socket: ClientConnection, *types: str) -> None:
    """Read up to a message of one of `types`, or any error."""
    async with asyncio.timeout(20):
        while True:
            frame = await socket.recv()
            if isinstance(frame, str) and json.loads(frame)["type"] in (*types, "error"):
                return


class Bad:
    """Ways to end badly; each gets an open socket and the sound of a sentence."""

    def __init__(self, pcm: bytes, webm: bytes, rng: random.Random) -> None:
        self._pcm, self._webm, self._rng = pcm, webm, rng

    async def at_once(self, socket: ClientConnection) -> None:
        """Says nothing."""

    async def garbage(self, socket: ClientConnection) -> None:
        for frame in ("{", "[]", "5", message("nothing"), self._rng.randbytes(99)):
            await socket.send(frame)
        await hear(socket)

    async def in_mid_sentence(self, socket: ClientConnection) -> None:
        await socket.send(chunk(self._pcm[: self._rng.randrange(1, 20) * 640]))

    async def half_a_container(self, socket: ClientConnection) -> None:
        at = self._rng.randrange(1, len(self._webm))
        await socket.send(chunk(self._webm[:at], codec="webm_opus"))
        if self._rng.random() < 0.5:
            await socket.send(message("audio_end"))

    async def a_spoilt_container(self, socket: ClientConnection) -> None:
        at = self._rng.randrange(1, len(self._webm))
        spoilt = self._webm[:at] + self._rng.randbytes(3000)
        for start in range(0, len(spoilt), 1500):
            await socket.send(chunk(spoilt[start : start + 1500], codec="webm_opus"))

    async def random_bytes(self, socket: ClientConnection) -> None:
        await socket.send(chunk(self._rng.randbytes(2000), codec="ogg_opus"))
        await hear(socket)

    async def an_odd_byte(self, socket: ClientConnection) -> None:
        await socket.send(chunk(b"abc"))
        await hear(socket)

    async def while_understood(self, socket: ClientConnection) -> None:
        await socket.send(chunk(self._pcm[:16_000]))
        await socket.send(message("audio_end"))

    async def while_answered(self, socket: ClientConnection) -> None:
        await socket.send(message("text", text="Tell me a story."))
        await hear(socket, self._rng.choice(["accepted", "llm_token", "audio_response"]))

    async def hands_free(self, socket: ClientConnection) -> None:
        await socket.send(message("configure", turn_detection="server_vad"))
        await socket.send(self._pcm[:6400])

    def any(self) -> Callable[[ClientConnection], Coroutine[Any, Any, None]]:
        """One of them; those that make the engines work are the rarer ones."""
        quick = [
            self.at_once,
            self.garbage,
            self.in_mid_sentence,
            self.half_a_container,
            self.a_spoilt_container,
            self.random_bytes,
            self.an_odd_byte,
        ]
        slow = [self.while_understood, self.while_answered, self.hands_free]
        return self._rng.choice(quick * 3 + slow)


async def end_badly(url: str, bad: Bad, rng: random.Random) -> None:
    """One session, closed or torn off."""
    async with connect(url, max_size=2**22, close_timeout=1) as socket:
        try:
            await hear(socket, "session")
            await bad.any()(socket)
        except ConnectionClosed:
            return
        if rng.random() < 0.6:
            socket.transport.abort()


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[str]:
    """The gateway on this very loop, so that its tasks can be counted."""
    server = uvicorn.Server(
        uvicorn.Config(make_app(settings), port=0, log_level="error", ws="websockets-sansio")
    )
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"ws://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/ws/chat"
    finally:
        server.should_exit = True
        await task


def count(services: list[psutil.Process]) -> dict[str, int]:
    """What must not grow."""
    gc.collect()
    counts = {
        "tasks": len(asyncio.all_tasks()),
        "threads": threading.active_count(),
        "files": sum(1 for _ in Path("/proc/self/fd").iterdir()),
        "processes": len(psutil.Process(os.getpid()).children(recursive=True)),
    }
    for service in services:
        name = service.cmdline()[-1]
        counts[f"{name} files"] = service.num_fds()
        counts[f"{name} threads"] = service.num_threads()
    return counts


# Connections that are kept warm, and pool threads that start when first needed.
SLACK = {"files": 12, "threads": 6, "tasks": 3, "processes": 1}


@pytest.mark.timeout(300)
async def test_500_sessions_leave_nothing(
    stt: Any,
    llm: Any,
    tts: Any,
    profile: Any,
    homes: Path,
    speech: Callable[[str], bytes],
    tone: Callable,
    opus: Callable,
) -> None:
    rng = random.Random(2026)
    bad = Bad(speech("hello")[44:], opus(tone(0.5, 48_000), "webm"), rng)
    settings = Settings(
        home=homes / "leaks",
        web_dist=homes,
        max_sessions=2 * AT_ONCE,
        sockets_per_s=10_000,
        stt_url=stt.url,
        llm_url=llm.url,
        tts_fast_url=tts.url,
        tts_hq_url=tts.url,
        profile_url=profile.url,
    )
    services = [psutil.Process(s.process.pid) for s in (stt, llm, tts, profile)]
    async with serving(settings) as url:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one() -> None:
            async with gate:
                await end_badly(url, bad, rng)

        await asyncio.gather(*(one() for _ in range(40)))
        before = await settled(services, None)
        await asyncio.gather(*(one() for _ in range(SESSIONS)))
        after = await settled(services, before)
    assert grown(before, after) == {}


def grown(before: dict[str, int], after: dict[str, int]) -> dict[str, tuple[int, int]]:
    """What is more than it was, beyond the slack."""
    return {
        name: (before[name], now)
        for name, now in after.items()
        if now > before[name] + SLACK.get(name.split()[-1], 0)
    }


async def settled(services: list[psutil.Process], before: dict[str, int] | None) -> dict[str, int]:
    """The counts once they stand still, or are back at `before`; at most 30 s are waited."""
    last = count(services)
    for _ in range(30):
        await asyncio.sleep(1)
        now = count(services)
        if now == last if before is None else not grown(before, now):
            return now
        last = now
    return last
