"""The pool: bounded, replaced, and never left over."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from avatar_contract.workers import pool as pools
from avatar_contract.workers.errors import StartFailed, WorkersBusy
from avatar_contract.workers.jobs import Request


async def test_the_one_too_many_waits_and_the_next_is_refused(pool, until):
    async with pool(waiting=1, wait_s=0.3) as made:
        await made.ready()
        job = await made.begin(Request("drip"))
        waiting = asyncio.create_task(made.ask(Request("pid")))
        await until(lambda: made.state.waiting)
        with pytest.raises(WorkersBusy, match="All 1"):
            await made.ask(Request("pid"))
        with pytest.raises(WorkersBusy, match="stayed") as failure:
            await waiting
        assert failure.value.retry_after_s
        waiting = asyncio.create_task(made.ask(Request("pid")))
        await until(lambda: made.state.waiting)
        job.close()
        assert (await waiting).meta["pid"]


async def test_loans_are_refused_beyond_the_limit_and_renewed(pool):
    async with pool(2, waiting=0) as made:
        await made.ready()
        borrowed = [await made.borrow(), await made.borrow()]
        with pytest.raises(WorkersBusy):
            await made.borrow()
        assert made.state.busy == 2
        made.give_back(borrowed[0])
        assert await made.borrow() is borrowed[0]


async def test_workers_beyond_the_warm_ones_end_when_idle(pool, until):
    async with pool(2, idle_s=0.05) as made:
        borrowed = [await made.borrow(), await made.borrow()]
        for worker in borrowed:
            made.give_back(worker)
        await until(lambda: made.state.size == 1)


async def test_a_taker_who_hangs_up_leaves_the_worker_to_the_next(pool, until):
    async with pool(2) as made:
        await made.ready()
        first = await made.borrow()
        hasty = asyncio.create_task(made.borrow())
        await asyncio.sleep(0)
        hasty.cancel()
        await asyncio.gather(hasty, return_exceptions=True)
        made.give_back(first)
        assert made.state.busy == 0
        assert made.state.size <= 2


async def test_one_who_waits_and_is_cancelled_as_it_gets_its_turn_passes_it_on(pool, until):
    async with pool() as made:
        first = await made.borrow()
        waiting = asyncio.create_task(made.borrow())
        await until(lambda: made.state.waiting)
        made.give_back(first)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        async with asyncio.timeout(5):
            assert await made.borrow() is first


async def test_a_worker_killed_while_idle_is_replaced(pool, until):
    async with pool() as made:
        await made.ready()
        old = made.workers[0]
        os.kill(old.pid, signal.SIGKILL)
        await until(lambda: made.workers and made.workers[0] is not old and made.state.ready)


@pytest.mark.parametrize(
    ("load", "why"), [("crash", "no such model"), ("refuse", "licence"), ("hang", "too long")]
)
async def test_an_engine_that_cannot_load_is_named(pool, load, why):
    async with pool(load=load, times={"start_timeout_s": 0.5 if load == "hang" else 30}) as made:
        with pytest.raises(StartFailed, match=why):
            await made.ready()
        with pytest.raises(StartFailed, match=why):
            await made.ask(Request("pid"))


async def test_an_interpreter_that_is_not_there_is_a_clear_failure(pool):
    async with pool(times={"python": "/nowhere/python"}) as made:
        with pytest.raises(StartFailed, match="/nowhere/python"):
            await made.ready()


async def test_starts_that_go_on_failing_end_and_a_job_tries_again(
    pool, until, command, monkeypatch
):
    monkeypatch.setattr(pools, "BACKOFF_S", (0.01, 0.02, 0.03))
    monkeypatch.setattr(pools, "RETRY_S", 0.0)
    tries = []

    async def plan():
        tries.append(1)
        if len(tries) < 5:
            raise StartFailed("no model in the folder")
        return command()

    async with pool(plan=plan) as made:
        await until(lambda: made._given_up_s is not None)
        # The start that gave up ends a step of the loop later.
        await until(lambda: not made._chores)
        assert len(tries) == 3
        for _ in range(2):
            with pytest.raises(StartFailed, match="no model"):
                await made.ask(Request("pid"))
            await until(lambda: not made._chores)
        await until(lambda: made.state.ready)
        assert made.state.failure is None
        assert (await made.ask(Request("pid"))).meta["pid"]


async def test_a_single_use_worker_has_gone_before_its_answer_is_told(pool):
    async with pool(1, 0, single_use=True) as made:
        pids = [(await made.ask(Request("pid"))).meta["pid"] for _ in range(2)]
        assert pids[0] != pids[1]
        assert not any(psutil.pid_exists(pid) for pid in pids)
        both = await asyncio.gather(made.ask(Request("pid")), made.ask(Request("pid")))
        assert both[0].meta["pid"] != both[1].meta["pid"]


async def test_closing_ends_every_process(pool, until):
    async with pool(2, 2) as made:
        await until(lambda: made.state.ready == 2)
        await made.borrow()
        pids = [worker.pid for worker in made.workers]
    assert not any(psutil.pid_exists(pid) for pid in pids)


@pytest.mark.parametrize("told", ["start", "sleep"])
async def test_workers_end_when_their_service_is_killed(until, told):
    script = (
        "import asyncio, sys\n"
        "from avatar_contract.workers.jobs import Request\n"
        "from avatar_contract.workers.process import Worker, WorkerCommand\n"
        "async def main():\n"
        "    worker = await Worker.spawn(WorkerCommand('odd:Odd', path=(sys.argv[1],)))\n"
        "    await worker.loaded\n"
        "    worker.tell(Request(sys.argv[2]))\n"
        "    print(worker.pid, flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    service = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        script,
        str(Path(__file__).parent),
        told,
        stdout=asyncio.subprocess.PIPE,
    )
    assert service.stdout is not None
    pid = int(await service.stdout.readline())
    service.kill()
    await service.wait()
    await until(lambda: not _lives(pid))


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
