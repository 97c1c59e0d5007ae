"""Two hundred answers that end badly leave the service as it was."""

import asyncio
import contextlib
import random

import httpx
import psutil

from tts_service.backends.process import ProcessBackend

TIMES = 200


async def _one(client: httpx.AsyncClient, dice: random.Random) -> None:
    text = dice.choice(["endless", "fine", "crash", "silent", "", "endless"])
    body = {"input": text, "response_format": dice.choice(["pcm", "mp3"]), "language": "en"}
    with contextlib.suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout(0.25):
            async with client.stream("POST", "/v1/audio/speech", json=body) as answer:
                stop = dice.randrange(4)
                count = 0
                async for _ in answer.aiter_raw():
                    count += 1
                    if count > stop:
                        return


async def _batch(client: httpx.AsyncClient, dice: random.Random) -> None:
    """Eight callers at once, whose connections are gone afterwards."""
    async with httpx.AsyncClient(base_url=client.base_url) as callers:
        await asyncio.gather(*(_one(callers, dice) for _ in range(8)))


def _state(backend: ProcessBackend) -> tuple[list[int], int, int]:
    me = psutil.Process()
    tasks = [task for task in asyncio.all_tasks() if not task.done()]
    return [worker.pid for worker in backend.pool.workers], me.num_fds(), len(tasks)


async def test_hundreds_of_hangups_leave_nothing(serve, odd):
    dice = random.Random(1)
    backend = odd()
    async with serve(backend) as client:
        await client.post("/v1/audio/speech", json={"input": "fine", "response_format": "pcm"})
        await _batch(client, dice)
        pids, files, tasks = await _quiet(client, backend)
        for _ in range(TIMES // 8):
            await _batch(client, dice)
        after = await _quiet(client, backend)
        fine = await client.post("/v1/audio/speech", json={"input": "fine", "language": "en"})
    assert fine.status_code == 200
    assert after[0] == pids, "the workers are the same"
    assert after[1] <= files + 4
    assert after[2] <= tasks + 2


async def _quiet(client: httpx.AsyncClient, backend: ProcessBackend) -> tuple[list[int], int, int]:
    """The state once no worker is busy and the callers' connections are closed."""
    async with asyncio.timeout(60):
        while (await client.get("/health")).json()["load"]["busy"]:
            await asyncio.sleep(0.01)
        while backend.pool.state.waiting:
            await asyncio.sleep(0.01)
    return _state(backend)
