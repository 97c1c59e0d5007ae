"""Keeps the words of one utterance up to date while it is spoken.

Looks are taken as audio comes in, never by the clock: a cheap one (`glance`) every so much audio,
and a good one (`settle`) when the speaker falls quiet, so that at the end little is left to do.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from avatar_contract.errors import AvatarError, Internal
from avatar_contract.service import get_logger
from stt_service.backends.base import Dictation, Hints, Recogniser, Transcript
from stt_service.words.script import transcript_in_script

log = get_logger(__name__)


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
        glance_every_ms: float,
        on_words: Callable[[Words], None],
        on_failure: Callable[[AvatarError], None],
    ) -> None:
        self._recogniser = recogniser
        self._hints = hints
        self._glance_every_ms = glance_every_ms
        self._on_words = on_words
        self._on_failure = on_failure
        self._waiting = bytearray()
        self._dictation: Dictation | None = None
        self._fed_ms = 0.0
        self._glanced_ms: float | None = None
        self._settled: Words | None = None
        self._settle_again = False
        self._closed = False
        self.failure: AvatarError | None = None
        self._opening = asyncio.create_task(self._open(), name="dictation-open")
        self._glancing: asyncio.Task[None] | None = None
        self._settling: asyncio.Task[None] | None = None

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
            return
        self._dictation.feed(pcm)
        if self._glanced_ms is None:
            self._glanced_ms = until_ms
        elif until_ms - self._glanced_ms >= self._glance_every_ms:
            self.glance()

    def glance(self) -> None:
        """Takes a cheap look, unless one is being taken."""
        if self._dictation is None or _busy(self._glancing) or _busy(self._settling):
            return
        self._glancing = asyncio.create_task(self._glance(self._dictation), name="glance")

    def settle(self) -> None:
        """Takes a good look at all audio so far; after the one being taken, if there is one."""
        if self._dictation is None or self.failure is not None:
            return
        if _busy(self._settling):
            self._settle_again = True
        elif self._settled is None or self._settled.covers_ms < self._fed_ms:
            self._settling = asyncio.create_task(self._settle(self._dictation), name="settle")

    def give_up(self, why: AvatarError) -> None:
        """Stops for a reason from outside: `finish` raises it."""
        self._fail(why)

    async def finish(self, needed_ms: float) -> Words:
        """The words of everything up to `needed_ms`.

        Raises:
            AvatarError: the recogniser failed.
        """
        await self._opening
        while self.failure is None and not self._closed:
            if self._settled is not None and self._settled.covers_ms >= needed_ms:
                return self._settled
            if not _busy(self._settling):
                self.settle()
            if self._settling is not None:
                await asyncio.wait([self._settling])
        raise self.failure or Internal("The utterance was closed.")

    async def close(self) -> None:
        """Stops all looks and frees the recogniser."""
        self._closed = True
        tasks = [t for t in (self._opening, self._glancing, self._settling) if t is not None]
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
        self._glanced_ms = self._fed_ms
        if self._waiting:
            self._dictation.feed(bytes(self._waiting))
            self._waiting.clear()
            # The speaker may have gone quiet meanwhile, and nothing else would ask for a look.
            self.glance()

    async def _glance(self, dictation: Dictation) -> None:
        while True:
            covers, began = self._fed_ms, time.perf_counter()
            self._glanced_ms = covers
            try:
                said = await dictation.glance()
            except Exception as cause:  # noqa: BLE001 - an engine may raise anything
                self._fail(cause)
                return
            newest = self._settled.covers_ms if self._settled else -1.0
            if said is not None and covers > newest:
                self._report(said, covers, began, settled=False)
            # A slow look lets audio gather that no later feed would ask about.
            if self._fed_ms - covers < self._glance_every_ms or _busy(self._settling):
                return

    async def _settle(self, dictation: Dictation) -> None:
        while True:
            self._settle_again = False
            covers, began = self._fed_ms, time.perf_counter()
            try:
                said = await dictation.settle()
            except Exception as cause:  # noqa: BLE001 - an engine may raise anything
                self._fail(cause)
                return
            self._settled = self._report(said, covers, began, settled=True)
            if not self._settle_again or covers >= self._fed_ms:
                return

    def _report(self, said: Transcript, covers_ms: float, began: float, *, settled: bool) -> Words:
        took_ms = (time.perf_counter() - began) * 1000
        said = transcript_in_script(said, self._hints.locale)
        words = Words(said, covers_ms, settled, took_ms)
        self._on_words(words)
        return words

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


def _busy(task: asyncio.Task[None] | None) -> bool:
    return task is not None and not task.done()
