"""The voice effect: a variant of espeak-ng's voice with a speaker's pitch and formant scale.

It is an effect and no clone: two numbers of a person, clamped to where speech stays clear.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import espeakng_loader
import numpy as np

from avatar_contract.audio import read_wav
from tts_service.engine import EngineError
from tts_service.espeak.library import NORMAL_WPM, Espeak
from tts_service.espeak.measure import Speaker, measure

MIN_PITCH, MAX_PITCH = 75.0, 260.0
"""Median pitch of the effect, Hz."""
MIN_SCALE, MAX_SCALE = 0.88, 1.15
"""Formant scale of the effect: beyond, a recogniser loses words."""

_STEPS = 2
_RANGE = 1.44
"""espeak-ng's own ratio of highest to lowest pitch."""
_PHRASES = {
    "en": "We were away a year ago, and you know why no one may yell.",
    "zh": "我們一月也要用那樣的燈，你們來不來呢。",
}


class VoiceEffects:
    """The variant files of one worker, in a data folder that links to the library's own.

    Args:
        scratch: folder for this service's files; removed by the service.
        bases: language to the espeak voice that is varied, ``voice`` or ``voice+variant``.
    """

    def __init__(self, scratch: str, bases: Mapping[str, str]) -> None:
        self._root = Path(scratch) / f"espeak-{os.getpid()}"
        self._variants = self._root / "voices" / "!v"
        self._bases = bases
        self._spoken: dict[str, Speaker] = {}
        self._known: dict[str, str] = {}

    def data_path(self) -> str:
        """A folder that espeak-ng takes for its data, with room for variants."""
        source = Path(espeakng_loader.get_data_path())
        self._variants.mkdir(parents=True)
        for below in ("voices/!v", "voices", "."):
            for entry in (source / below).iterdir():
                target = self._root / below / entry.name
                if not target.exists():
                    target.symlink_to(entry)
        return str(self._root)

    def voice(self, language: str, name: str | None) -> str:
        """The espeak voice that speaks `language` for `name` (``id@etag``); None: its own."""
        base = self._bases[language]
        if name is None:
            return base
        voice_id, _, etag = name.rpartition("@")
        if self._known.get(voice_id) != etag:
            raise EngineError("VOICE_NOT_LOADED", "This voice is not loaded here: put it again.")
        return _varied(base, _variant(etag, language))

    def add(self, espeak: Espeak, voice: Mapping[str, Any], wav: bytes) -> dict[str, Any]:
        """Measures a reference, unless another worker did.

        Answers `{pitch, spacing, en: [base pitch, scale], zh: […]}`.
        """
        facts = dict(voice["facts"]) or self._fitted(espeak, voice["etag"], wav)
        for language in self._bases:
            self._write(_variant(voice["etag"], language), language, *facts[language])
        self._known[voice["id"]] = voice["etag"]
        return facts

    def drop(self, voice_id: str) -> None:
        """Removes a voice's variants."""
        etag = self._known.pop(voice_id, None)
        if etag is None or etag in self._known.values():
            return
        for language in self._bases:
            (self._variants / _variant(etag, language)).unlink(missing_ok=True)

    def _fitted(self, espeak: Espeak, etag: str, wav: bytes) -> dict[str, Any]:
        pcm, rate, _ = read_wav(wav)
        heard = measure(np.frombuffer(pcm, np.int16), rate)
        if heard is None:
            raise EngineError(
                "BAD_AUDIO",
                "No clear voice was found in the reference: noise, music or whisper can't be "
                "measured. Record 3 to 30 seconds of one person speaking clearly.",
            )
        facts: dict[str, Any] = {"pitch": heard.pitch, "spacing": heard.spacing}
        for language in self._bases:
            facts[language] = self._fit(espeak, etag, language, heard)
        return facts

    def _fit(self, espeak: Espeak, etag: str, language: str, heard: Speaker) -> list[float]:
        """Pitch and scale by measuring what they do and correcting them."""
        own = self._own(espeak, language)
        pitch_wanted = min(MAX_PITCH, max(MIN_PITCH, heard.pitch))
        scale_wanted = min(MAX_SCALE, max(MIN_SCALE, heard.spacing / own.spacing))
        pitch, scale = pitch_wanted * 0.8, scale_wanted
        name = _variant(etag, language)
        for _ in range(_STEPS):
            self._write(name, language, pitch, scale)
            now = _listen(espeak, _varied(self._bases[language], name), language)
            pitch *= pitch_wanted / now.pitch
            scale *= scale_wanted * own.spacing / now.spacing
            scale = min(MAX_SCALE, max(MIN_SCALE, scale))
        return [round(pitch, 1), round(scale, 3)]

    def _own(self, espeak: Espeak, language: str) -> Speaker:
        if language not in self._spoken:
            self._spoken[language] = _listen(espeak, self._bases[language], language)
        return self._spoken[language]

    def _write(self, name: str, language: str, pitch: float, scale: float) -> None:
        lines = ["language variant", f"name {name}"]
        lines.append(f"pitch {pitch:.0f} {pitch * _RANGE:.0f}")
        lines += [f"formant {number} {scale * 100:.0f} 100 100" for number in range(9)]
        _, _, variant = self._bases[language].partition("+")
        if variant:
            lines += (self._variants / variant).read_text().splitlines()[2:]
        (self._variants / name).write_text("\n".join(lines) + "\n")


def _variant(etag: str, language: str) -> str:
    # espeak-ng takes a variant that begins with a digit for one of its numbered ones.
    return f"v{etag}-{language}"


def _varied(base: str, variant: str) -> str:
    return f"{base.partition('+')[0]}+{variant}"


def _listen(espeak: Espeak, voice: str, language: str) -> Speaker:
    parts: list[bytes] = []

    def keep(pcm: bytes) -> bool:
        parts.append(pcm)
        return True

    espeak.speak(_PHRASES[language], voice, NORMAL_WPM, keep)
    heard = measure(np.frombuffer(b"".join(parts), np.int16), espeak.rate)
    if heard is None:
        raise EngineError("TTS_UNAVAILABLE", f"espeak-ng's voice {voice} can't be measured.")
    return heard
