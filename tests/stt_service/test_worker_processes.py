"""Workers: bounded, replaced, and never left over."""

import asyncio
import subprocess
import sys

import psutil
import pytest

from avatar_contract.errors import SttUnavailable
from stt_service.backends import sphinx_worker
from stt_service.workers.pool import WorkerPool
from stt_service.workers.process import Worker


async def spawn() -> Worker:
    return await Worker.spawn(sphinx_worker.__name__)


@pytest.fixture
async def pool():
    pool = WorkerPool(spawn, limit=2, warm=1, idle_s=0.05)
    await pool.start()
    yield pool
    await pool.close()


async def test_one_too_many_is_refused(pool):
    borrowed = [await pool.borrow(), await pool.borrow()]
    with pytest.raises(SttUnavailable) as refusal:
        await pool.borrow()
    assert refusal.value.retryable
    assert refusal.value.retry_after_s
    pool.give_back(borrowed[0])
    assert await pool.borrow() is borrowed[0]


async def test_idle_workers_beyond_the_warm_ones_end(pool):
    borrowed = [await pool.borrow(), await pool.borrow()]
    await asyncio.gather(*(worker.ready for worker in borrowed))
    for worker in borrowed:
        pool.give_back(worker)
    async with asyncio.timeout(10):
        while pool.size > 1:
            await asyncio.sleep(0.01)


async def test_a_dead_worker_is_replaced(pool):
    worker = await pool.borrow()
    answer = worker.ask(sphinx_worker.GLANCE)
    worker.kill()
    with pytest.raises(SttUnavailable):
        await answer
    pool.give_back(worker)
    async with asyncio.timeout(10):
        while pool.size == 0:
            await asyncio.sleep(0.01)
    assert (await pool.borrow()).alive


async def test_closing_ends_lent_workers_too(pool):
    pids = [(await pool.borrow()).pid, (await pool.borrow()).pid]
    await pool.close()
    assert not [pid for pid in pids if psutil.pid_exists(pid)]


async def test_a_borrower_who_hangs_up_leaves_the_worker_to_the_next(pool):
    first = await pool.borrow()
    hasty = asyncio.create_task(pool.borrow())
    await asyncio.sleep(0)
    hasty.cancel()
    await asyncio.gather(hasty, return_exceptions=True)
    pool.give_back(first)
    assert pool.busy == 0
    assert pool.size <= 2


def test_a_worker_ends_when_its_parent_is_killed():
    parent = (
        "import asyncio\n"
        "from stt_service.workers.process import Worker\n"
        "async def main():\n"
        "    worker = await Worker.spawn('stt_service.backends.sphinx_worker')\n"
        "    await worker.ready\n"
        "    print(worker.pid, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        child = psutil.Process(int(process.stdout.readline()))
        process.kill()
    child.wait(timeout=10)
