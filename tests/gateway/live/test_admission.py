"""Slots, and the queue before them."""

import asyncio

import pytest

from avatar_contract.errors import ServerFull
from gateway.live.admission import Admission


async def test_the_sixth_is_told_so_at_once() -> None:
    admission = Admission(max_sessions=5)
    slots = [await admission.enter() for n in range(5)]
    with pytest.raises(ServerFull) as refusal:
        await admission.enter()
    assert refusal.value.retry_after_s
    slots[0].release()
    slots[0].release()
    assert admission.held == 4
    await admission.enter()
    assert admission.full


async def test_the_queue_is_served_in_order_and_tells_positions() -> None:
    admission = Admission(max_sessions=1, max_waiting=2)
    first = await admission.enter()
    told: dict[str, list[int]] = {"b": [], "c": []}
    waiting = [asyncio.create_task(admission.enter(told[n].append)) for n in "bc"]
    await asyncio.sleep(0)
    with pytest.raises(ServerFull):
        await admission.enter()
    first.release()
    second = await waiting[0]
    assert not waiting[1].done()
    assert told == {"b": [1], "c": [2, 1]}
    second.release()
    await waiting[1]
    assert admission.waiting == 0


async def test_who_leaves_the_queue_frees_the_place() -> None:
    admission = Admission(max_sessions=1, max_waiting=2)
    first = await admission.enter()
    positions: list[int] = []
    gone = asyncio.create_task(admission.enter())
    stays = asyncio.create_task(admission.enter(positions.append))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    assert positions == [2, 1]
    first.release()
    await stays
    assert admission.held == 1


async def test_a_slot_handed_to_one_who_just_left_is_not_lost() -> None:
    admission = Admission(max_sessions=1, max_waiting=1)
    first = await admission.enter()
    waiter = asyncio.create_task(admission.enter())
    await asyncio.sleep(0)
    first.release()
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)
    assert admission.held == 0


async def test_nobody_passes_the_queue() -> None:
    admission = Admission(max_sessions=1, max_waiting=1)
    first = await admission.enter()
    waiter = asyncio.create_task(admission.enter())
    await asyncio.sleep(0)
    first.release()
    late = asyncio.create_task(admission.enter())
    second = await waiter
    assert not late.done()
    second.release()
    await late
    assert admission.held == 1
