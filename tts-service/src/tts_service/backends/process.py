"""The service's side of every engine that runs in worker processes."""

import json
import shutil
import sys
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from avatar_contract.errors import BadMessage
from avatar_contract.health import ModelHealth
from avatar_contract.speech import SpokenNotice
from avatar_contract.wire.common import EngineInfo, NoticeCode
from tts_service.backends.base import BackendHealth, VoiceAnswer
from tts_service.settings import TtsSettings
from tts_service.utterance import Utterance
from tts_service.voices import VoiceSample
from tts_service.workers.pool import WorkerPool
from tts_service.workers.process import WorkerCommand


@dataclass(frozen=True)
class ProcessEngine:
    """An engine as its file in ``backends/`` declares it."""

    info: EngineInfo
    worker: str
    """``module:Class`` of a `tts_service.workers.child.Engine`."""
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
    start_timeout_s: float = 30
    stall_timeout_s: float = 20


class ProcessBackend:
    """A pool of workers of one engine."""

    def __init__(self, engine: ProcessEngine, settings: TtsSettings) -> None:
        self.info = engine.info
        self._engine = engine
        self._scratch = settings.home.resolve() / "run" / f"tts-{settings.engine}-{settings.port}"
        command = WorkerCommand(
            engine=engine.worker,
            settings=json.dumps({**engine.config, "scratch": str(self._scratch)}),
            python=str(engine.python or sys.executable),
            environment=engine.environment,
            start_timeout_s=engine.start_timeout_s,
            stall_timeout_s=engine.stall_timeout_s,
        )
        self.pool = WorkerPool(
            command,
            engine.workers,
            max_waiting=settings.max_waiting,
            wait_timeout_s=settings.wait_timeout_s,
        )

    async def start(self) -> None:
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(parents=True)
        await self.pool.start()

    async def close(self) -> None:
        await self.pool.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def health(self) -> BackendHealth:
        now = self.pool.now()
        notice = self.pool.facts.get("notice")
        state = "ready" if now.workers else "failed" if now.failure else "loading"
        model = ModelHealth.model_validate(
            {
                "name": self.info.name,
                "state": state,
                "progress": now.progress if state == "loading" else None,
                "device": self.pool.facts.get("device", "cpu"),
                "detail": now.failure or notice or self.pool.facts.get("detail"),
                "real_time_factor": now.real_time_factor,
            }
        )
        load = {"workers": now.workers, "busy": now.busy, "waiting": now.waiting}
        counts = {name: float(value) for name, value in load.items()}
        return BackendHealth(model, counts, self.pool.facts.get("gpu"), degraded=bool(notice))

    def label(self, utterance: Utterance, voice: VoiceSample | None) -> str:
        languages = dict.fromkeys(run.language for run in utterance.runs)
        names = ", ".join(self._engine.voices[language] for language in languages)
        return f"{names}; voice={voice.id}" if voice and self._engine.has_voices else names

    def notice(self, utterance: Utterance, voice: VoiceSample | None) -> SpokenNotice | None:
        fallback = self.pool.facts.get("notice")
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

    def speak(self, utterance: Utterance, voice: VoiceSample | None) -> AsyncGenerator[bytes, None]:
        used = voice if self._engine.has_voices else None
        meta = {
            "runs": [[run.language, run.text] for run in utterance.runs],
            "speed": utterance.speed,
            "mode": utterance.mode,
            "voice": used.name if used else None,
        }
        return self.pool.speak(meta, used)

    async def add_voice(self, voice: VoiceSample) -> VoiceAnswer:
        if not self._engine.has_voices:
            return VoiceAnswer()
        answer = await self.pool.add_voice(voice)
        return VoiceAnswer(answer.get("facts", {}), answer.get("embedding"))

    def drop_voice(self, voice_id: str) -> None:
        self.pool.drop_voice(voice_id)

    async def phonemes(self, utterance: Utterance) -> list[str]:
        if not self._engine.has_phonemes:
            raise BadMessage(f"{self.info.name} does not tell its phonemes.")
        runs = [[run.language, run.text] for run in utterance.runs]
        answer = await self.pool.ask("phonemes", {"runs": runs})
        return list(answer["phonemes"])
