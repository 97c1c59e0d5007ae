"""Looks that overlap: how many, in which order they count, and what an ending waits for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from stt_service.backends.base import Hints, Transcript
from stt_service.listening.scribe import Pace, Scribe, Words

WINDOW_MS = 32.0


@dataclass
class SlowDictation:
    """Behind the Dictation protocol: a look is answered when the test says so, with how much
    audio it was given."""

    at_once: int
    settle_after_ms: float = 0.0
    fed: int = 0
    hurried: bool = False
    left_off: list[str] = field(default_factory=list)
    looks: list[tuple[str, int, asyncio.Future[None]]] = field(default_factory=list)

    def feed(self, pcm: bytes) -> None:
        self.fed += len(pcm)

    async def glance(self) -> Transcript | None:
        return await self._look("glance")

    async def settle(self) -> Transcript:
        return await self._look("settle")

    def hurry(self) -> None:
        self.hurried = True

    async def close(self) -> None: ...

    async def _look(self, kind: str) -> Transcript:
        heard, answer = self.fed, asyncio.get_running_loop().create_future()
        self.looks.append((kind, heard, answer))
        try:
            await answer
        except asyncio.CancelledError:
            self.left_off.append(kind)
            raise
        return Transcript(f"{heard} bytes", "en")

    async def answer(self, number: int) -> None:
        self.looks[number][2].set_result(None)
        for _ in range(5):
            await asyncio.sleep(0)

    def kinds(self) -> list[str]:
        return [kind for kind, _, _ in self.looks]


class Desk:
    """A scribe with its dictation, and audio for it."""

    def __init__(self, at_once: int, rolling_ms: float) -> None:
        self.dictation = SlowDictation(at_once)
        self.words: list[Words] = []
        self.failures: list[Exception] = []
        self.scribe = Scribe(
            self,
            Hints(),
            pace=Pace(10_000.0, rolling_ms),
            on_words=self.words.append,
            on_failure=self.failures.append,
        )
        self._now_ms = 0.0

    async def listen(self, hints: Hints) -> SlowDictation:
        return self.dictation

    async def hear(self, windows: int, *, rolling: bool = True) -> None:
        for _ in range(windows):
            self._now_ms += WINDOW_MS
            self.scribe.feed(bytes(1024), self._now_ms)
            self.scribe.keep_up(rolling=rolling)
            await asyncio.sleep(0)

    @property
    def texts(self) -> list[str]:
        return [one.said.text for one in self.words]


@asynccontextmanager
async def desk(at_once: int = 3, rolling_ms: float = WINDOW_MS) -> AsyncIterator[Desk]:
    made = Desk(at_once, rolling_ms)
    await asyncio.sleep(0)
    yield made
    await made.scribe.close()


async def test_looks_overlap_as_far_as_there_is_room():
    async with desk(at_once=3) as made:
        await made.hear(8)
        assert made.dictation.kinds() == ["glance"] * 3
        await made.dictation.answer(0)
        await made.hear(2)
        assert made.dictation.kinds() == ["glance"] * 4


async def test_none_overlap_unless_wanted():
    async with desk(at_once=3) as made:
        await made.hear(8, rolling=False)
        assert made.dictation.looks == []
    async with desk(at_once=1) as made:
        await made.hear(8)
        assert made.dictation.looks == []


async def test_an_older_look_does_not_turn_words_back():
    async with desk() as made:
        await made.hear(4)
        await made.dictation.answer(1)
        await made.dictation.answer(0)
        await made.dictation.answer(2)
        heard = [heard for _, heard, _ in made.dictation.looks]
        assert made.texts == [f"{heard[1]} bytes", f"{heard[2]} bytes"]


async def test_a_settle_need_not_wait_for_another_where_there_is_room():
    async with desk(at_once=2, rolling_ms=0) as made:
        await made.hear(3)
        made.scribe.settle()
        await asyncio.sleep(0)
        await made.hear(3)
        made.scribe.settle()
        made.scribe.settle()
        await asyncio.sleep(0)
        assert made.dictation.kinds() == ["settle", "settle"]
        await made.dictation.answer(1)
        assert made.texts == [f"{6 * 1024} bytes"]
        await made.dictation.answer(0)
        assert made.texts == [f"{6 * 1024} bytes"]


async def test_where_there_is_none_it_comes_after():
    async with desk(at_once=1) as made:
        await made.hear(3)
        made.scribe.settle()
        await asyncio.sleep(0)
        await made.hear(3)
        made.scribe.settle()
        await asyncio.sleep(0)
        assert made.dictation.kinds() == ["settle"]
        await made.dictation.answer(0)
        assert made.dictation.kinds() == ["settle", "settle"]
        await made.dictation.answer(1)
        assert made.texts == [f"{3 * 1024} bytes", f"{6 * 1024} bytes"]


async def test_an_ending_takes_the_first_settled_words_that_cover_it():
    async with desk(at_once=2) as made:
        await made.hear(2, rolling=False)
        made.scribe.settle()
        await made.hear(4, rolling=False)
        ending = asyncio.create_task(made.scribe.finish(6 * WINDOW_MS))
        while len(made.dictation.looks) < 2:
            await asyncio.sleep(0)
        await made.dictation.answer(0)
        assert not ending.done()
        await made.dictation.answer(1)
        assert (await ending).said.text == f"{6 * 1024} bytes"


async def test_words_that_may_be_the_last_ones_need_not_wait_for_a_glance():
    async with desk(at_once=1, rolling_ms=0) as made:
        await made.hear(2, rolling=False)
        made.scribe.glance()
        await asyncio.sleep(0)
        made.scribe.settle()
        for _ in range(3):
            await asyncio.sleep(0)
        assert made.dictation.left_off == ["glance"]
        assert made.dictation.kinds() == ["glance", "settle"]


async def test_sure_quiet_leaves_off_a_look_that_lacks_the_last_sound():
    async with desk(at_once=1, rolling_ms=0) as made:
        await made.hear(2, rolling=False)
        made.scribe.settle()
        await asyncio.sleep(0)
        made.scribe.insist(2 * WINDOW_MS)
        assert made.dictation.kinds() == ["settle"]  # it has all the sound that there is
        await made.hear(4, rolling=False)
        made.scribe.settle()
        made.scribe.insist(6 * WINDOW_MS)
        for _ in range(3):
            await asyncio.sleep(0)
        assert made.dictation.left_off == ["settle"]
        assert [heard for _, heard, _ in made.dictation.looks] == [2 * 1024, 6 * 1024]
        await made.dictation.answer(1)
        assert made.texts == [f"{6 * 1024} bytes"]


async def test_a_slow_engine_is_let_be_when_no_words_came_for_long():
    async with desk(at_once=1, rolling_ms=0) as made:
        await made.hear(2, rolling=False)
        made.scribe.settle()
        await made.hear(100, rolling=False)
        made.scribe.insist(102 * WINDOW_MS)
        await asyncio.sleep(0)
        assert made.dictation.left_off == []


async def test_an_ending_waits_for_no_look_that_does_not_cover_it():
    async with desk(at_once=1, rolling_ms=0) as made:
        await made.hear(2, rolling=False)
        made.scribe.settle()
        await made.hear(4, rolling=False)
        ending = asyncio.create_task(made.scribe.finish(6 * WINDOW_MS))
        for _ in range(5):
            await asyncio.sleep(0)
        assert made.dictation.hurried
        assert made.dictation.left_off == ["settle"]
        await made.dictation.answer(1)
        assert (await ending).said.text == f"{6 * 1024} bytes"


async def test_the_look_begun_at_the_pause_is_the_endings():
    async with desk(at_once=1, rolling_ms=0) as made:
        await made.hear(4, rolling=False)
        made.scribe.settle()
        await asyncio.sleep(0)
        await made.hear(3, rolling=False)
        ending = asyncio.create_task(made.scribe.finish(4 * WINDOW_MS))
        for _ in range(5):
            await asyncio.sleep(0)
        assert made.dictation.left_off == []
        await made.dictation.answer(0)
        assert (await ending).said.text == f"{4 * 1024} bytes"
        assert made.dictation.kinds() == ["settle"]
