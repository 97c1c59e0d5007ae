"""Keeps the words of one utterance up to date while it is spoken.

Looks are taken as audio comes in, never by the clock: a cheap one (`glance`) every so much audio,
and a good one (`settle`) when the speaker falls quiet, so that at the end little is left to do.
Where the engine has room, cheap looks overlap (rolling): the words are then known almost as soon as
they are spoken.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass

from avatar_contract.errors import AvatarError, Internal
from avatar_contract.service import get_logger
from stt_service.backends.base import Dictation, Hints, Recogniser, Transcript
from stt_service.words.script import as_written

log = get_logger(__name__)

_LONG_UNSEEN_MS = 2500.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How much audio lies between two looks, ms."""

    glance_ms: float
    """Between cheap looks, one after another."""
    rolling_ms: float = 0.0
    """Between cheap looks that overlap, where the engine has room; 0: none overlap."""


@dataclass(frozen=True, slots=True)
class Words:
    """What a look has found."""

    said: Transcript
    covers_ms: float
    """The audio up to here was used."""
    settled: bool
    """As good as the engine can."""
    took_ms: float


class Scribe:
    """One utterance's recogniser. Feed it, urge it, finish it; `close` in any case."""

    def __init__(
        self,
        recogniser: Recogniser,
        hints: Hints,
        *,
        pace: Pace,
        on_words: Callable[[Words], None],
        on_failure: Callable[[AvatarError], None],
    ) -> None:
        self._recogniser = recogniser
        self._hints = hints
        self._pace = pace
        self._on_words = on_words
        self._on_failure = on_failure
        self._waiting = bytearray()
        self._dictation: Dictation | None = None
        self._fed_ms = 0.0
        self._looked_ms: float | None = None
        self._newest_ms = 0.0
        self._settled: Words | None = None
        self._settling_ms = -1.0
        self._settle_again = False
        self._closed = False
        self.failure: AvatarError | None = None
        self._opening = asyncio.create_task(self._open(), name="dictation-open")
        self._glances: set[asyncio.Task[None]] = set()
        self._settles: set[asyncio.Task[None]] = set()
        self._left: set[asyncio.Task[None]] = set()
        """Abandoned, and not over yet."""

    @property
    def settle_after_ms(self) -> float:
        """Silence after which urging is worth it; endless until the recogniser is open."""
        return self._dictation.settle_after_ms if self._dictation else float("inf")

    def feed(self, pcm: bytes, until_ms: float) -> None:
        """Takes audio that ends at `until_ms`."""
        self._fed_ms = until_ms
        if self.failure is not None or self._closed:
            return
        if self._dictation is None:
            self._waiting += pcm
        else:
            self._dictation.feed(pcm)

    def keep_up(self, *, rolling: bool) -> None:
        """Takes a cheap look when it is time; `rolling`: beside others, if there is room."""
        if self._dictation is None or self.failure is not None or self._closed:
            return
        if self._looked_ms is None:
            self._looked_ms = self._fed_ms
        unseen_ms = self._fed_ms - self._looked_ms
        rolling = rolling and self._dictation.at_once > 1
        if rolling and 0 < self._pace.rolling_ms <= unseen_ms:
            if len(self._glances) + len(self._settles) < self._dictation.at_once:
                self._keep(self._glances, self._glance(self._dictation), "glance")
        elif unseen_ms >= self._pace.glance_ms:
            self.glance()

    def glance(self) -> None:
        """Takes a cheap look, unless one is being taken."""
        if self._dictation is None or self._glances or self._settles:
            return
        self._keep(self._glances, self._glances_in_turn(self._dictation), "glance")

    def settle(self) -> None:
        """Takes a good look at all audio so far; when those being taken leave room for it."""
        if self._dictation is None or self.failure is not None:
            return
        settled_ms = self._settled.covers_ms if self._settled else -1.0
        if max(settled_ms, self._settling_ms) >= self._fed_ms:
            return
        if len(self._settles) >= self._dictation.at_once:
            self._settle_again = True
            return
        if self._dictation.at_once == 1:
            # Words that may be the last ones come before words to look at.
            self._abandon(self._glances)
        self._settling_ms = self._fed_ms
        self._keep(self._settles, self._settle(self._dictation), "settle")

    def insist(self, needed_ms: float) -> None:
        """It is surely quiet: a look that began before the last sound is left off for one of all.

        But for an engine that is so slow that no words came for long: those are let be, for a
        speaker of many pauses would never see any.
        """
        dictation = self._dictation
        if dictation is None or dictation.at_once > 1 or not self._settles:
            return
        if self._settling_ms < needed_ms and self._fed_ms - self._newest_ms < _LONG_UNSEEN_MS:
            self._settle_again = False
            self._abandon(self._settles)
            self._settling_ms = -1.0
            self.settle()

    def give_up(self, why: AvatarError) -> None:
        """Stops for a reason from outside: `finish` raises it."""
        self._fail(why)

    async def finish(self, needed_ms: float) -> Words:
        """The words of everything up to `needed_ms`.

        Raises:
            AvatarError: the recogniser failed.
        """
        await self._opening
        self._hurry(needed_ms)
        while self.failure is None and not self._closed:
            if self._settled is not None and self._settled.covers_ms >= needed_ms:
                return self._settled
            if self._settling_ms < needed_ms or not self._settles:
                self.settle()
            if self._settles:
                await asyncio.wait(self._settles, return_when=asyncio.FIRST_COMPLETED)
        raise self.failure or Internal("The utterance was closed.")

    def _hurry(self, needed_ms: float) -> None:
        """The ending waits for no look that does not cover it."""
        if self._dictation is None:
            return
        self._dictation.hurry()
        if self._dictation.at_once > 1:
            return
        self._abandon(self._glances)
        if self._settling_ms < needed_ms:
            self._settle_again = False
            self._abandon(self._settles)
            self._settling_ms = -1.0

    def _abandon(self, looks: set[asyncio.Task[None]]) -> None:
        for look in looks:
            look.cancel()
            self._left.add(look)
            look.add_done_callback(self._left.discard)
        looks.clear()

    async def close(self) -> None:
        """Stops all looks and frees the recogniser."""
        self._closed = True
        tasks = [self._opening, *self._glances, *self._settles, *self._left]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        dictation, self._dictation = self._dictation, None
        if dictation is not None:
            await dictation.close()

    async def _open(self) -> None:
        try:
            self._dictation = await self._recogniser.listen(self._hints)
        except Exception as cause:  # noqa: BLE001 - an engine may raise anything
            self._fail(cause)
            return
        self._looked_ms = self._fed_ms
        if self._waiting:
            self._dictation.feed(bytes(self._waiting))
            self._waiting.clear()
            # The speaker may have gone quiet meanwhile, and nothing else would ask for a look.
            self.glance()

    async def _glances_in_turn(self, dictation: Dictation) -> None:
        """A slow look lets audio gather that nobody else would ask about: looks again."""
        while True:
            covers = self._fed_ms
            await self._glance(dictation)
            if self._fed_ms - covers < self._pace.glance_ms or self._settles or self.failure:
                return

    async def _glance(self, dictation: Dictation) -> None:
        words = await self._look(dictation.glance, settled=False)
        if words is not None and words.covers_ms > self._newest_ms:
            self._report(words)

    async def _settle(self, dictation: Dictation) -> None:
        words = await self._look(dictation.settle, settled=True)
        if words is None or (self._settled and words.covers_ms <= self._settled.covers_ms):
            return
        self._settled = words
        if words.covers_ms >= self._newest_ms:
            self._report(words)

    async def _look(
        self, look: Callable[[], Awaitable[Transcript | None]], *, settled: bool
    ) -> Words | None:
        """What a look finds in all audio so far; None when it fails, or the engine is too busy."""
        covers, began = self._fed_ms, time.perf_counter()
        self._looked_ms = covers
        try:
            said = await look()
        except Exception as cause:  # noqa: BLE001 - an engine may raise anything
            self._fail(cause)
            return None
        if said is None:
            return None
        took_ms = (time.perf_counter() - began) * 1000
        return Words(as_written(said, self._hints), covers, settled, took_ms)

    def _report(self, words: Words) -> None:
        self._newest_ms = words.covers_ms
        self._on_words(words)

    def _settle_next(self) -> None:
        if self._settle_again and not self._closed:
            self._settle_again = False
            self.settle()

    def _keep(
        self, tasks: set[asyncio.Task[None]], look: Coroutine[None, None, None], name: str
    ) -> None:
        task = asyncio.create_task(look, name=name)
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        if tasks is self._settles:
            task.add_done_callback(lambda _: self._settle_next())

    def _fail(self, cause: Exception) -> None:
        if self.failure is not None:
            return
        if isinstance(cause, AvatarError):
            self.failure = cause
        else:
            log.error("dictation.crashed", exc=cause)
            self.failure = Internal("The recogniser failed inside; the log says why.")
            self.failure.__cause__ = cause
        self._on_failure(self.failure)
