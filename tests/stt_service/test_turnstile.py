"""The queue before a model."""

import asyncio

import pytest

from avatar_contract.errors import SttUnavailable
from stt_service.workers.turnstile import Turnstile


async def test_the_important_go_first_and_one_too_many_is_refused():
    turnstile = Turnstile(1, queue=3)
    order, hold = [], asyncio.Event()

    async def work(rank, name):
        async with turnstile.turn(rank):
            order.append(name)
            await hold.wait()

    tasks = [asyncio.create_task(work(*one)) for one in ((2, "a"), (2, "b"), (0, "c"), (1, "d"))]
    await asyncio.sleep(0)
    assert turnstile.busy
    assert turnstile.waiting == 3
    with pytest.raises(SttUnavailable) as refusal:
        await work(0, "e")
    assert refusal.value.retryable
    hold.set()
    await asyncio.gather(*tasks)
    assert order == ["a", "c", "d", "b"]


async def test_who_leaves_the_queue_takes_no_slot():
    turnstile = Turnstile(1, queue=5)
    async with turnstile.turn(0):
        waiting = [asyncio.create_task(turnstile.turn(0).__aenter__()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
        assert turnstile.waiting == 2
        waiting[1].cancel()
    await asyncio.sleep(0)
    assert waiting[2].done()
    assert not waiting[2].cancelled()
    assert turnstile.busy


async def test_a_turn_given_to_a_task_that_is_cancelled_is_passed_on():
    turnstile = Turnstile(1, queue=5)
    entered = turnstile.turn(0)
    await entered.__aenter__()
    task = asyncio.create_task(turnstile.turn(0).__aenter__())
    await asyncio.sleep(0)
    await entered.__aexit__(None, None, None)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not turnstile.busy
