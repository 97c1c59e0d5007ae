"""The service's side of every engine that runs in worker processes."""

import json
import shutil
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from avatar_contract.errors import ERRORS, AvatarError, BadMessage, ErrorCode, TtsUnavailable
from avatar_contract.health import ModelHealth
from avatar_contract.service import get_logger
from avatar_contract.speech import SpokenNotice, Voice
from avatar_contract.terms import EngineInfo, NoticeCode
from avatar_contract.workers.errors import EngineError, WorkerError
from avatar_contract.workers.jobs import Request
from avatar_contract.workers.pool import PoolLimits, WorkerPool
from avatar_contract.workers.process import Worker, WorkerCommand
from tts_service.backends.base import BackendHealth, VoiceAnswer
from tts_service.settings import TtsSettings
from tts_service.utterance import Utterance
from tts_service.voices import VoiceSample

log = get_logger(__name__)

_SOURCE = str(Path(__file__).resolve().parents[2])
_RTF_WEIGHT = 0.2


@dataclass(frozen=True)
class ProcessEngine:
    """An engine as its file in ``backends/`` declares it."""

    info: EngineInfo
    worker: str
    """``module:Class`` of a `tts_service.engine.Engine`."""
    config: Mapping[str, Any]
    """For the class's constructor; ``scratch`` (a folder of its own) is added."""
    voices: Mapping[str, str]
    """Language to the engine's name of its voice."""
    workers: int = 1
    python: Path | None = None
    """Interpreter of the engine's own environment."""
    environment: Mapping[str, str] = field(default_factory=dict)
    has_hq: bool = False
    """Whether `hq` differs from `fast`."""
    has_voices: bool = False
    """Whether it can speak with a voice that was put."""
    has_phonemes: bool = False
    own_voices: tuple[Voice, ...] = ()
    """Those that a request may name."""
    speaks_all: bool = False
    """Whether one voice speaks all of a clause, also runs of the other language."""
    start_timeout_s: float = 30
    stall_timeout_s: float = 20


class ProcessBackend:
    """A pool of workers of one engine."""

    def __init__(self, engine: ProcessEngine, settings: TtsSettings) -> None:
        self.info = engine.info
        self.own_voices = engine.own_voices
        self._engine = engine
        self._scratch = settings.home.resolve() / "run" / f"tts-{settings.engine}-{settings.port}"
        command = WorkerCommand(
            engine="tts_service.engine:Speaking",
            settings=json.dumps(
                {
                    "engine": engine.worker,
                    "config": {**engine.config, "scratch": str(self._scratch)},
                }
            ),
            name="speech engine",
            path=(_SOURCE,),
            python=str(engine.python or sys.executable),
            environment=engine.environment,
            start_timeout_s=engine.start_timeout_s,
            stall_timeout_s=engine.stall_timeout_s,
        )
        limits = PoolLimits(
            engine.workers,
            warm=engine.workers,
            waiting=settings.max_waiting,
            wait_s=settings.wait_timeout_s,
        )
        self.pool = WorkerPool(command, limits)
        self._facts: Mapping[str, Any] = {}
        self._real_time_factor: float | None = None

    async def start(self) -> None:
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(parents=True)
        self.pool.start()

    async def close(self) -> None:
        await self.pool.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def health(self) -> BackendHealth:
        now = self.pool.state
        facts = self._latest_facts()
        notice = facts.get("notice")
        state = "ready" if now.ready else "failed" if now.failure else "loading"
        model = ModelHealth.model_validate(
            {
                "name": self.info.name,
                "state": state,
                "progress": now.progress if state == "loading" else None,
                "device": facts.get("device", "cpu"),
                "detail": now.failure or notice or facts.get("detail"),
                "real_time_factor": self._real_time_factor,
            }
        )
        load = {"workers": now.ready, "busy": now.busy, "waiting": now.waiting}
        counts = {name: float(value) for name, value in load.items()}
        return BackendHealth(model, counts, facts.get("gpu"), degraded=bool(notice))

    def _latest_facts(self) -> Mapping[str, Any]:
        """What the newest worker said when it had loaded, also after it has died."""
        for worker in reversed(self.pool.workers):
            if worker.facts:
                if worker.facts is not self._facts and (why := worker.facts.get("on_cpu")):
                    tell = log.warning if worker.facts.get("notice") else log.info
                    tell("engine.on_cpu", detail=why)
                self._facts = worker.facts
                break
        return self._facts

    def label(self, utterance: Utterance, voice: VoiceSample | None) -> str:
        languages = dict.fromkeys(run.language for run in utterance.runs)
        if self._engine.speaks_all:
            languages = {utterance.language: None}
        names = utterance.voice or ", ".join(self._engine.voices[each] for each in languages)
        return f"{names}; voice={voice.id}" if voice and self._engine.has_voices else names

    def notice(self, utterance: Utterance, voice: VoiceSample | None) -> SpokenNotice | None:
        fallback = self._latest_facts().get("notice")
        if fallback:
            return SpokenNotice(code=NoticeCode.CPU_FALLBACK, message=fallback)
        if voice and not self._engine.has_voices:
            return SpokenNotice(
                code=NoticeCode.VOICE_FELL_BACK,
                message=f"{self.info.name} knows no voice profiles; its own voice speaks.",
            )
        if utterance.mode == "hq" and not self._engine.has_hq:
            return SpokenNotice(
                code=NoticeCode.HQ_FELL_BACK,
                message=f"{self.info.name} has one quality: this is the same as fast.",
            )
        return None

    async def speak(
        self, utterance: Utterance, voice: VoiceSample | None
    ) -> AsyncGenerator[bytes, None]:
        used = voice if self._engine.has_voices else None
        meta = {
            "runs": [[run.language, run.text] for run in utterance.runs],
            "speed": utterance.speed,
            "mode": utterance.mode,
            "language": utterance.language,
            "own_voice": utterance.voice,
            "voice": used.name if used else None,
        }
        given: list[Worker] = []

        def request(worker: Worker) -> Request:
            given.append(worker)
            return _speak_request(worker, meta, used)

        try:
            sound = (await self.pool.begin(request)).pieces(self._count)
            async with aclosing(sound):
                async for pcm in sound:
                    yield pcm
        except WorkerError as error:
            for worker in given:
                worker.known.clear()  # the voice may be what failed: send it again
            raise _told(error) from error

    async def add_voice(self, voice: VoiceSample) -> VoiceAnswer:
        """One worker checks it; the others get it when they need it."""
        if not self._engine.has_voices:
            return VoiceAnswer()

        def request(worker: Worker) -> Request:
            worker.known.add(voice.key)
            return Request("voice", voice.meta(), voice.wav)

        answer = await self._ask(request)
        return VoiceAnswer(answer.get("facts", {}), answer.get("embedding"))

    def drop_voice(self, voice_id: str) -> None:
        for worker in self.pool.workers:
            worker.known = {key for key in worker.known if not _is_of(voice_id, key)}
            worker.tell(Request("drop_voice", {"id": voice_id}))

    async def phonemes(self, utterance: Utterance) -> list[str]:
        if not self._engine.has_phonemes:
            raise BadMessage(f"{self.info.name} does not tell its phonemes.")
        runs = [[run.language, run.text] for run in utterance.runs]
        answer = await self._ask(lambda _: Request("phonemes", {"runs": runs}))
        return list(answer["phonemes"])

    async def _ask(self, make: Callable[[Worker], Request]) -> Mapping[str, Any]:
        given: list[Worker] = []

        def request(worker: Worker) -> Request:
            given.append(worker)
            return make(worker)

        try:
            return (await (await self.pool.begin(request)).reply()).meta
        except WorkerError as error:
            for worker in given:
                worker.known.clear()
            raise _told(error) from error

    def _count(self, stats: Mapping[str, Any]) -> None:
        if stats.get("audio_s", 0) <= 0:
            return
        factor, last = stats["work_s"] / stats["audio_s"], self._real_time_factor
        self._real_time_factor = factor if last is None else last + _RTF_WEIGHT * (factor - last)


def _speak_request(worker: Worker, meta: Mapping[str, Any], voice: VoiceSample | None) -> Request:
    """A voice that the worker has not seen yet travels with the job."""
    if voice is None or voice.key in worker.known:
        return Request("speak", meta)
    worker.known.add(voice.key)
    return Request("speak", {**meta, "new_voice": voice.meta()}, voice.wav)


def _is_of(voice_id: str, key: object) -> bool:
    return isinstance(key, tuple) and key[0] == voice_id


def _told(error: WorkerError) -> AvatarError:
    """The error of the contract."""
    kind = ERRORS[ErrorCode(error.code)] if isinstance(error, EngineError) else TtsUnavailable
    return kind(error.message, retry_after_s=error.retry_after_s)
