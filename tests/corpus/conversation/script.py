"""Makes conversations out of a seed and the texts: who says what, with which pauses, when.

Pauses inside a sentence are drawn from a lognormal distribution, as measured pauses of speakers are
(Campione and Véronis, "A large-scale multilingual study of silent pause duration", 2002: median
about 400 ms in conversation). The clearing of a throat, a click of a keyboard and steady noise are
there too.
"""

import math
import random
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

TEXTS = Path(__file__).resolve().parents[1] / "texts.toml"

PAUSES = 0.6
"""How often a bar of the text is a pause."""
_PAUSE_MEDIAN_MS, _PAUSE_SIGMA = 400.0, 0.5
_SHORTEST_MS, _LONGEST_MS = 150.0, 1300.0

Kind = Literal["question", "interruption", "backchannel", "cough"]
VOICES = {"en": ("en-us", "en-us+m3", "en-us+f3"), "zh": ("cmn", "cmn+f2", "cmn+m3")}


@dataclass(frozen=True)
class Line:
    """Something that is said, or another noise of a mouth."""

    kind: Kind
    language: str
    voice: str
    pieces: tuple[str, ...]
    """Spoken without a pause inside."""
    pauses_ms: tuple[float, ...]
    """Between the pieces."""
    at: float
    """For a question: ms after the reply before it. Else: the part of the reply already heard."""

    @property
    def text(self) -> str:
        """All words."""
        return (" " if self.language == "en" else "").join(self.pieces)


@dataclass(frozen=True)
class Exchange:
    """A question, its answer, and who makes a sound meanwhile."""

    question: Line
    reply: str
    meanwhile: Line | None


@dataclass(frozen=True)
class Scene:
    """One session's conversation."""

    language: str
    exchanges: tuple[Exchange, ...]
    noise_db: float
    """Of the microphone, dBFS."""
    clicks: bool
    """A keyboard beside it."""


def make(
    seed: int,
    *,
    exchanges: int,
    texts: str = "tune",
    pauses: float = PAUSES,
    languages: tuple[str, ...] = ("en", "zh"),
) -> list[Scene]:
    """Scenes of eight exchanges each, in turn in each language.

    Args:
        pauses: how often a bar of the text is a pause, 0 to 1.
    """
    with TEXTS.open("rb") as file:
        data = tomllib.load(file)
    dice = random.Random(f"{seed}/{texts}")
    scenes: list[Scene] = []
    left = exchanges
    while left > 0:
        language = languages[len(scenes) % len(languages)]
        count = min(8, left)
        scenes.append(
            _scene(
                dice, data[texts][language], data["backchannels"][language], language, count, pauses
            )
        )
        left -= count
    return scenes


def _scene(
    dice: random.Random,
    texts: dict[str, list[str]],
    backchannels: list[str],
    language: str,
    count: int,
    pauses: float,
) -> Scene:
    voice = dice.choice(VOICES[language])
    made = []
    for n in range(count):
        question = _question(dice, language, voice, dice.choice(texts["utterances"]), pauses)
        meanwhile = _meanwhile(dice, language, voice, texts["interruptions"], backchannels)
        if n == count - 1 and meanwhile is not None and meanwhile.kind == "interruption":
            meanwhile = None
        made.append(Exchange(question, dice.choice(texts["replies"]), meanwhile))
    return Scene(language, tuple(made), dice.uniform(-72, -52), dice.random() < 0.3)


def _question(dice: random.Random, language: str, voice: str, text: str, often: float) -> Line:
    parts = [part.strip() for part in text.split("|")]
    pieces, pauses = [parts[0]], []
    for part in parts[1:]:
        if dice.random() < often:
            pause = _PAUSE_MEDIAN_MS * math.exp(dice.gauss(0, _PAUSE_SIGMA))
            pauses.append(min(max(pause, _SHORTEST_MS), _LONGEST_MS))
            pieces.append(part)
        else:
            pieces[-1] += (" " if language == "en" else "") + part
    return Line("question", language, voice, tuple(pieces), tuple(pauses), dice.uniform(400, 1800))


def _meanwhile(
    dice: random.Random,
    language: str,
    voice: str,
    interruptions: list[str],
    backchannels: list[str],
) -> Line | None:
    chance = dice.random()
    where = dice.uniform(0.15, 0.8)
    if chance < 0.35:
        return Line("backchannel", language, voice, (dice.choice(backchannels),), (), where)
    if chance < 0.5:
        return Line("cough", language, voice, ("",), (), where)
    if chance < 0.65:
        return Line("interruption", language, voice, (dice.choice(interruptions),), (), where)
    return None
