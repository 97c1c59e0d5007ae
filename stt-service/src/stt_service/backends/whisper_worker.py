"""The process that runs faster-whisper; started by `backends.faster_whisper`.

A process of its own, for a GPU that runs out of memory can take its process with it, and feature
extraction holds the interpreter lock for tens of milliseconds.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from avatar_contract import devices
from avatar_contract.workers import child
from avatar_contract.workers.errors import EngineError
from stt_service.backends.short_window import (
    LONGEST_S,
    Said,
    ShortWindow,
    Stopped,
    Unwanted,
    Wish,
    most_tokens,
    never,
)

TRANSCRIBE = "transcribe"
_RATE = 16_000
_NEVER_SAID, _HARDLY_SAID, _MAYBE_SAID = -1.5, -1.0, -0.7
_SURELY_SILENT = 0.9


@dataclass(frozen=True, slots=True)
class Load:
    """What to load, and how; the engine's settings, as JSON."""

    folder: str
    device: str
    compute_type: str
    """`auto`: what suits the device."""
    threads: int
    parallel: int
    no_speech_threshold: float
    least_window_s: float = 8.0
    falls_back: bool = False
    """Whether the CPU takes the place of a GPU that can't be used."""

    @property
    def numbers(self) -> str:
        """The compute type that is taken."""
        if self.compute_type != "auto":
            return self.compute_type
        return "int8" if self.device == "cpu" else "float16"

    def argument(self) -> str:
        """For the worker's command."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Job:
    """How to look at one piece of sound; its samples follow in the frame."""

    language: str | None = None
    among: tuple[str, ...] = ()
    """Where the language is guessed, the ones that it may be; empty: any."""
    beam: int = 5
    """1: a quick look that may be wrong."""
    words: bool = False
    """Whether the times of the words are wanted."""
    prompt: str = ""
    hotwords: str = ""

    def meta(self) -> dict[str, Any]:
        """As it travels."""
        return asdict(self)


def unpack(meta: Mapping[str, Any]) -> Job:
    """A job as it came."""
    return Job(**{name: value for name, value in meta.items() if name != "op"})


class Whisper:
    """The loaded model."""

    def __init__(self, model: Any, load: Load) -> None:
        self.model = model
        self._no_speech = load.no_speech_threshold
        self.window = ShortWindow(model, load.least_window_s)

    @classmethod
    def loaded(cls, load: Load) -> "Whisper":
        """Reads the weights."""
        from faster_whisper import WhisperModel

        kind, _, index = load.device.partition(":")
        model = WhisperModel(
            load.folder,
            device=kind,
            device_index=int(index or 0),
            compute_type=load.numbers,
            cpu_threads=load.threads,
            num_workers=load.parallel,
            local_files_only=True,
        )
        return cls(model, load)

    @property
    def languages(self) -> list[str]:
        """ISO 639-1 codes that the model knows."""
        return list(self.model.supported_languages)

    def warm(self) -> None:
        """Runs once, so that the first utterance does not pay for kernels and caches."""
        noise = 0.01 * np.random.default_rng(0).standard_normal(_RATE, np.float32)
        self.window.look(noise, Wish(language="en"))

    def transcribe(self, job: Job, pcm: bytes, stopped: Stopped = never) -> dict[str, Any]:
        """The words of a piece of sound, as the parent reads them."""
        audio = np.frombuffer(pcm, np.int16).astype(np.float32) / np.float32(32768)
        audio = audio[: int(LONGEST_S * _RATE)]
        wish = Wish(job.language, job.among, job.beam, job.prompt, job.hotwords)
        try:
            said = self.window.look(audio, wish, stopped)
            if said.loops and job.beam > 1:
                said = self._whole(audio, said, wish, stopped)
        except Unwanted:
            return {}  # nobody reads it
        # Of a quick look, words that repeat themselves tell nothing.
        if not self._somebody_said(said) or (said.loops and job.beam == 1):
            return {"text": "", "language": None, "sure": 0.0, "words": []}
        return {
            "text": said.text,
            "language": said.language,
            "sure": said.sure,
            "logprob": said.logprob,
            "no_speech": said.no_speech,
            "words": self.window.timed(audio, said) if job.words else [],
        }

    def _whole(self, audio: NDArray[np.float32], said: Said, wish: Wish, stopped: Stopped) -> Said:
        """Looks again with the whole window, hotter and hotter while it repeats itself."""
        if stopped():
            raise Unwanted
        found, info = self.model.transcribe(
            audio,
            language=said.language,
            beam_size=wish.beam,
            temperature=[0.0, 0.2, 0.4],
            without_timestamps=True,
            initial_prompt=wish.prompt or None,
            hotwords=wish.hotwords or None,
            no_speech_threshold=self._no_speech,
            condition_on_previous_text=False,
            # A loop would go on to the decoder's limit, at each temperature: many seconds.
            max_new_tokens=most_tokens(audio),
        )
        segments = list(found)
        if not segments:
            return Said("", said.language, said.sure, -9.0, 1.0)
        return Said(
            "".join(one.text for one in segments).strip(),
            info.language,
            said.sure,
            min(one.avg_logprob for one in segments),
            max(one.no_speech_prob for one in segments),
            tuple(token for one in segments for token in one.tokens),
        )

    def _somebody_said(self, said: Said) -> bool:
        """Whether somebody said it: Whisper writes words for silence and noise too.

        Of 60 sounds without speech all were under a log probability of -0.9, and of clean speech
        none was under -0.6.
        """
        if not said.text.strip(" .…") or said.logprob < _NEVER_SAID:
            return False
        if said.logprob < _HARDLY_SAID:
            return said.no_speech < self._no_speech / 2
        if said.logprob < _MAYBE_SAID:
            return said.no_speech < self._no_speech
        return said.no_speech < _SURELY_SILENT


def lost(error: Exception) -> bool:
    """Whether the GPU is gone: its context goes with it, and no later call in this process works.

    Full memory is another thing: what was too much is given up, and the rest goes on.
    """
    return "cuda" in str(error).lower() and not full(error)


def full(error: Exception) -> bool:
    """Whether memory was too little."""
    return "out of memory" in str(error).lower() or isinstance(error, MemoryError)


def of_the_gpu(error: Exception) -> bool:
    """Whether the GPU or its libraries are what is wrong."""
    text = str(error).lower()
    return any(part in text for part in ("cuda", "cudnn", "cublas"))


def explain(error: Exception, device: str) -> str:
    """What went wrong and what to do, in a sentence."""
    if full(error):
        return (
            f"The memory of {device} is full: end what else uses it, set a smaller STT_MODEL or "
            "STT_COMPUTE_TYPE=int8, or set DEVICE=cpu."
        )
    if of_the_gpu(error):
        return f"{device} can't be used ({error}): run `avatar doctor`, or set DEVICE=cpu."
    return f"faster-whisper failed ({type(error).__name__}: {error}): run `avatar models verify`."


class WhisperEngine:
    """The worker's side."""

    make: ClassVar[type[Whisper]] = Whisper

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._load = Load(**config)
        self._whisper: Whisper | None = None
        self.parallel = self._load.parallel

    def load(self, progress: Callable[[float], None]) -> Mapping[str, Any]:
        os.environ.update(
            HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1", TRANSFORMERS_OFFLINE="1"
        )
        progress(0.1)
        notice = None
        try:
            whisper = self._warmed(progress)
        except Exception as error:
            why = self._why_cpu(error)
            if why is None:
                raise EngineError("STT_UNAVAILABLE", explain(error, self._load.device)) from error
            notice = devices.instead_of(self._load.device, why).notice
            self._load = replace(self._load, device="cpu")
            whisper = self._on_the_cpu(progress)
        self._whisper = whisper
        return {"languages": whisper.languages, "device": self._load.device, "notice": notice}

    def _on_the_cpu(self, progress: Callable[[float], None]) -> Whisper:
        try:
            return self._warmed(progress)
        except Exception as error:
            raise EngineError("STT_UNAVAILABLE", explain(error, self._load.device)) from error

    def _warmed(self, progress: Callable[[float], None]) -> Whisper:
        whisper = self.make.loaded(self._load)
        progress(0.8)
        whisper.warm()
        return whisper

    def _why_cpu(self, error: Exception) -> str | None:
        """Why the CPU takes the GPU's place; None: it does not."""
        if self._load.device == "cpu":
            return None
        if full(error):
            return "is full"
        if self._load.falls_back and of_the_gpu(error):
            return f"can't be used ({error})"
        return None

    def tell(self, op: str, meta: Mapping[str, Any], blob: bytes) -> None:
        pass

    def work(self, job: child.Job) -> Mapping[str, Any]:
        if self._whisper is None:
            raise RuntimeError("asked before it was loaded")
        try:
            return self._whisper.transcribe(unpack(job.meta), job.blob, job.stopped)
        except Exception as error:
            text = explain(error, self._load.device)
            # A fresh process finds what is left.
            raise EngineError("STT_UNAVAILABLE", text, fatal=lost(error)) from error
