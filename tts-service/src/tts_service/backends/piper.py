"""Piper: the voice of machines without a GPU.

piper-tts is GPL-3.0-or-later: it runs in processes of its own, and is named in the notices.
"""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soxr

from tts_service.engine import SPEECH_RATE, EngineError, Sink

if TYPE_CHECKING:
    from tts_service.backends.base import Backend
    from tts_service.settings import TtsSettings

_WARM = {"en": "Ready.", "zh": "好。"}
_SLICE = 4800
_PAUSE_S = 0.12


def build(settings: "TtsSettings") -> "Backend":
    """The engine for this service."""
    # Only the service has these; a worker imports this file too.
    from avatar_contract.terms import EngineInfo
    from tts_service.backends.process import ProcessBackend, ProcessEngine

    named = {"zh": settings.piper_zh, "en": settings.piper_en}
    voices = {language: name for language, name in named.items() if name}
    engine = ProcessEngine(
        info=EngineInfo(
            name="Piper",
            kind="local",
            languages=sorted(voices),
            licence="GPL-3.0-or-later; each voice has its own",
            notice="One voice a language; voice profiles need F5-TTS.",
        ),
        worker="tts_service.backends.piper:PiperEngine",
        config={
            "voices": {language: str(settings.models / name) for language, name in voices.items()},
            "threads": max(1, (os.cpu_count() or 1) // settings.workers),
        },
        voices={language: Path(name).stem for language, name in voices.items()},
        workers=settings.workers,
        python=settings.engine_python,
        has_phonemes=True,
        start_timeout_s=120,
        stall_timeout_s=60,
    )
    return ProcessBackend(engine, settings)


class PiperEngine:
    """The worker's side."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._paths = {language: Path(path) for language, path in config["voices"].items()}
        self._threads = int(config["threads"])
        self._voices: dict[str, Any] = {}

    def load(self, progress: Callable[[float], None]) -> Mapping[str, Any]:
        if not self._paths:
            raise EngineError(
                "TTS_UNAVAILABLE", "Piper has no voice: name one in TTS_PIPER_ZH or TTS_PIPER_EN."
            )
        for done, (language, path) in enumerate(self._paths.items(), 1):
            self._voices[language] = _loaded(path, self._threads)
            for _ in self._voices[language].synthesize(_WARM[language]):
                pass
            progress(done / len(self._paths))
        return {"device": "cpu", "detail": ", ".join(p.stem for p in self._paths.values())}

    def speak(self, job: Mapping[str, Any], sink: Sink) -> None:
        from piper import SynthesisConfig

        pace = SynthesisConfig(length_scale=1 / job["speed"])
        for index, (language, text) in enumerate(job["runs"]):
            if index and not sink.write(bytes(int(SPEECH_RATE * _PAUSE_S) * 2)):
                return
            for chunk in self._voices[language].synthesize(text, syn_config=pace):
                if not _sent(chunk.audio_float_array, chunk.sample_rate, sink):
                    return

    def add_voice(self, voice: Mapping[str, Any], wav: bytes) -> Mapping[str, Any]:
        return {}

    def drop_voice(self, voice_id: str) -> None:
        """It never keeps one."""

    def ask(self, op: str, question: Mapping[str, Any]) -> Mapping[str, Any]:
        if op != "phonemes":
            raise EngineError("BAD_MESSAGE", f"Piper has no answer to {op}.")
        said = []
        for language, text in question["runs"]:
            sentences = self._voices[language].phonemize(text)
            said.append(" ".join("".join(sentence) for sentence in sentences))
        return {"phonemes": said}


def _loaded(path: Path, threads: int) -> Any:
    """A voice. Raises EngineError, saying what to do, where it is missing or damaged."""
    config = path.with_name(path.name + ".json")
    for file in (path, config):
        if not file.is_file():
            raise EngineError(
                "TTS_UNAVAILABLE",
                f"{file.parent.name}/{file.name} is missing from the model folder: "
                "`avatar models download piper-zh piper-en` brings the default voices, and "
                "`avatar models list` names others.",
            )
    try:
        import onnxruntime
        from piper import PiperVoice
        from piper.config import PhonemeType, PiperConfig
    except ImportError as error:
        raise EngineError(
            "TTS_UNAVAILABLE",
            f"Piper is not installed ({error.name}): `make run PROFILE=cpu` installs it, or "
            "`pip install piper-tts`.",
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    try:
        voice_config = PiperConfig.from_dict(json.loads(config.read_text(encoding="utf-8")))
        session = onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise EngineError(
            "TTS_UNAVAILABLE",
            f"{path.name} is damaged or no Piper voice ({type(error).__name__}): "
            "`avatar models verify` says which file.",
        ) from error
    names = {given.name for given in session.get_inputs()}
    if not {"input", "input_lengths", "scales"} <= names:
        raise EngineError(
            "TTS_UNAVAILABLE",
            f"{path.name} is a model, but no Piper voice: name one in TTS_PIPER_ZH and "
            "TTS_PIPER_EN; `avatar models download piper-zh piper-en` brings two.",
        )
    if voice_config.phoneme_type not in (PhonemeType.ESPEAK, PhonemeType.TEXT):
        raise EngineError(
            "TTS_UNAVAILABLE",
            f"{path.name} wants a phonemizer that Piper would download; choose a voice whose "
            "phoneme_type is espeak.",
        )
    return PiperVoice(session=session, config=voice_config, download_dir=path.parent)


def _sent(signal: "np.ndarray[Any, np.dtype[np.float32]]", rate: int, sink: Sink) -> bool:
    sound = soxr.resample(signal, rate, SPEECH_RATE) if rate != SPEECH_RATE else signal
    samples = (np.clip(sound, -1, 1) * 32767).astype("<i2")
    return all(
        sink.write(samples[start : start + _SLICE].tobytes())
        for start in range(0, len(samples), _SLICE)
    )
