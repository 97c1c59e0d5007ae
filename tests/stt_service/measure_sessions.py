"""What a session costs: CPU and memory of a real stt-service, hands-free, in real time.

    python tests/stt_service/measure_sessions.py --sessions 50 --seconds 20

Not a test. Each session sends 20 ms frames: a spoken clip, then silence or room noise, over and
over (about a third is speech). The recogniser is a stand-in behind the `openai` backend that
answers after 120 ms, so what is measured is hearing, endpointing and the calls.
"""

import argparse
import asyncio
import contextlib
import json
import os
import sys
import time
import wave
from pathlib import Path

import numpy as np
import psutil
import uvicorn
from fastapi import FastAPI, Request
from starlette.requests import ClientDisconnect
from websockets.asyncio.client import connect

SPEECH = Path(__file__).parent.parent / "data" / "speech"
CHUNK_MS, CYCLE_S = 20, 6.0


def stand_in(delay_s: float) -> FastAPI:
    """Answers every recording with the same words."""
    app = FastAPI()

    @app.post("/v1/audio/transcriptions")
    async def transcribe(request: Request) -> dict[str, str]:
        with contextlib.suppress(ClientDisconnect):  # a look that is no longer wanted
            await request.body()
        await asyncio.sleep(delay_s)
        return {"text": "what time is it"}

    return app


def cycle(noise_db: float | None) -> bytes:
    """A clip and silence after it, 6 s together."""
    with wave.open(str(SPEECH / "time.wav")) as clip:
        speech = np.frombuffer(clip.readframes(clip.getnframes()), np.int16).astype(np.float64)
    whole = np.zeros(int(CYCLE_S * 16_000))
    whole[: len(speech)] = speech
    if noise_db is not None:
        rng = np.random.default_rng(0)
        whole += rng.normal(size=len(whole)) * 32768 * 10 ** (noise_db / 20)
    return whole.clip(-32768, 32767).astype(np.int16).tobytes()


async def session(port: int, pcm: bytes, seconds: float, offset_s: float) -> dict[str, int]:
    """One microphone. Returns how often each event came."""
    seen: dict[str, int] = {}
    async with connect(f"ws://127.0.0.1:{port}/v1/listen", compression=None) as socket:
        await socket.send(json.dumps({"type": "configure", "turn_detection": "server_vad"}))

        async def read() -> None:
            async for text in socket:
                kind = json.loads(text)["type"]
                seen[kind] = seen.get(kind, 0) + 1

        reader = asyncio.create_task(read())
        loop = asyncio.get_running_loop()
        began, step = loop.time(), CHUNK_MS * 32
        at = int(offset_s * 50) * step
        for n in range(int(seconds * 1000 / CHUNK_MS)):
            await asyncio.sleep(began + n * CHUNK_MS / 1000 - loop.time())
            place = (at + n * step) % len(pcm)
            await socket.send(pcm[place : place + step])
        reader.cancel()
    return seen


async def measure(sessions: int, seconds: float, noise_db: float | None) -> dict[str, object]:
    server = uvicorn.Server(uvicorn.Config(stand_in(0.12), port=0, log_config=None))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    stub = server.servers[0].sockets[0].getsockname()[1]
    port = 18_000 + os.getpid() % 1000
    environment = {
        **os.environ,
        "STT_PORT": str(port),
        "STT_BACKEND": "openai",
        "LOG_LEVEL": "WARNING",
        "STT_OPENAI_URL": f"http://127.0.0.1:{stub}/v1",
        "STT_OPENAI_CONCURRENCY": "200",
    }
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "stt_service", env=environment
    )
    try:
        process = psutil.Process(child.pid)
        while not await reachable(port):
            await asyncio.sleep(0.1)
        await session(port, cycle(noise_db), 2, 0)
        before, cpu = process.memory_info().rss, sum(process.cpu_times()[:2])
        peak = before
        began = time.perf_counter()
        pcm = cycle(noise_db)
        tasks = [
            asyncio.create_task(session(port, pcm, seconds, CYCLE_S * n / sessions))
            for n in range(sessions)
        ]
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0.25)
            peak = max(peak, process.memory_info().rss)
        wall = time.perf_counter() - began
        used = sum(process.cpu_times()[:2]) - cpu
        total: dict[str, int] = {}
        for task in tasks:
            for kind, times in task.result().items():
                total[kind] = total.get(kind, 0) + times
    finally:
        child.terminate()
        await child.wait()
        server.should_exit = True
        await serving
    return {
        "sessions": sessions,
        "seconds": seconds,
        "noise_db": noise_db,
        "cpu_ms_per_session_second": round(1000 * used / (sessions * seconds), 2),
        "kib_per_session": round((peak - before) / 1024 / sessions),
        "rss_mib": round(peak / 2**20),
        "wall_s": round(wall, 1),
        "events": total,
    }


async def reachable(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--noise-db", type=float, default=None)
    given = parser.parse_args()
    print(json.dumps(asyncio.run(measure(given.sessions, given.seconds, given.noise_db))))


if __name__ == "__main__":
    main()
