"""People who talk until they are told to stop."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial

import numpy as np
from avatar_bench import clips, marks
from avatar_bench.sentences import ORDINARY

from resilience.account import Line, Patience
from resilience.client import Person

_GAP_S = 0.2
_WORDS = 3


class Texts:
    """Three words each, never the same twice."""

    def __init__(self, seed: int) -> None:
        words = list(dict.fromkeys(ORDINARY.split()))
        self._dice = random.Random(seed)
        self._words = words
        self._said: set[tuple[str, ...]] = set()

    def __iter__(self) -> Iterator[str]:
        while True:
            words = tuple(self._dice.sample(self._words, _WORDS))
            if words not in self._said and _can_be_read(words):
                self._said.add(words)
                yield " ".join(words)


def _can_be_read(words: tuple[str, ...]) -> bool:
    """Whether the stand-in recogniser reads them all: a few marks are lost between some words."""
    voice = clips.load()
    pcm = np.concatenate([voice.pcm[word] for word in words])
    sound = pcm.astype(np.float32) / np.float32(32768)
    known = clips.words_by_code()
    return [known.get(code) for code, _ in marks.read(sound)] == list(words)


def line(text: str, *, spoken: bool) -> Line:
    """What a person says, aloud or by typing."""
    if not spoken:
        return Line(text)
    voice = clips.load()
    return Line(text, b"".join(voice.pcm[word].tobytes() for word in text.split()))


class Crowd:
    """Some people. Every second one types; the others speak."""

    def __init__(
        self,
        count: int,
        url: Callable[[int], str],
        *,
        seed: int = 1,
        patience: Patience | None = None,
        limit_s: float = 40.0,
    ) -> None:
        self.people = [
            Person(f"person {n}", partial(url, n), patience=patience, limit_s=limit_s)
            for n in range(count)
        ]
        self._texts = iter(Texts(seed))
        self._stopping = False

    @asynccontextmanager
    async def talking(self) -> AsyncIterator["Crowd"]:
        """They begin; at the end each finishes what it is saying."""
        clips.load()
        for person in self.people:
            person.start()
        async with asyncio.timeout(30):
            for person in self.people:
                await person.online.wait()
        jobs = [asyncio.ensure_future(self._talk(n, p)) for n, p in enumerate(self.people)]
        try:
            yield self
            self._stopping = True
            await asyncio.gather(*jobs)
        finally:
            for job in jobs:
                job.cancel()
            for person in self.people:
                await person.leave()

    async def _talk(self, number: int, person: Person) -> None:
        for count in itertools.count():
            if self._stopping:
                return
            await person.say(line(next(self._texts), spoken=(number + count) % 2 == 0))
            await asyncio.sleep(_GAP_S)
