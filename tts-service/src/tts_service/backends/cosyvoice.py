"""CosyVoice 2: an alternative for `hq`, in its own image (`engines/cosyvoice.md`). **Not run.**

It can't be installed from a registry, and its weights could not be fetched where this was written:
the calls below follow its repository's ``cosyvoice/cli/cosyvoice.py`` and were never executed.
Code and published weights are Apache-2.0. It is loaded when first asked, and unloaded when idle.
"""

import gc
import importlib
import io
import wave
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soxr

from tts_service.engine import SPEECH_RATE, EngineError, Sink
from tts_service.polish import pcm

if TYPE_CHECKING:
    from tts_service.backends.base import Backend
    from tts_service.settings import TtsSettings

_PROMPT_RATE = 16_000


def build(settings: "TtsSettings") -> "Backend":
    """The engine for this service."""
    # Only the service has these; a worker imports this file too.
    from avatar_contract.terms import EngineInfo
    from tts_service.backends.process import ProcessBackend, ProcessEngine

    engine = ProcessEngine(
        info=EngineInfo(
            name="CosyVoice",
            kind="local",
            languages=["en", "zh"],
            licence="Apache-2.0",
            notice="Not run by its makers here: see engines/cosyvoice.md.",
        ),
        worker="tts_service.backends.cosyvoice:CosyVoiceEngine",
        config={
            "model": str(settings.models / settings.cosyvoice_model),
            "voice": str(settings.models / settings.cosyvoice_voice),
            "idle_s": settings.idle_unload_s,
        },
        voices={"en": "cosyvoice", "zh": "cosyvoice"},
        python=settings.engine_python,
        has_hq=True,
        has_voices=True,
        stall_timeout_s=300,
    )
    return ProcessBackend(engine, settings)


class CosyVoiceEngine:
    """The worker's side."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config
        self._prompts: dict[str, tuple[str, Any]] = {}
        self._model: Any = None
        self.idle_s = float(config["idle_s"])
        """After so many seconds without a job, `rest` is called."""

    def load(self, progress: Callable[[float], None]) -> Mapping[str, Any]:
        return {"device": "on demand", "detail": "loaded when first asked; not run by its makers"}

    def rest(self) -> None:
        """Leaves memory until it is asked again."""
        self._model = None
        gc.collect()
        torch = _library("torch")
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def speak(self, job: Mapping[str, Any], sink: Sink) -> None:
        model = self._loaded()
        words, prompt = self._prompt(job["voice"])
        text = " ".join(text for _, text in job["runs"])
        pieces = model.inference_zero_shot(text, words, prompt, stream=True, speed=job["speed"])
        for piece in pieces:
            signal = piece["tts_speech"].squeeze().float().cpu().numpy()
            if model.sample_rate != SPEECH_RATE:
                signal = soxr.resample(signal, model.sample_rate, SPEECH_RATE)
            if not sink.write(pcm(signal)):
                return

    def add_voice(self, voice: Mapping[str, Any], wav: bytes) -> Mapping[str, Any]:
        if not voice["text"]:
            raise EngineError(
                "BAD_MESSAGE",
                "CosyVoice needs the words of the reference: send them as `reference_text`.",
            )
        self._prompts[voice["id"]] = (voice["text"], _prompt_of(wav))
        return {}

    def drop_voice(self, voice_id: str) -> None:
        self._prompts.pop(voice_id, None)

    def ask(self, op: str, question: Mapping[str, Any]) -> Mapping[str, Any]:
        raise EngineError("BAD_MESSAGE", f"CosyVoice has no answer to {op}.")

    def _loaded(self) -> Any:
        if self._model is None:
            library = _library("cosyvoice.cli.cosyvoice")
            self._model = library.CosyVoice2(self._config["model"], fp16=_has_gpu())
        return self._model

    def _prompt(self, name: str | None) -> tuple[str, Any]:
        if name is not None:
            return self._prompts[name.rpartition("@")[0]]
        path = Path(self._config["voice"])
        words = path.with_suffix(".txt")
        if not (path.is_file() and words.is_file()):
            raise EngineError(
                "TTS_UNAVAILABLE",
                f"CosyVoice has no voice of its own: put {path.name} and {words.name} into the "
                "model folder, or use a voice profile.",
            )
        return words.read_text(encoding="utf-8").strip(), _prompt_of(path.read_bytes())


def _prompt_of(wav: bytes) -> Any:
    with wave.open(io.BytesIO(wav)) as file:
        rate, channels = file.getframerate(), file.getnchannels()
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    mono = (samples.reshape(-1, channels).mean(axis=1) / 32768).astype(np.float32)
    return _library("torch").from_numpy(soxr.resample(mono, rate, _PROMPT_RATE))[None]


def _has_gpu() -> bool:
    return bool(_library("torch").cuda.is_available())


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise EngineError(
            "TTS_UNAVAILABLE",
            f"CosyVoice is not installed in this environment ({error.name}): build its image as "
            "tts-service/engines/cosyvoice.md says.",
        ) from error
