"""F5-TTS: speaks with the voice of a short reference, in an environment of its own.

Code MIT; the published weights are CC-BY-NC-4.0, and other weights are one setting away.
Source: SWivid/F5-TTS 1.1.22, ``f5_tts/infer/utils_infer.py``.
"""

import gc
import importlib.resources
import io
import json
import os
import sys
import time
import wave
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soxr

from avatar_contract.devices import Choice, DeviceMissing, Gpu, choose, instead_of
from tts_service.clauses import clauses
from tts_service.embedding import Embedder
from tts_service.engine import SPEECH_RATE, EngineError, Sink
from tts_service.pace import misfit, slowness
from tts_service.polish import Signal, cleaned, pcm, without_silence

if TYPE_CHECKING:
    from tts_service.backends.base import Backend
    from tts_service.settings import TtsSettings

NEEDS_MIB = 3000
"""Weights in half precision, Vocos, and activations of 30 s."""

BASE = {"dim": 1024, "depth": 22, "heads": 16, "ff_mult": 2, "text_dim": 512, "conv_layers": 4}
"""F5TTS_v1_Base."""

_HOP = 256
_TARGET_RMS = 0.1
_GUIDANCE = 2.0
_SWAY = -1.0
_WHOLE_S = 22.0
"""Reference and clause together: what the model was trained to hold."""
_MAX_REFERENCE_S = 15.0
_MIN_REFERENCE_S = 1.0
_SLICE_BYTES = 9600
_WARM_STEPS = 2
_CLAUSE_S = 4.0
_OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "WANDB_MODE": "disabled",
    "GRADIO_ANALYTICS_ENABLED": "False",
}
_OWN_VOICES = {
    "en": ("basic_ref_en.wav", "Some call me nature, others call me mother nature."),
    "zh": ("basic_ref_zh.wav", "对，这就是我，万人敬仰的太乙真人。"),
}
"""Recordings that come with the package, with their words: they speak when there is no profile."""


def build(settings: "TtsSettings") -> "Backend":
    """The engine for this service."""
    # Only the service has these; a worker imports this file too.
    from avatar_contract.terms import EngineInfo
    from tts_service.backends.process import ProcessBackend, ProcessEngine

    engine = ProcessEngine(
        info=EngineInfo(
            name="F5-TTS",
            kind="local",
            languages=["en", "zh"],
            licence="CC-BY-NC-4.0 (published weights)",
            notice="Non-commercial weights: set TTS_F5_MODEL to others for commerce.",
        ),
        worker="tts_service.backends.f5:F5Engine",
        config={
            "model": str(settings.models / settings.f5_model),
            "vocoder": str(settings.models / settings.f5_vocoder),
            "voice": str(settings.models / settings.f5_voice),
            "device": settings.device,
            "steps": {"fast": settings.f5_steps_fast, "hq": settings.f5_steps_hq},
            "seed": settings.f5_seed,
        },
        voices={"en": "f5", "zh": "f5"},
        python=settings.engine_python,
        environment=_OFFLINE,
        has_hq=True,
        has_voices=True,
        start_timeout_s=600,
        stall_timeout_s=180,
    )
    return ProcessBackend(engine, settings)


@dataclass(frozen=True)
class Reference:
    """A recording ready for the model."""

    mel: Any
    """Tensor (1, frames, 100) on the device."""
    seconds: float
    text: str
    gain: float
    """What brings the model's level back to the recording's."""


class _HungUp(Exception):
    """Nobody listens any more; raised inside the solver."""


class F5Engine:
    """The worker's side."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config
        self._references: dict[str, Reference] = {}
        self._own: dict[str, Reference] = {}
        self._sink: Sink | None = None

    def load(self, progress: Callable[[float], None]) -> Mapping[str, Any]:
        folder, vocoder = Path(self._config["model"]), Path(self._config["vocoder"])
        _demand(folder / "model.safetensors", folder / "vocab.txt")
        _demand(vocoder / "config.yaml", vocoder / "pytorch_model.bin")
        try:
            import torch
            from f5_tts.infer import utils_infer
        except ImportError as error:
            raise EngineError(
                "TTS_UNAVAILABLE",
                f"F5-TTS is not installed in this environment ({error.name}): run "
                "`tools/engine_env.sh f5`, and name its Python in TTS_ENGINE_PYTHON.",
            ) from error
        self._torch, self._library = torch, utils_infer
        progress(0.2)
        choice = self._load_on(self._chosen(), folder, vocoder)
        progress(0.8)
        self._own = self._own_voices()
        pace = self._warm()
        slow = slowness(pace) if choice.device == "cpu" else ""
        progress(0.9)
        self._embedder = Embedder(choice.device)
        return {
            "device": choice.device,
            "notice": f"{choice.notice}{slow}" if choice.degraded else None,
            "detail": f"weights: {folder.name}. {choice.notice or ''}{slow}".rstrip(),
            "on_cpu": choice.notice,
            "gpu": self._gpu(choice.device),
        }

    def speak(self, job: Mapping[str, Any], sink: Sink) -> None:
        reference = self._reference(job)
        text = _joined(job["runs"])
        steps = int(self._config["steps"][job["mode"]])
        room_s = max(3.0, _WHOLE_S - reference.seconds)
        rate = len(reference.text.encode()) / reference.seconds
        for clause in clauses(text, max(20, int(rate * room_s * job["speed"]))):
            if sink.stopped():
                return
            signal = self._said(reference, clause, steps, job["speed"], sink)
            if signal is None:
                return
            if job["mode"] == "hq":
                signal = cleaned(signal, SPEECH_RATE)
            if not _sliced(pcm(signal), sink):
                return

    def add_voice(self, voice: Mapping[str, Any], wav: bytes) -> Mapping[str, Any]:
        with self._out_of_memory():
            reference = self._prepared(wav, voice["text"])
            known = bool(voice["facts"])
            embedding = None if known else self._embedder.embed(*_read(wav))
        self._references[voice["id"]] = reference
        return {"facts": {"seconds": round(reference.seconds, 2)}, "embedding": embedding}

    def drop_voice(self, voice_id: str) -> None:
        self._references.pop(voice_id, None)
        gc.collect()

    def ask(self, op: str, question: Mapping[str, Any]) -> Mapping[str, Any]:
        raise EngineError("BAD_MESSAGE", f"F5-TTS has no answer to {op}.")

    def _chosen(self) -> Choice:
        """Raises EngineError where a GPU was asked for that is not there."""
        try:
            return choose(self._config["device"], self._gpus(), NEEDS_MIB)
        except DeviceMissing as error:
            raise EngineError("TTS_UNAVAILABLE", str(error)) from error

    def _load_on(self, choice: Choice, folder: Path, vocoder: Path) -> Choice:
        try:
            self._load_weights(choice.device, folder, vocoder)
        except self._torch.OutOfMemoryError:
            self._torch.cuda.empty_cache()
            choice = instead_of(choice.device, "is full")
            self._load_weights("cpu", folder, vocoder)
        return choice

    def _load_weights(self, device: str, folder: Path, vocoder: Path) -> None:
        from f5_tts.model import DiT

        config = folder / "model.json"
        shape = json.loads(config.read_text()) if config.exists() else BASE
        try:
            self._model = self._library.load_model(
                DiT,
                shape,
                str(folder / "model.safetensors"),
                mel_spec_type="vocos",
                vocab_file=str(folder / "vocab.txt"),
                device=device,
            )
            self._vocoder = self._library.load_vocoder(
                "vocos", is_local=True, local_path=str(vocoder), device=device
            )
        except self._torch.OutOfMemoryError:
            raise
        except Exception as error:
            raise EngineError(
                "TTS_UNAVAILABLE",
                f"The weights in {folder.name} or {vocoder.name} are damaged or of another model "
                f"({type(error).__name__}): `avatar models verify` says which.",
            ) from error
        self._device = device
        self._model.transformer.register_forward_pre_hook(self._check_listener)

    def _gpus(self) -> list[Gpu]:
        cuda = self._torch.cuda
        if not cuda.is_available():
            return []
        found = []
        for index in range(cuda.device_count()):
            free, total = cuda.mem_get_info(index)
            found.append(Gpu(index, total // 2**20, free // 2**20))
        return found

    def _gpu(self, device: str) -> dict[str, float | str] | None:
        if device == "cpu":
            return None
        free, total = self._torch.cuda.mem_get_info(device)
        return {
            "name": self._torch.cuda.get_device_name(device),
            "used_mib": (total - free) / 2**20,
            "total_mib": total / 2**20,
        }

    def _own_voices(self) -> dict[str, Reference]:
        path = Path(self._config["voice"])
        words = path.with_suffix(".txt")
        if path.exists() and words.exists():
            own = self._prepared(path.read_bytes(), words.read_text(encoding="utf-8").strip())
            return {"en": own, "zh": own}
        folder = importlib.resources.files("f5_tts") / "infer/examples/basic"
        return {
            language: self._prepared((folder / name).read_bytes(), text)
            for language, (name, text) in _OWN_VOICES.items()
        }

    def _warm(self) -> float:
        """How many seconds a second of `fast` speech will take, about.

        A step costs what reference and clause together have of length; `_CLAUSE_S` is a usual one.
        """
        own = self._own["en"]
        began = time.perf_counter()
        said = self._said(own, "Ready, and warm.", _WARM_STEPS, 1.0, None)
        took = (time.perf_counter() - began) * self._config["steps"]["fast"] / _WARM_STEPS
        if said is None:
            return 0.0
        whole_s = own.seconds + len(said) / SPEECH_RATE
        return float(took * (own.seconds + _CLAUSE_S) / whole_s / _CLAUSE_S)

    def _reference(self, job: Mapping[str, Any]) -> Reference:
        if job["voice"] is None:
            return self._own[job["runs"][0][0]]
        voice_id = job["voice"].rpartition("@")[0]
        if voice_id not in self._references:
            raise EngineError("VOICE_NOT_LOADED", "This voice is not loaded here: put it again.")
        return self._references[voice_id]

    def _prepared(self, wav: bytes, text: str) -> Reference:
        """The recording without silence, at the model's level and rate, as a mel spectrogram."""
        if not text:
            raise EngineError(
                "BAD_MESSAGE",
                "F5-TTS needs the words of the reference: send them as `reference_text`.",
            )
        signal = without_silence(*_read(wav))
        seconds = len(signal) / SPEECH_RATE
        if not _MIN_REFERENCE_S <= seconds <= _MAX_REFERENCE_S:
            raise EngineError(
                "BAD_AUDIO",
                f"The reference has {seconds:.1f} s of speech; F5-TTS takes "
                f"{_MIN_REFERENCE_S:.0f} to {_MAX_REFERENCE_S:.0f} s. Record 5 to 10 seconds.",
            )
        # The length of every clause follows from the reference's words and seconds.
        if (wrong := misfit(text, seconds)) is not None:
            raise EngineError("BAD_MESSAGE", wrong)
        rms = float(np.sqrt(np.mean(signal**2)))
        gain = min(1.0, rms / _TARGET_RMS)
        with self._torch.inference_mode():
            sound = self._torch.from_numpy(signal / gain)[None].to(self._device)
            mel = self._model.mel_spec(sound).permute(0, 2, 1)
        return Reference(mel, seconds, _ended(text), gain)

    def _said(
        self, reference: Reference, clause: str, steps: int, speed: float, sink: Sink | None
    ) -> Signal | None:
        """A clause as samples at 24 kHz; None when the listener hung up meanwhile."""
        frames = reference.mel.shape[1]
        # Very short texts come out too fast: the package slows them down likewise.
        pace = 0.3 if len(clause.encode()) < 10 else speed
        ratio = len(clause.encode()) / len(reference.text.encode())
        self._sink = sink
        try:
            with self._out_of_memory(), self._torch.inference_mode():
                mel, _ = self._model.sample(
                    cond=reference.mel,
                    text=self._library.convert_char_to_pinyin([reference.text + clause]),
                    duration=frames + max(1, int(frames * ratio / pace)),
                    steps=steps,
                    cfg_strength=_GUIDANCE,
                    sway_sampling_coef=_SWAY,
                    seed=self._config["seed"],
                )
                mel = mel.to(self._torch.float32)[:, frames:, :].permute(0, 2, 1)
                sound = self._vocoder.decode(mel).squeeze().cpu().numpy()
        except _HungUp:
            self._model.transformer.clear_cache()
            return None
        finally:
            self._sink = None
        return np.asarray(sound * reference.gain, np.float32)

    def _check_listener(self, *_: object) -> None:
        """Before each step of the solver: stopping there frees the device soonest."""
        if self._sink is not None and self._sink.stopped():
            raise _HungUp

    @contextmanager
    def _out_of_memory(self) -> Iterator[None]:
        try:
            yield
        except self._torch.OutOfMemoryError as error:
            gc.collect()
            self._torch.cuda.empty_cache()
            raise EngineError(
                "TTS_UNAVAILABLE",
                f"{self._device} is out of memory: free some, or set DEVICE=cpu or another GPU.",
            ) from error
        except RuntimeError as error:
            if "CUDA" not in str(error):
                raise
            # The context is lost with the GPU; a fresh process finds what is left, or the CPU.
            sys.stderr.write(f"GPU lost: {type(error).__name__}\n")
            sys.stderr.flush()
            os._exit(70)


def _demand(*files: Path) -> None:
    for path in files:
        if not path.is_file():
            raise EngineError(
                "TTS_UNAVAILABLE",
                f"{path.parent.name}/{path.name} is missing from the model folder: "
                "`avatar models download f5-tts vocos` brings the published weights.",
            )


def _read(wav: bytes) -> tuple[Signal, int]:
    with wave.open(io.BytesIO(wav)) as file:
        rate, channels = file.getframerate(), file.getnchannels()
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    mono = samples.reshape(-1, channels).mean(axis=1) / 32768
    return soxr.resample(mono.astype(np.float32), rate, SPEECH_RATE), SPEECH_RATE


def _ended(text: str) -> str:
    """The words of a reference as a sentence that has ended: the next one begins after it."""
    if not text.endswith((". ", "。", "!", "?", "！", "？", ".")):
        text += "." if text[-1].isascii() else "。"
    return text + " " if text[-1].isascii() and not text.endswith(" ") else text


def _joined(runs: list[list[str]]) -> str:
    return " ".join(text for _, text in runs)


def _sliced(data: bytes, sink: Sink) -> bool:
    return all(
        sink.write(data[start : start + _SLICE_BYTES])
        for start in range(0, len(data), _SLICE_BYTES)
    )
