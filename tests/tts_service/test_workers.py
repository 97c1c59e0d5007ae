"""The pool, with real processes that die, stall and don't listen."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from pathlib import Path

import psutil
import pytest

from avatar_contract.errors import TtsUnavailable
from tts_service.workers.frames import Frame, Kind, body_bytes, decode
from tts_service.workers.pool import WorkerPool
from tts_service.workers.process import WorkerCommand

SOURCE = Path(sys.modules["tts_service.workers"].__path__[0]).parents[1]
Make = Callable[..., AbstractAsyncContextManager[WorkerPool]]


@pytest.fixture
def pool() -> Make:
    @asynccontextmanager
    async def make(
        size: int = 1,
        *,
        max_waiting: int = 4,
        wait_timeout_s: float = 5,
        load: str = "",
        engine: str = "Odd",
        **times: float,
    ) -> AsyncIterator[WorkerPool]:
        path = f"{SOURCE}{os.pathsep}{Path(__file__).parent}"
        command = WorkerCommand(
            engine=f"engines:{engine}",
            settings=json.dumps({"load": load}),
            environment={"PYTHONPATH": path},
            **times,
        )
        made = WorkerPool(command, size, max_waiting=max_waiting, wait_timeout_s=wait_timeout_s)
        await made.start()
        try:
            yield made
        finally:
            await made.close()

    return make


async def _spoken(pool: WorkerPool, text: str) -> int:
    return sum([len(pcm) async for pcm in pool.speak({"runs": [["en", text]]}, None)])


def _endless(pool: WorkerPool) -> AsyncGenerator[bytes, None]:
    return pool.speak({"runs": [["en", "endless"]]}, None)


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def test_sound_comes_through(pool):
    async with pool() as made:
        assert await _spoken(made, "fine") == 4800


async def test_a_failing_job_leaves_the_worker(pool):
    async with pool() as made:
        pid = (await made.ask("pid", {}))["pid"]
        with pytest.raises(TtsUnavailable, match="RuntimeError"):
            await _spoken(made, "crash")
        assert (await made.ask("pid", {}))["pid"] == pid


@pytest.mark.parametrize("how", ["die", "die later"])
async def test_a_dead_worker_fails_its_job_and_the_next_one_works(pool, how):
    async with pool() as made:
        with pytest.raises(TtsUnavailable, match="died") as failure:
            await _spoken(made, how)
        assert failure.value.retryable
        assert await _spoken(made, "fine") == 4800


async def test_a_worker_killed_while_idle_is_replaced(pool):
    async with pool() as made:
        await _spoken(made, "fine")
        old = made.pids
        os.kill(old[0], signal.SIGKILL)
        await _until(lambda: made.pids and made.pids != old)
        assert await _spoken(made, "fine") == 4800


async def test_a_stalled_worker_is_killed_and_replaced(pool):
    async with pool(stall_timeout_s=0.3) as made:
        with pytest.raises(TtsUnavailable, match="stalled"):
            await _spoken(made, "stall")
        assert await _spoken(made, "fine") == 4800


async def test_hanging_up_frees_the_worker_at_once(pool):
    async with pool() as made:
        pid = (await made.ask("pid", {}))["pid"]
        async with aclosing(_endless(made)) as sound:
            await anext(sound)
        assert await _spoken(made, "fine") == 4800
        assert made.pids == [pid]


async def test_a_worker_that_does_not_hear_the_cancel_is_killed(pool):
    async with pool(cancel_timeout_s=0.2) as made:
        async with aclosing(made.speak({"runs": [["en", "deaf"]]}, None)) as sound:
            await anext(sound)
            old = made.pids
        assert await _spoken(made, "fine") == 4800
        assert made.pids != old


async def test_a_slow_listener_holds_a_bounded_amount(pool):
    async with pool() as made, aclosing(_endless(made)) as sound:
        await anext(sound)
        worker = psutil.Process(made.pids[0])
        await _until(lambda: worker.status() == psutil.STATUS_SLEEPING)
        assert psutil.Process().memory_info().rss < 2**30
        assert made.now().busy == 1


async def test_the_one_too_many_is_refused(pool):
    async with (
        pool(max_waiting=1, wait_timeout_s=1.0) as made,
        aclosing(_endless(made)) as sound,
    ):
        await _until(lambda: made.pids)
        await anext(sound)
        waiting = asyncio.create_task(_spoken(made, "fine"))
        await _until(lambda: made.now().waiting)
        with pytest.raises(TtsUnavailable, match="queue"):
            await _spoken(made, "fine")
        with pytest.raises(TtsUnavailable, match="busy") as failure:
            await waiting
    assert failure.value.retry_after_s == 2


async def test_an_engine_that_cannot_load_is_named_in_health_and_refusals(pool):
    async with pool(load="crash") as made:
        await _until(lambda: made.now().failure)
        assert "no such model" in made.now().failure
        with pytest.raises(TtsUnavailable, match="no such model"):
            await _spoken(made, "fine")


async def test_an_engine_that_hangs_while_loading_is_given_up(pool):
    async with pool(load="hang", start_timeout_s=0.5) as made:
        await _until(lambda: made.now().failure)
        assert "too long" in made.now().failure


async def test_an_interpreter_that_is_not_there_is_a_clear_failure():
    command = WorkerCommand(engine="x:Y", settings="{}", python="/nowhere/python")
    made = WorkerPool(command, 1, max_waiting=1, wait_timeout_s=1)
    await made.start()
    await _until(lambda: made.now().failure)
    assert "/nowhere/python" in made.now().failure
    await made.close()


async def test_an_idle_engine_rests_and_wakes(pool):
    async with pool(engine="Sleepy") as made:
        async with asyncio.timeout(10):
            while not (await made.ask("pid", {}))["rests"]:
                await asyncio.sleep(0.06)
        assert await _spoken(made, "fine") == 4800


async def test_closing_ends_every_process(pool):
    async with pool(size=2) as made:
        await _until(lambda: len(made.pids) == 2)
        pids = made.pids
    assert not any(psutil.pid_exists(pid) for pid in pids)


async def test_workers_end_when_their_service_is_killed():
    script = (
        "import asyncio, json, sys\n"
        "from tts_service.workers.pool import WorkerPool\n"
        "from tts_service.workers.process import WorkerCommand\n"
        "async def main():\n"
        "    env = json.loads(sys.argv[1])\n"
        "    c = WorkerCommand(engine='engines:Odd', settings='{}', environment=env)\n"
        "    p = WorkerPool(c, 2, max_waiting=1, wait_timeout_s=9)\n"
        "    await p.start()\n"
        "    while len(p.pids) < 2: await asyncio.sleep(0.01)\n"
        "    print(*p.pids, flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    path = f"{SOURCE}{os.pathsep}{Path(__file__).parent}"
    service = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, json.dumps({"PYTHONPATH": path}),
        stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert service.stdout is not None
    pids = [int(pid) for pid in (await service.stdout.readline()).split()]
    service.kill()
    await service.wait()
    await _until(lambda: not any(_lives(pid) for pid in pids))
    assert len(pids) == 2


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_frames_round_trip():
    frame = Frame(Kind.JOB, 7, {"runs": [["zh", "你好"]]}, b"\x00\x01")
    data = frame.encode()
    assert body_bytes(data[:13]) == len(data) - 13
    assert decode(data[:13], data[13:]) == frame


def test_a_frame_of_impossible_size_is_refused():
    with pytest.raises(ValueError, match="larger"):
        body_bytes(b"\x06" + b"\xff" * 12)
