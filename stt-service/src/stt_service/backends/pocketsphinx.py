"""The embedded recogniser: pocketsphinx in a bounded pool of worker processes. English only."""

import asyncio
from functools import partial

from avatar_contract.errors import SttUnavailable, UnsupportedLanguage
from avatar_contract.health import ModelHealth
from avatar_contract.wire.common import EngineInfo
from stt_service.backends import sphinx_worker as ops
from stt_service.backends.base import NOTHING, Hints, Stretch, TimedWord, Transcript
from stt_service.hearing.spans import Span, Spotter
from stt_service.workers.pool import WorkerPool
from stt_service.workers.process import Answer, Worker

NAME = "pocketsphinx"
NOTICE = (
    "Hears clean English only. Chinese can be typed. "
    "`avatar models download` brings a recogniser that knows both."
)

_SETTLE_AFTER_MS = 160.0
_FEED_BYTES = 32_000


class Pocketsphinx:
    """Real but modest: no download, no GPU, 145 MB for each decoder."""

    def __init__(self, *, workers: int, warm: int, spotter: Spotter) -> None:
        self._pool = WorkerPool(
            partial(Worker.spawn, ops.__name__), limit=workers, warm=min(warm, workers)
        )
        self._workers = workers
        self._spotter = spotter
        self._state = ModelHealth(name=NAME, state="loading", progress=0.0)

    def info(self) -> EngineInfo:
        return EngineInfo(
            name=NAME, kind="embedded", languages=["en"], licence="BSD-2-Clause", notice=NOTICE
        )

    def health(self) -> ModelHealth:
        return self._state

    def load(self) -> dict[str, float]:
        return {
            "workers": self._pool.size,
            "workers_busy": self._pool.busy,
            "workers_limit": self._workers,
        }

    def check_language(self, language: str) -> None:
        if language not in ("auto", "en") and not language.startswith("en-"):
            raise UnsupportedLanguage(
                f"The embedded recogniser hears English only, not {language!r}. Type instead, or "
                "run `avatar models download` and start with STT_BACKEND=faster_whisper."
            )

    async def start(self) -> None:
        try:
            await self._pool.start()
        except SttUnavailable as cause:
            detail = "pocketsphinx did not start; run `avatar doctor`."
            self._state = ModelHealth(name=NAME, state="failed", detail=detail)
            raise SttUnavailable(detail) from cause
        self._state = ModelHealth(name=NAME, state="ready", progress=1.0)

    async def listen(self, hints: Hints) -> "SphinxDictation":
        self.check_language(hints.language)
        return SphinxDictation(self._pool, await self._pool.borrow())

    async def transcribe(self, pcm: bytes, hints: Hints) -> Transcript:
        self.check_language(hints.language)
        # A decoder loses its way in minutes of audio: it gets one spoken stretch at a time.
        spans = await self._spotter.find(pcm)
        if not spans:
            return NOTHING
        dictation = await self.listen(hints)
        try:
            said = [await _recognise(dictation, pcm, span) for span in spans]
        finally:
            await dictation.close()
        stretches = tuple(stretch for stretch in said if stretch.text)
        return Transcript(" ".join(one.text for one in stretches), "en", stretches)

    async def close(self) -> None:
        await self._pool.close()


class SphinxDictation:
    """One utterance in a borrowed decoder."""

    settle_after_ms = _SETTLE_AFTER_MS
    at_once = 1

    def __init__(self, pool: WorkerPool, worker: Worker) -> None:
        self._pool = pool
        self._worker: Worker | None = worker
        worker.tell(ops.START)

    def restart(self) -> None:
        """Begins another utterance in the same decoder."""
        self._borrowed().tell(ops.START)

    def feed(self, pcm: bytes) -> None:
        if self._worker is not None:
            self._worker.tell(ops.AUDIO, pcm)

    async def glance(self) -> Transcript | None:
        return _transcript(await self.ask(ops.GLANCE))

    async def settle(self) -> Transcript:
        return _transcript(await self.ask(ops.SETTLE))

    def ask(self, operation: int) -> asyncio.Future[Answer]:
        """The decoder's answer to come."""
        return self._borrowed().ask(operation)

    async def close(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.tell(ops.DROP)
            self._pool.give_back(worker)

    def _borrowed(self) -> Worker:
        if self._worker is None:
            raise SttUnavailable("This utterance is closed.")
        return self._worker


async def _recognise(dictation: SphinxDictation, pcm: bytes, span: Span) -> Stretch:
    dictation.restart()
    piece = pcm[span.start_byte : span.end_byte]
    for at in range(0, len(piece), _FEED_BYTES):
        dictation.feed(piece[at : at + _FEED_BYTES])
        await asyncio.sleep(0)
    words = _words(await dictation.ask(ops.SETTLE), span.start_ms)
    return Stretch(" ".join(word.text for word in words), span.start_ms, span.end_ms, words)


def _words(answer: Answer, offset_ms: float = 0.0) -> tuple[TimedWord, ...]:
    return tuple(
        TimedWord(text, offset_ms + start, offset_ms + end) for text, start, end in answer["words"]
    )


def _transcript(answer: Answer) -> Transcript:
    words = _words(answer)
    if not words:
        return Transcript("", "en")
    text = " ".join(word.text for word in words)
    whole = Stretch(text, words[0].start_ms, words[-1].end_ms, words)
    return Transcript(text, "en", (whole,))
