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
    voice: str | None = None
    """One of the engine's own voices, by its name; None: the one that it takes for the language."""

    @property
    def language(self) -> Language:
        """The language of most of it: a Chinese character says as much as three letters."""
        weight = {"en": 0, "zh": 0}
        for run in self.runs:
            weight[run.language] += len(run.text) * (3 if run.language == "zh" else 1)
        return "zh" if weight["zh"] > weight["en"] else "en"
