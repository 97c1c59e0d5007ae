"""Slots, the queue before them, and the socket that comes back for its own."""

import asyncio

import pytest

from avatar_contract.errors import ServerFull
from gateway.edge.admission import Admission


async def test_the_sixth_is_told_so_at_once() -> None:
    admission = Admission(max_sessions=5)
    slots = [await admission.enter(f"s{n}") for n in range(5)]
    with pytest.raises(ServerFull) as refusal:
        await admission.enter("s5")
    assert refusal.value.retry_after_s
    slots[0].release()
    slots[0].release()
    assert admission.held == 4
    await admission.enter("s5")
    assert admission.full


async def test_the_queue_is_served_in_order_and_tells_positions() -> None:
    admission = Admission(max_sessions=1, max_waiting=2)
    first = await admission.enter("a")
    told: dict[str, list[int]] = {"b": [], "c": []}
    waiting = [asyncio.create_task(admission.enter(n, told[n].append)) for n in "bc"]
    await asyncio.sleep(0)
    with pytest.raises(ServerFull):
        await admission.enter("d")
    first.release()
    second = await waiting[0]
    assert second.session_id == "b"
    assert told == {"b": [1], "c": [2, 1]}
    second.release()
    assert (await waiting[1]).session_id == "c"
    assert admission.waiting == 0


async def test_who_leaves_the_queue_frees_the_place() -> None:
    admission = Admission(max_sessions=1, max_waiting=2)
    first = await admission.enter("a")
    positions: list[int] = []
    gone = asyncio.create_task(admission.enter("b"))
    stays = asyncio.create_task(admission.enter("c", positions.append))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    assert positions == [2, 1]
    first.release()
    assert (await stays).session_id == "c"


async def test_a_slot_handed_to_one_who_just_left_is_not_lost() -> None:
    admission = Admission(max_sessions=1, max_waiting=1)
    first = await admission.enter("a")
    waiter = asyncio.create_task(admission.enter("b"))
    await asyncio.sleep(0)
    first.release()
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)
    assert admission.held == 0


async def test_nobody_passes_the_queue() -> None:
    admission = Admission(max_sessions=1, max_waiting=1)
    first = await admission.enter("a")
    waiter = asyncio.create_task(admission.enter("b"))
    await asyncio.sleep(0)
    first.release()
    late = asyncio.create_task(admission.enter("c"))
    assert (await waiter).session_id == "b"
    assert not late.done()
    (await waiter).release()
    assert (await late).session_id == "c"


async def test_a_resume_takes_the_slot_over_from_the_old_socket() -> None:
    admission = Admission(max_sessions=1)
    old = await admission.enter("a")
    assert admission.holds("a")
    new = admission.displace("a")
    old.release()
    assert admission.held == 1
    new.release()
    assert admission.held == 0
    with pytest.raises(ServerFull):
        admission.displace("a")
