"""Whose look is next, on no clock: the test says when the engine is done."""

import asyncio
from dataclasses import dataclass, field

import pytest

from avatar_contract.errors import SttUnavailable
from stt_service.backends.looks import Looks, Place, Rank


@dataclass
class Engine:
    """Takes looks through `Looks`; `done` ends the one that runs."""

    looks: Looks
    running: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    ends: dict[str, asyncio.Event] = field(default_factory=dict)

    async def look(self, name: str, place: Place, rank: Rank) -> None:
        end = self.ends[name] = asyncio.Event()

        def drop() -> None:
            self.dropped.append(name)
            end.set()

        async with self.looks.turn(place, rank, drop):
            self.running.append(name)
            await end.wait()
            self.running.remove(name)

    def begin(self, name: str, place: Place, rank: Rank) -> asyncio.Task[None]:
        return asyncio.create_task(self.look(name, place, rank))

    async def done(self, name: str) -> None:
        self.ends[name].set()
        await settled()


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_may_be_the_end_goes_before_recordings_and_glances():
    engine = Engine(Looks(1, 9))
    tasks = [engine.begin("first", Place(), Rank.SETTLE)]
    await settled()
    tasks += [engine.begin(one, Place(), Rank[one]) for one in ("GLANCE", "RECORDING", "SETTLE")]
    order = []
    for _ in tasks:
        await settled()
        order += engine.running
        await engine.done(engine.running[0])
    assert order == ["first", "SETTLE", "RECORDING", "GLANCE"]
    await asyncio.gather(*tasks)


async def test_an_ending_overtakes_what_waits_and_has_what_runs_left_off():
    """Somebody waits for an answer: nobody's provisional words hold it up."""
    engine = Engine(Looks(1, 9))
    mine, other = Place(), Place()
    running = engine.begin("other's", other, Rank.SETTLE)
    await settled()
    waiting = [engine.begin("third", Place(), Rank.SETTLE), engine.begin("mine", mine, Rank.SETTLE)]
    await settled()
    assert engine.dropped == []
    engine.looks.hurry(mine)
    await settled()
    assert engine.dropped == ["other's"]
    assert engine.running == ["mine"]
    await engine.done("mine")
    await engine.done("third")
    await asyncio.gather(running, *waiting)


async def test_an_ending_leaves_another_ending_alone():
    engine = Engine(Looks(1, 9))
    running = engine.begin("one", Place(hurried=True), Rank.SETTLE)
    await settled()
    waiting = engine.begin("two", Place(hurried=True), Rank.SETTLE)
    await settled()
    assert engine.dropped == []
    await engine.done("one")
    assert engine.running == ["two"]
    await engine.done("two")
    await asyncio.gather(running, waiting)


async def test_one_ending_has_one_look_left_off_and_glances_first():
    engine = Engine(Looks(2, 9))
    tasks = [
        engine.begin("glance", Place(), Rank.GLANCE),
        engine.begin("settle", Place(), Rank.SETTLE),
    ]
    await settled()
    tasks.append(engine.begin("end", Place(hurried=True), Rank.SETTLE))
    await settled()
    assert engine.dropped == ["glance"]
    assert engine.running == ["settle", "end"]
    for name in ("settle", "end"):
        await engine.done(name)
    await asyncio.gather(*tasks)


async def test_a_full_queue_refuses_in_words():
    engine = Engine(Looks(1, 1))
    tasks = [engine.begin(name, Place(), Rank.SETTLE) for name in ("one", "two")]
    await settled()
    with pytest.raises(SttUnavailable, match="1 utterances waiting") as refused:
        await engine.look("three", Place(), Rank.SETTLE)
    assert refused.value.retryable
    await engine.done("one")
    await engine.done("two")
    await asyncio.gather(*tasks)


async def test_who_gives_up_waiting_leaves_no_gap():
    engine = Engine(Looks(1, 9))
    first = engine.begin("first", Place(), Rank.SETTLE)
    await settled()
    gone, third = (engine.begin(name, Place(), Rank.SETTLE) for name in ("gone", "third"))
    await settled()
    gone.cancel()
    await settled()
    assert engine.looks.waiting == 1
    await engine.done("first")
    assert engine.running == ["third"]
    await engine.done("third")
    assert not engine.looks.busy
    await asyncio.gather(first, third)
