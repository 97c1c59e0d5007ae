"""What is to be spoken, after its text was made speakable."""

from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "zh"]


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of text in one language, in words only."""

    language: Language
    text: str


@dataclass(frozen=True, slots=True)
class Utterance:
    """A clause ready for an engine."""

    runs: tuple[Run, ...]
    speed: float = 1.0
    """1: as recorded; 0.25 to 4."""
    mode: Literal["fast", "hq"] = "fast"
