"""Whisper by faster-whisper (CTranslate2): Chinese and English, on a CPU or a GPU."""

import asyncio
import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from avatar_contract.devices import Choice, DeviceMissing, choose
from avatar_contract.errors import AvatarError, SttUnavailable, UnsupportedLanguage
from avatar_contract.health import ModelHealth
from avatar_contract.service import get_logger
from avatar_contract.terms import EngineInfo
from avatar_contract.workers.errors import StartFailed, WorkerDied, WorkerError
from avatar_contract.workers.jobs import Reply, Request
from avatar_contract.workers.pool import PoolLimits, WorkerPool
from avatar_contract.workers.process import WorkerCommand
from stt_service.backends import whisper_folder
from stt_service.backends import whisper_worker as worker
from stt_service.backends.base import NOTHING, Hints, Stretch, TimedWord, Transcript
from stt_service.backends.gpus import gpus
from stt_service.backends.looks import Looks, Place, Rank
from stt_service.backends.pieces import cut
from stt_service.backends.rolling import RollingDictation
from stt_service.hearing.spans import Spotter
from stt_service.words.normal import join

log = get_logger(__name__)

NOTICE = "Names, and sentences that mix languages, are often misheard."
_SMALL = ("tiny", "base")
_SURE = 0.8
_PIN_AFTER_S = 2.0
_FIRST_GLANCE_S = 1.2
"""Before that, words of a glance are mostly inventions. The quiet before the first sound counts."""
_SHOWN = -0.7
"""Mean log probability of words that are shown before they are final."""
_LONGEST_S = 25.0
"""Of one look; longer sound is cut where it is quiet."""
_CHEAP_S, _CLOSURE_MS = 0.25, 64.0
_LEAST_S = 3.0
"""A look at less sound than this costs the same."""
_LOAD_S = 600.0
"""Longest silence while a large model is read from a slow disk."""
_DEADLINE_S = 60.0
_SLOWEST_RTF = 30.0
"""A look may take `_DEADLINE_S` and so many times its audio; then its process is replaced."""

Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WhisperOptions:
    """What to load and how to use it."""

    model: str
    models_dir: Path
    device: str = "auto"
    compute_type: str = "auto"
    beam: int = 5
    hotwords: str = ""
    languages: tuple[str, ...] = ()
    """Guessed languages are held to these; empty: all that the model knows."""
    queue: int = 16
    parallel: int = 1
    threads: int = 0
    no_speech_threshold: float = 0.6
    window_s: float = 8.0


class FasterWhisper:
    """One worker process with the model, kept alive; a bounded queue before it."""

    def __init__(self, options: WhisperOptions, spotter: Spotter) -> None:
        self._options = options
        self._spotter = spotter
        self._looks = Looks(options.parallel, options.queue)
        # Those that wait here wait for a look that was left off, and ends at its next step.
        limits = PoolLimits(
            1, warm=1, jobs_each=options.parallel, waiting=options.parallel, wait_s=_DEADLINE_S
        )
        self._pool = WorkerPool(self._command, limits)
        self._choice = Choice("cpu")
        self._known: list[str] = []
        self._rtf: float | None = None
        self._utterances = 0
        self._name = f"faster-whisper {options.model}"

    def info(self) -> EngineInfo:
        self._learn()
        guessed = [code for code in self._options.languages if code in self._known]
        languages = guessed or sorted(self._known) or ["zh", "en"]
        small = Path(self._options.model).name in _SMALL
        return EngineInfo(
            name=self._name,
            kind="local",
            languages=languages,
            licence="MIT (weights: MIT)",
            notice=NOTICE if small else None,
        )

    def health(self) -> ModelHealth:
        now = self._pool.state
        self._learn()
        state = "ready" if now.ready else "failed" if now.failure else "loading"
        again = "its process ended and starts again" if self._known else None
        return ModelHealth.model_validate(
            {
                "name": self._name,
                "state": state,
                "device": self._choice.device,
                "progress": 1.0 if now.ready else now.progress,
                "detail": self._choice.notice if now.ready else now.failure or again,
                "degraded": bool(now.ready) and self._choice.degraded,
                "real_time_factor": self._rtf,
            }
        )

    def load(self) -> dict[str, float]:
        return {"utterances": self._utterances, "queue": self._looks.waiting}

    def check_language(self, language: str) -> None:
        self._learn()
        code = language.partition("-")[0]
        if code != "auto" and self._known and code not in self._known:
            raise UnsupportedLanguage(
                f"{self._options.model} does not know {language!r}: set STT_MODEL to a "
                "multilingual model such as small (`avatar models download small`)."
            )

    async def start(self) -> None:
        self._pool.start()
        try:
            await self._pool.ready()
        except StartFailed as error:
            raise SttUnavailable(error.message) from error
        self._learn()

    async def listen(self, hints: Hints) -> RollingDictation:
        self.check_language(hints.language)
        self._utterances += 1
        place, tongue = Place(), Tongue()
        glanced_s = 0.0

        async def transcribe(pcm: bytes, best: bool) -> Transcript | None:
            nonlocal glanced_s
            sound_s = _seconds(pcm)
            if best:
                pieces = [(0.0, pcm)] if sound_s <= _LONGEST_S else _numbered(cut(pcm, _LONGEST_S))
                return await self._read(pieces, self._job(hints), Rank.SETTLE, place, tongue)
            if sound_s > _LONGEST_S:
                return None
            if sound_s < max(_FIRST_GLANCE_S, glanced_s + self._glance_every_s(sound_s)):
                return None
            if self._looks.busy:
                return None
            glanced_s = sound_s
            job = self._job(hints, beam=1, language=tongue.pinned)
            asked = await self._ask(Rank.GLANCE, job, pcm, place)
            if asked is None or asked.get("logprob", -9.0) < _SHOWN:
                return None
            tongue.glance(asked["language"], asked["sure"], sound_s)
            return _transcript(asked, sound_s)

        return RollingDictation(
            transcribe,
            self._forget,
            at_once=self._options.parallel,
            settle_after_ms=self._settle_after_ms,
            on_hurry=lambda: self._looks.hurry(place),
        )

    async def transcribe(self, pcm: bytes, hints: Hints) -> Transcript:
        self.check_language(hints.language)
        # One look a spoken stretch: who speaks meanwhile has their turn between two of them.
        spans = await self._spotter.find(pcm)
        pieces = [(one.start_ms, pcm[one.start_byte : one.end_byte]) for one in spans]
        job = self._job(hints, words=True)
        return await self._read(pieces, job, Rank.RECORDING, Place(), Tongue())

    async def _read(
        self,
        pieces: Sequence[tuple[float, bytes]],
        job: worker.Job,
        rank: Rank,
        place: Place,
        tongue: "Tongue",
    ) -> Transcript:
        """The words of pieces of sound, each with its start, ms."""
        said: list[Transcript] = []
        for start_ms, pcm in pieces:
            answer = await self._insist(rank, job, pcm, place)
            tongue.settle(answer["language"], answer["sure"], _seconds(pcm))
            said.append(_transcript(answer, _seconds(pcm), start_ms))
        text = ""
        for one in said:
            text = join(text, one.text)
        languages = [one.language for one in said if one.language]
        stretches = tuple(stretch for one in said for stretch in one.stretches)
        doubtful = any(one.doubtful for one in said)
        return Transcript(text, languages[0] if languages else None, stretches, doubtful)

    async def close(self) -> None:
        await self._pool.close()

    async def _command(self) -> WorkerCommand:
        """Looks anew at each start: the last process may have ended because its GPU did."""
        try:
            self._choice, load = await asyncio.to_thread(self._plan)
        except AvatarError as error:
            raise StartFailed(error.message) from error
        except DeviceMissing as error:
            raise StartFailed(str(error)) from error
        if self._choice.notice:
            tell = log.warning if self._choice.degraded else log.info
            tell("recogniser.on_cpu", detail=self._choice.notice)
        return WorkerCommand(
            f"{worker.__name__}:WhisperEngine",
            load.argument(),
            name="recogniser",
            start_timeout_s=_LOAD_S,
            stall_timeout_s=_LOAD_S * 100,  # a look has a deadline instead
            cancel_timeout_s=_DEADLINE_S,
        )

    def _learn(self) -> None:
        """As soon as a worker has told them: languages, and a CPU in the planned GPU's place."""
        for one in self._pool.workers:
            self._known = one.facts.get("languages", self._known)
            notice = one.facts.get("notice")
            if notice and notice != self._choice.notice:
                self._choice = Choice("cpu", notice, degraded=True)
                log.warning("recogniser.on_cpu", detail=notice)

    def _plan(self) -> tuple[Choice, worker.Load]:
        options = self._options
        folder = whisper_folder.locate(options.model, options.models_dir)
        whisper_folder.check(folder, options.model)
        seen, failure = gpus() if options.device != "cpu" else ([], None)
        choice = choose(options.device, seen, failure=failure)
        return choice, worker.Load(
            str(folder),
            choice.device,
            options.compute_type,
            options.threads,
            options.parallel,
            options.no_speech_threshold,
            options.window_s,
            falls_back=options.device == "auto",
        )

    def _forget(self) -> None:
        self._utterances -= 1

    def _settle_after_ms(self) -> float:
        """At once where that is cheap; else only once it is no closure inside a word."""
        cheap = self._utterances <= 1 and self.cost_s(_LEAST_S) <= _CHEAP_S
        return 0.0 if cheap else _CLOSURE_MS

    def _glance_every_s(self, sound_s: float) -> float:
        """Sound between two glances that leaves the engine half its time for what cannot wait."""
        return 2 * self.cost_s(sound_s) * max(1, self._utterances)

    def cost_s(self, sound_s: float) -> float:
        """What a look at so much sound takes, as measured so far."""
        return (self._rtf or 0.0) * max(sound_s, _LEAST_S)

    def _job(
        self, hints: Hints, *, beam: int | None = None, words: bool = False, language: str = ""
    ) -> worker.Job:
        given = "" if hints.language == "auto" else hints.language.partition("-")[0]
        allowed = tuple(code for code in self._options.languages if code in self._known)
        return worker.Job(
            language=given or language or None,
            among=() if given or language else allowed,
            beam=beam or self._options.beam,
            words=words,
            prompt=hints.prompt,
            hotwords=self._options.hotwords,
        )

    async def _insist(self, rank: Rank, job: worker.Job, pcm: bytes, place: Place) -> Answer:
        """Asks until it is answered."""
        while (answer := await self._ask(rank, job, pcm, place)) is None:
            pass
        return answer

    async def _ask(self, rank: Rank, job: worker.Job, pcm: bytes, place: Place) -> Answer | None:
        """A look; None when it was left off for one that could not wait."""
        look = _Look()
        async with self._looks.turn(place, rank, look.leave_off):
            now = self._pool.state
            # One that starts again is waited for: the words are not lost by it.
            if now.failure or not (now.ready or self._known):
                raise SttUnavailable(
                    self.health().detail
                    or "The recogniser is still loading: try again in a moment."
                )
            began = time.perf_counter()
            request = Request(worker.TRANSCRIBE, job.meta(), pcm)
            try:
                answer = await self._taken(look, request, again=rank is not Rank.GLANCE)
            except WorkerError as error:
                raise SttUnavailable(error.message, retry_after_s=error.retry_after_s) from error
        if answer is None:
            return None
        took = (time.perf_counter() - began) / max(_seconds(pcm), _LEAST_S)
        self._rtf = took if self._rtf is None else 0.8 * self._rtf + 0.2 * took
        return answer.meta

    async def _taken(self, look: "_Look", request: Request, *, again: bool) -> Reply | None:
        """A look, and another one by a fresh process when its own died: nothing said is lost."""
        deadline_s = _DEADLINE_S + _SLOWEST_RTF * _seconds(request.blob)
        try:
            return await look.taken(self._pool.ask(request, deadline_s))
        except WorkerDied:
            if not again:
                raise
        return await look.taken(self._pool.ask(request, deadline_s))


class _Look:
    """A call of the worker that somebody else may end."""

    def __init__(self) -> None:
        self._left_off = False
        self._call: asyncio.Task[Reply] | None = None

    def leave_off(self) -> None:
        """Ends it; the worker hears of that between two steps."""
        self._left_off = True
        if self._call is not None:
            self._call.cancel()

    async def taken(self, call: Coroutine[None, None, Reply]) -> Reply | None:
        """Its answer; None when it was left off."""
        self._call = asyncio.create_task(call, name="look")
        if self._left_off:
            self._call.cancel()
        try:
            return await self._call
        except asyncio.CancelledError:
            own = asyncio.current_task()
            if self._left_off and not (own and own.cancelling()):
                return None
            raise


@dataclass(slots=True)
class Tongue:
    """The language of one utterance: pinned late, and each settled look may revise it.

    A glance at a second of noisy Chinese is easily sure of English; what is pinned wrongly would
    turn the rest into invented words.
    """

    pinned: str = ""

    def glance(self, language: str | None, sure: float, sound_s: float) -> None:
        """A quick look has guessed."""
        if language and not self.pinned and sure >= _SURE and sound_s >= _PIN_AFTER_S:
            self.pinned = language

    def settle(self, language: str | None, sure: float, sound_s: float) -> None:
        """A good look has guessed, of all the sound so far and without what was pinned."""
        if language:
            self.pinned = language if sure >= _SURE and sound_s >= _PIN_AFTER_S else ""


def _transcript(answer: Answer, sound_s: float, offset_ms: float = 0.0) -> Transcript:
    if not answer["text"]:
        return NOTHING
    words = tuple(
        TimedWord(text, offset_ms + 1000 * start, offset_ms + 1000 * end)
        for text, start, end in answer["words"]
    )
    whole = Stretch(
        answer["text"],
        offset_ms,
        offset_ms + 1000 * sound_s,
        words,
        answer["no_speech"],
        answer["logprob"],
    )
    doubtful = answer["logprob"] < _SHOWN
    return Transcript(answer["text"], answer["language"], (whole,), doubtful)


def _numbered(pieces: Sequence[bytes]) -> list[tuple[float, bytes]]:
    """Pieces with their starts, ms."""
    starts = accumulate((1000 * _seconds(piece) for piece in pieces), initial=0.0)
    return list(zip(starts, pieces, strict=False))


def _seconds(pcm: bytes) -> float:
    return len(pcm) / 32_000
