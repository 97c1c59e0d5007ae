"""Whisper by faster-whisper (CTranslate2): Chinese and English, on a CPU or a GPU."""

import asyncio
import time
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from avatar_contract.errors import AvatarError, SttUnavailable, UnsupportedLanguage
from avatar_contract.health import ModelHealth
from avatar_contract.service import get_logger
from avatar_contract.wire.common import EngineInfo
from stt_service.backends import devices, whisper_folder
from stt_service.backends import whisper_worker as worker
from stt_service.backends.base import NOTHING, Hints, Stretch, TimedWord, Transcript
from stt_service.backends.rolling import RollingDictation
from stt_service.words.normal import join
from stt_service.workers.process import Answer, Worker
from stt_service.workers.turnstile import Turnstile

log = get_logger(__name__)

_GLANCE_BEAM = 1
_SURE = 0.8


class Rank(IntEnum):
    """Who goes first when several wait: words that somebody waits for before words to look at."""

    SETTLE = 0
    RECORDING = 1
    GLANCE = 2


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


class FasterWhisper:
    """One worker process with the model, kept alive; a bounded queue before it."""

    def __init__(self, options: WhisperOptions) -> None:
        self._options = options
        self._turnstile = Turnstile(options.parallel, options.queue)
        self._worker: Worker | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._known: list[str] = []
        self._rtf: float | None = None
        self._utterances = 0
        self._state = ModelHealth(name=f"faster-whisper {options.model}", state="loading")

    def info(self) -> EngineInfo:
        languages = sorted(self._known) or ["zh", "en"]
        return EngineInfo(
            name=self._state.name, kind="local", languages=languages, licence="MIT (weights: MIT)"
        )

    def health(self) -> ModelHealth:
        return self._state.model_copy(update={"real_time_factor": self._rtf})

    def load(self) -> dict[str, float]:
        return {"utterances": self._utterances, "queue": self._turnstile.waiting}

    def check_language(self, language: str) -> None:
        code = language.partition("-")[0]
        if code != "auto" and self._known and code not in self._known:
            raise UnsupportedLanguage(
                f"{self._options.model} does not know {language!r}: set STT_MODEL to a "
                "multilingual model such as small (`avatar models download small`)."
            )

    async def start(self) -> None:
        try:
            load = await asyncio.to_thread(self._plan)
            self._set(device=load.device, progress=0.0)
            first = await self._launch(load)
        except AvatarError as error:
            self._set(state="failed", detail=error.message)
            raise
        self._keeper = asyncio.create_task(self._keep(first), name="whisper-keeper")

    async def listen(self, hints: Hints) -> RollingDictation:
        self.check_language(hints.language)
        self._utterances += 1
        certain: list[str] = []

        async def transcribe(pcm: bytes, best: bool) -> Transcript | None:
            if not best and self._turnstile.busy:
                return None
            job = self._job(hints, best=best, recording=False, language="".join(certain))
            answer = await self._ask(Rank.SETTLE if best else Rank.GLANCE, job, pcm)
            if not certain and answer["sure"] >= _SURE and len(pcm) > 32_000:
                certain.append(answer["language"])
            return _transcript(answer)

        return RollingDictation(transcribe, self._forget, at_once=self._options.parallel)

    async def transcribe(self, pcm: bytes, hints: Hints) -> Transcript:
        self.check_language(hints.language)
        job = self._job(hints, best=True, recording=True)
        return _transcript(await self._ask(Rank.RECORDING, job, pcm))

    async def close(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        if self._worker is not None:
            await self._worker.end()

    def _plan(self) -> worker.Load:
        options = self._options
        folder = whisper_folder.locate(options.model, options.models_dir)
        whisper_folder.check(folder, options.model)
        device = devices.choose(options.device, devices.gpus() if options.device != "cpu" else [])
        numbers = options.compute_type
        if numbers == "auto":
            numbers = "int8" if device == "cpu" else "float16"
        return worker.Load(
            str(folder), device, numbers, options.threads, options.parallel,
            options.no_speech_threshold,
        )  # fmt: skip

    async def _launch(self, load: worker.Load) -> Worker:
        started = await Worker.spawn(worker.__name__, [load.argument()], self._hear_note)
        self._worker = started
        try:
            hello = await started.ready
        except BaseException:
            await started.end()
            raise
        self._known = hello["languages"]
        self._set(state="ready", progress=1.0, detail=None)
        return started

    async def _keep(self, current: Worker) -> None:
        """Starts the process again whenever it ends; slower and slower while it can't."""
        wait_s = 0.0
        while True:
            await current.gone.wait()
            if not wait_s:
                again = "its process ended and starts again"
                self._set(state="loading", progress=0.0, detail=again)
            await asyncio.sleep(wait_s)
            wait_s = min(30.0, 2 * wait_s + 1.0)
            try:
                # Looked at anew: it may have ended because its GPU did.
                load = await asyncio.to_thread(self._plan)
                self._set(device=load.device)
                current = await self._launch(load)
            except SttUnavailable as error:
                log.warning("whisper.restart_failed", detail=error.message)
                self._set(state="failed", detail=error.message)
            else:
                wait_s = 0.0

    def _hear_note(self, note: Answer) -> None:
        self._set(progress=note["progress"])

    def _set(self, **changes: Any) -> None:
        self._state = self._state.model_copy(update=changes)

    def _forget(self) -> None:
        self._utterances -= 1

    def _job(self, hints: Hints, *, best: bool, recording: bool, language: str = "") -> worker.Job:
        given = "" if hints.language == "auto" else hints.language.partition("-")[0]
        allowed = tuple(code for code in self._options.languages if code in self._known)
        return worker.Job(
            language=given or language or None,
            among=() if given or language else allowed,
            beam=self._options.beam if best else _GLANCE_BEAM,
            best=best,
            vad=recording,
            words=recording,
            prompt=hints.prompt,
            hotwords=self._options.hotwords,
        )

    async def _ask(self, rank: Rank, job: worker.Job, pcm: bytes) -> Answer:
        async with self._turnstile.turn(rank):
            if self._worker is None or not self._worker.alive or self._state.state != "ready":
                raise SttUnavailable(
                    self._state.detail or "The recogniser is still loading: try again in a moment."
                )
            began = time.perf_counter()
            answer = await self._worker.ask(worker.TRANSCRIBE, job.packed(pcm))
        rtf = (time.perf_counter() - began) / max(len(pcm) / 32_000, 0.1)
        self._rtf = rtf if self._rtf is None else 0.9 * self._rtf + 0.1 * rtf
        return answer


def _transcript(answer: Answer) -> Transcript:
    stretches = tuple(map(_stretch, answer["segments"]))
    if not stretches:
        return NOTHING
    text = ""
    for one in stretches:
        text = join(text, one.text)
    return Transcript(text, answer["language"], stretches)


def _stretch(segment: dict[str, Any]) -> Stretch:
    words = tuple(
        TimedWord(text, start * 1000, end * 1000) for text, start, end in segment["words"]
    )
    return Stretch(
        segment["text"].strip(), segment["start"] * 1000, segment["end"] * 1000, words,
        segment["no_speech_prob"], segment["avg_logprob"],
    )  # fmt: skip
