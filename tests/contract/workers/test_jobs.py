"""One job: answers, cancelling, deadlines, and a reader who is slow."""

import asyncio
import os
from contextlib import aclosing

import pytest

from avatar_contract.workers.errors import EngineError, JobFailed, WorkerDied, WorkerStalled
from avatar_contract.workers.frames import Frame, Kind, body_bytes, decode
from avatar_contract.workers.jobs import BUFFER_BYTES, Request


async def _pid(pool) -> int:
    return (await pool.ask(Request("pid"))).meta["pid"]


async def test_a_reply_is_its_pieces_and_its_result(pool):
    async with pool() as made:
        reply = await made.ask(Request("echo", blob=b"sound"))
    assert (reply.blob, reply.meta) == (b"sound", {"size": 5})


async def test_a_job_that_fails_leaves_the_worker(pool):
    async with pool() as made:
        pid = await _pid(made)
        with pytest.raises(JobFailed, match="RuntimeError") as failure:
            await made.ask(Request("crash"))
        assert "what was said" not in str(failure.value)
        with pytest.raises(EngineError, match="no good") as refusal:
            await made.ask(Request("refuse"))
        assert refusal.value.code == "BAD_AUDIO"
        assert await _pid(made) == pid


@pytest.mark.parametrize("how", ["die", "die_later"])
async def test_a_death_fails_the_job_and_the_next_one_works(pool, how):
    async with pool() as made:
        with pytest.raises(WorkerDied, match="died") as failure:
            await made.ask(Request(how))
        assert failure.value.retry_after_s
        assert await _pid(made)


async def test_a_fatal_error_is_told_and_ends_the_process(pool):
    async with pool() as made:
        pid = await _pid(made)
        with pytest.raises(EngineError, match="GPU is gone"):
            await made.ask(Request("fatal"))
        assert await _pid(made) != pid


async def test_a_job_that_is_silent_too_long_is_killed_and_replaced(pool):
    async with pool(times={"stall_timeout_s": 0.3}) as made:
        with pytest.raises(WorkerStalled, match="stalled"):
            await made.ask(Request("stall"))
        assert await _pid(made)


async def test_a_job_past_its_deadline_is_killed_and_replaced(pool):
    async with pool() as made:
        pid = await _pid(made)
        with pytest.raises(WorkerStalled):
            await made.ask(Request("drip"), deadline_s=0.2)
        assert await _pid(made) != pid


async def test_closing_the_answer_cancels_the_job_between_two_pieces(pool):
    async with pool() as made:
        pid = await _pid(made)
        async with aclosing((await made.begin(Request("endless"))).pieces()) as sound:
            await anext(sound)
        assert await _pid(made) == pid


async def test_a_task_that_is_cancelled_cancels_its_job(pool, until):
    async with pool() as made:
        pid = await _pid(made)
        asking = asyncio.create_task(made.ask(Request("drip")))
        await until(lambda: made.state.busy)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert await _pid(made) == pid


async def test_a_worker_that_does_not_hear_the_cancel_is_killed(pool):
    async with pool(times={"cancel_timeout_s": 0.2}) as made:
        pid = await _pid(made)
        async with aclosing((await made.begin(Request("stall"))).pieces()) as sound:
            await anext(sound)
        assert await _pid(made) != pid


async def test_a_slow_reader_holds_the_worker_not_the_memory(pool, until):
    async with pool() as made:
        job = await made.begin(Request("flood"))
        async with aclosing(job.pieces()) as sound:
            await anext(sound)
            await until(lambda: job.buffered > BUFFER_BYTES)
            full = job.buffered
            for _ in range(20):
                await asyncio.sleep(0.005)
            assert job.buffered == full < BUFFER_BYTES + 2_000_000
            for _ in range(20):
                await anext(sound)
        assert await _pid(made)


async def test_two_jobs_at_once_where_the_engine_can(pool):
    async with pool(engine="Two", jobs_each=2) as made:
        async with asyncio.timeout(15):
            await asyncio.gather(made.ask(Request("meet")), made.ask(Request("meet")))


async def test_an_idle_engine_rests_and_wakes(pool):
    async with pool(engine="Sleepy") as made, asyncio.timeout(10):
        while not (await made.ask(Request("pid"))).meta["rests"]:
            await asyncio.sleep(0.06)


async def test_what_it_is_told_comes_in_order_with_the_jobs(pool):
    async with pool() as made:
        worker = await made.borrow()
        worker.tell(Request("start"))
        worker.tell(Request("audio", blob=bytes(7)))
        reply = await worker.ask(Request("pid"))
        worker.tell(Request("drop"))
        made.give_back(worker)
    assert reply.meta["told"] == [["start", 0], ["audio", 7]]


async def test_one_that_falls_too_far_behind_what_it_is_told_is_killed(pool):
    async with pool() as made:
        worker = await made.borrow()
        await worker.loaded
        worker.tell(Request("sleep"))
        asked = asyncio.ensure_future(worker.ask(Request("pid")))
        for _ in range(40):
            worker.tell(Request("audio", blob=bytes(1_000_000)))
            await asyncio.sleep(0)
        with pytest.raises(WorkerDied, match="behind"):
            await asked
        made.give_back(worker)
        assert await _pid(made) != worker.pid


def test_frames_round_trip():
    frame = Frame(Kind.JOB, 7, {"runs": [["zh", "你好"]]}, b"\x00\x01")
    data = frame.encode()
    assert body_bytes(data[:13]) == len(data) - 13
    assert decode(data[:13], data[13:]) == frame


def test_a_frame_of_impossible_size_is_refused():
    with pytest.raises(ValueError, match="larger"):
        body_bytes(b"\x06" + b"\xff" * 12)


async def test_a_worker_killed_from_outside_in_a_job_fails_it(pool, until):
    async with pool() as made:
        asking = asyncio.create_task(made.ask(Request("drip")))
        await until(lambda: made.state.busy)
        os.kill(made.workers[0].pid, 9)
        with pytest.raises(WorkerDied):
            await asking


async def test_one_that_takes_nothing_more_is_killed_by_who_waits_for_it(pool):
    async with pool(times={"stall_timeout_s": 0.3}) as made:
        worker = await made.borrow()
        worker.tell(Request("sleep"))
        for _ in range(8):
            worker.tell(Request("audio", blob=bytes(1_000_000)))
        with pytest.raises(WorkerStalled):
            await worker.drain()
