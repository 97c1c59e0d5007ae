"""Kokoro-82M: the voice of a machine without a GPU, Mandarin and English, 54 voices.

Its English phonemes come from espeak-ng, GPL-3.0-or-later: it runs in processes of its own.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import soxr

from avatar_contract.audio import read_wav
from tts_service.engine import SPEECH_RATE, EngineError, Sink
from tts_service.kokoro import styles
from tts_service.kokoro.styles import Nearest

if TYPE_CHECKING:
    from avatar_contract.speech import Voice
    from tts_service.backends.base import Backend
    from tts_service.kokoro.speaking import Kokoro
    from tts_service.settings import TtsSettings

_WARM = (("zh", "好的。"), ("en", "Ready."))
_SLICE = SPEECH_RATE // 5
_SILENCE = bytes(SPEECH_RATE // 5 * 2)
_NOTICE = (
    "A voice profile picks the nearest of its 54 voices and shifts the pitch: an effect, no "
    "likeness. F5-TTS and CosyVoice clone."
)


def build(settings: "TtsSettings") -> "Backend":
    """The engine for this service."""
    # Only the service has these; a worker imports this file too.
    from avatar_contract.terms import EngineInfo
    from tts_service.backends.process import ProcessBackend, ProcessEngine

    voices = {"en": settings.kokoro_en, "zh": settings.kokoro_zh}
    cores = max(1, (os.cpu_count() or 1) // settings.kokoro_threads)
    engine = ProcessEngine(
        info=EngineInfo(
            name="Kokoro-82M",
            kind="embedded",
            languages=["en", "zh"],
            licence="Apache-2.0 (phonemes by espeak-ng: GPL-3.0-or-later)",
            notice=_NOTICE,
        ),
        worker="tts_service.backends.kokoro:KokoroEngine",
        config={
            "folder": str(settings.models / settings.kokoro_model),
            "threads": settings.kokoro_threads,
            "voices": voices,
        },
        voices=voices,
        workers=settings.workers if "workers" in settings.model_fields_set else cores,
        own_voices=_own_voices(),
        speaks_all=True,
        has_voices=True,
        has_phonemes=True,
        start_timeout_s=120,
        stall_timeout_s=60,
    )
    return ProcessBackend(engine, settings)


def _own_voices() -> "tuple[Voice, ...]":
    from avatar_contract.speech import Voice

    return tuple(
        Voice(
            id=name,
            languages=[styles.language_of(name)],
            description=f"{name[3:].title()}, {'female' if name[1] == 'f' else 'male'}",
        )
        for name in sorted(styles.measured())
    )


class KokoroEngine:
    """The worker's side."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._folder = Path(config["folder"])
        self._threads = int(config["threads"])
        self._voices: Mapping[str, str] = config["voices"]
        self._people: dict[str, tuple[str, dict[str, Nearest]]] = {}
        self._loaded: Kokoro | None = None

    def load(self, progress: Callable[[float], None]) -> Mapping[str, Any]:
        from tts_service.kokoro.speaking import Kokoro

        self._loaded = kokoro = Kokoro(self._folder, self._threads)
        progress(0.6)
        kokoro.check(self._voices.values())
        for language, text in _WARM:
            for _ in kokoro.say([(language, text)], self._voices[language], 1.0, lambda: False):
                pass
        progress(1.0)
        return {"device": "cpu", "detail": ", ".join(self._voices.values())}

    def speak(self, job: Mapping[str, Any], sink: Sink) -> None:
        chosen = self._chosen(job)
        # The pitch is shifted by playing it faster, so it is said as much slower.
        pace = job["speed"] / chosen.ratio
        spoken = False
        for sound in self._kokoro.say(job["runs"], chosen.name, pace, sink.stopped):
            spoken = True
            if not _sent(_shifted(sound, chosen.ratio), sink):
                return
        if not spoken and not sink.stopped():
            sink.write(_SILENCE)
        self._kokoro.rest()

    def add_voice(self, voice: Mapping[str, Any], wav: bytes) -> Mapping[str, Any]:
        facts = dict(voice["facts"]) or _measured(wav)
        near = {language: Nearest(*facts[language]) for language in self._voices}
        self._people[voice["id"]] = voice["etag"], near
        return {"facts": facts}

    def drop_voice(self, voice_id: str) -> None:
        self._people.pop(voice_id, None)

    def ask(self, op: str, question: Mapping[str, Any]) -> Mapping[str, Any]:
        if op != "phonemes":
            raise EngineError("BAD_MESSAGE", f"Kokoro has no answer to {op}.")
        return {"phonemes": [self._kokoro.phonemes(*run) for run in question["runs"]]}

    def _chosen(self, job: Mapping[str, Any]) -> Nearest:
        name, language = job["voice"], job["language"]
        if name is None:
            return Nearest(job["own_voice"] or self._voices[language], 0.0)
        voice_id, _, etag = name.rpartition("@")
        known, near = self._people.get(voice_id, ("", {}))
        if known != etag:
            raise EngineError("VOICE_NOT_LOADED", "This voice is not loaded here: put it again.")
        return near[language]

    @property
    def _kokoro(self) -> "Kokoro":
        if self._loaded is None:
            raise EngineError("TTS_UNAVAILABLE", "Kokoro is not loaded yet.")
        return self._loaded


def _measured(wav: bytes) -> dict[str, Any]:
    """``{pitch, spacing, en: [voice, semitones], zh: […]}`` of a person."""
    from tts_service.espeak.measure import measure

    pcm, rate, _ = read_wav(wav)
    person = measure(np.frombuffer(pcm, np.int16), rate)
    if person is None:
        raise EngineError(
            "BAD_AUDIO",
            "No clear voice was found in the reference: noise, music or whisper can't be "
            "measured. Record 3 to 30 seconds of one person speaking clearly.",
        )
    near = {language: styles.nearest(person, language) for language in ("en", "zh")}
    found = {language: [each.name, each.shift] for language, each in near.items()}
    return {"pitch": person.pitch, "spacing": person.spacing, **found}


def _shifted(sound: npt.NDArray[np.float32], ratio: float) -> npt.NDArray[np.float32]:
    if abs(ratio - 1) < 1e-3:
        return sound
    changed: npt.NDArray[np.float32] = soxr.resample(sound, SPEECH_RATE * ratio, SPEECH_RATE)
    return changed


def _sent(sound: npt.NDArray[np.float32], sink: Sink) -> bool:
    samples = (np.clip(sound, -1, 1) * 32767).astype("<i2")
    return all(
        sink.write(samples[start : start + _SLICE].tobytes())
        for start in range(0, len(samples), _SLICE)
    )
