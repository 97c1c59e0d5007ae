"""The embedded recogniser: pocketsphinx in a bounded pool of worker processes. English only."""

from collections.abc import Mapping
from typing import Any

from avatar_contract.errors import SttUnavailable, UnsupportedLanguage
from avatar_contract.health import ModelHealth
from avatar_contract.terms import EngineInfo
from avatar_contract.workers.errors import StartFailed, WorkerError, WorkersBusy
from avatar_contract.workers.jobs import Request
from avatar_contract.workers.pool import PoolLimits, WorkerPool
from avatar_contract.workers.process import Worker, WorkerCommand
from stt_service.backends import sphinx_worker as ops
from stt_service.backends.base import NOTHING, Hints, Stretch, TimedWord, Transcript
from stt_service.hearing.spans import Span, Spotter

NAME = "pocketsphinx"
NOTICE = (
    "Hears clean English only. Chinese can be typed. "
    "`make run` without PROFILE=small starts a recogniser that knows both."
)

_SETTLE_AFTER_MS = 160.0
_FEED_BYTES = 32_000
_DEADLINE_S = 60.0
_RECORDING_DEADLINE_S = 300.0
_RETRY_S = 2.0

Answer = Mapping[str, Any]


class Pocketsphinx:
    """Real but modest: no download, no GPU, 145 MB for each decoder."""

    def __init__(self, *, workers: int, warm: int, spotter: Spotter) -> None:
        command = WorkerCommand(
            f"{ops.__name__}:SphinxEngine", name="recogniser", stall_timeout_s=_RECORDING_DEADLINE_S
        )
        self._pool = WorkerPool(command, PoolLimits(workers, warm=min(warm, workers)))
        self._workers = workers
        self._spotter = spotter
        self._state = ModelHealth(name=NAME, state="loading", progress=0.0)

    def info(self) -> EngineInfo:
        return EngineInfo(
            name=NAME, kind="embedded", languages=["en"], licence="BSD-2-Clause", notice=NOTICE
        )

    def health(self) -> ModelHealth:
        state = self._pool.state
        if self._state.state == "ready" and state.failure and not state.ready:
            return ModelHealth(name=NAME, state="failed", detail=state.failure)
        return self._state

    def load(self) -> dict[str, float]:
        state = self._pool.state
        return {
            "workers": state.size,
            "workers_busy": state.busy,
            "workers_limit": self._workers,
        }

    def check_language(self, language: str) -> None:
        if language not in ("auto", "en") and not language.startswith("en-"):
            raise UnsupportedLanguage(
                f"The embedded recogniser hears English only, not {language!r}. Type instead, or "
                "start with STT_BACKEND=faster_whisper (`make run` without PROFILE=small)."
            )

    async def start(self) -> None:
        try:
            self._pool.start()
            if self._pool.limits.warm:
                await self._pool.ready()
        except StartFailed as cause:
            detail = "pocketsphinx did not start; run `avatar doctor`."
            self._state = ModelHealth(name=NAME, state="failed", detail=detail)
            raise SttUnavailable(detail) from cause
        self._state = ModelHealth(name=NAME, state="ready", progress=1.0)

    async def listen(self, hints: Hints) -> "SphinxDictation":
        self.check_language(hints.language)
        return SphinxDictation(self._pool, await self._borrow())

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

    async def _borrow(self) -> Worker:
        try:
            return await self._pool.borrow()
        except WorkersBusy as error:
            raise SttUnavailable(
                f"All {self._workers} recognisers are busy: try again in a moment, "
                "or let the operator raise STT_WORKERS.",
                retry_after_s=_RETRY_S,
            ) from error
        except WorkerError as error:
            raise SttUnavailable(error.message, retry_after_s=error.retry_after_s) from error


class SphinxDictation:
    """One utterance in a borrowed decoder."""

    settle_after_ms = _SETTLE_AFTER_MS
    at_once = 1

    def __init__(self, pool: WorkerPool, worker: Worker) -> None:
        self._pool = pool
        self._worker: Worker | None = worker
        worker.tell(Request(ops.START))

    def restart(self) -> None:
        """Begins another utterance in the same decoder."""
        self._borrowed().tell(Request(ops.START))

    def feed(self, pcm: bytes) -> None:
        if self._worker is not None:
            self._worker.tell(Request(ops.AUDIO, blob=pcm))

    async def glance(self) -> Transcript | None:
        return _transcript(await self.ask(ops.GLANCE))

    async def settle(self) -> Transcript:
        return _transcript(await self.ask(ops.SETTLE))

    def hurry(self) -> None: ...

    async def caught_up(self) -> None:
        """Waits until the decoder has taken most of what it was fed."""
        try:
            await self._borrowed().drain()
        except WorkerError as error:
            raise SttUnavailable(error.message, retry_after_s=error.retry_after_s) from error

    async def ask(self, operation: str, deadline_s: float = _DEADLINE_S) -> Answer:
        """The decoder's answer."""
        try:
            return (await self._borrowed().ask(Request(operation), deadline_s)).meta
        except WorkerError as error:
            raise SttUnavailable(error.message, retry_after_s=error.retry_after_s) from error

    async def close(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.tell(Request(ops.DROP))
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
        await dictation.caught_up()
    words = _words(await dictation.ask(ops.SETTLE, _RECORDING_DEADLINE_S), span.start_ms)
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
