"""The 54 voices: their languages, and which of them is nearest to a person.

Pitch and formant spacing of each are measured by `tools/kokoro_styles.py` on what it says.
"""

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from tts_service.espeak.measure import Speaker

LANGUAGES = {
    "a": "en-US",
    "b": "en-GB",
    "e": "es",
    "f": "fr",
    "h": "hi",
    "i": "it",
    "j": "ja",
    "p": "pt-BR",
    "z": "zh",
}
"""By the first letter of a voice's name; the second is `f` (female) or `m` (male)."""

MAX_SHIFT = 3.0
"""Semitones: formants move with the pitch, and far from where they were it is nobody's voice."""

_SHIFT_COSTS = 0.25
"""Of a semitone of difference, for each that has to be shifted."""


@dataclass(frozen=True, slots=True)
class Nearest:
    """A voice, and how it is changed."""

    name: str
    shift: float
    """Semitones up."""

    @property
    def ratio(self) -> float:
        """What pitch and formants are multiplied by."""
        return float(2 ** (self.shift / 12))


@cache
def measured() -> dict[str, Speaker]:
    """Every voice by name."""
    text = files("tts_service.kokoro").joinpath("styles.json").read_text("utf-8")
    return {name: Speaker(*numbers) for name, numbers in json.loads(text).items()}


def language_of(name: str) -> str:
    """BCP 47 tag of the speech that a voice was made from."""
    return LANGUAGES[name[0]]


def nearest(person: Speaker, language: str) -> Nearest:
    """The voice of that language (`en`, `zh`) whose shifted sound is nearest to `person`."""
    best: tuple[float, Nearest] | None = None
    for name, voice in measured().items():
        if language_of(name).partition("-")[0] != language:
            continue
        wanted = 12 * math.log2(person.pitch / voice.pitch)
        shift = max(-MAX_SHIFT, min(MAX_SHIFT, wanted))
        tract = 12 * math.log2(person.spacing / voice.spacing) - shift
        far = abs(wanted - shift) + abs(tract) + _SHIFT_COSTS * abs(shift)
        if best is None or far < best[0]:
            best = far, Nearest(name, round(shift, 2))
    if best is None:
        raise ValueError(f"no voice speaks {language}")
    return best[1]
