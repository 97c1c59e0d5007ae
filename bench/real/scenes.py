"""What is said: scripts for `talking.Person` out of the corpus. The seed decides all of it."""

import random

from real.scoring import Clip
from real.talking import Part

Script = list[list[Part]]

PAUSES_MS = (300.0, 2000.0)
"""The shortest and the longest pause inside an utterance."""
_SPOKEN = ("zh", "en")


def sentences(clips: list[Clip], people: int, turns: int, seed: int) -> list[Script]:
    """Each person says `turns` whole sentences, one after another."""
    dice = random.Random(seed)
    spoken = [clip for clip in clips if clip.kind in _SPOKEN]
    return [[[Part(dice.choice(spoken))] for _ in range(turns)] for _ in range(people)]


def kinds(clips: list[Clip]) -> Script:
    """Every clip with words once: for the error rates."""
    return [[Part(clip)] for clip in clips if clip.kind != "nothing"]


def pauses(clips: list[Clip], conversations: int, people: int, seed: int) -> list[Script]:
    """Utterances of two or three sentences of one language with pauses in between, shared out."""
    dice = random.Random(seed)
    scripts: list[Script] = [[] for _ in range(people)]
    for n in range(conversations):
        language = dice.choice(_SPOKEN)
        spoken = [clip for clip in clips if clip.kind == language]
        chosen = dice.sample(spoken, dice.choice((2, 2, 3)))
        parts = [Part(clip, dice.uniform(*PAUSES_MS)) for clip in chosen[:-1]]
        scripts[n % people].append([*parts, Part(chosen[-1])])
    return scripts


def nothing(clips: list[Clip]) -> list[Clip]:
    """Sounds without words."""
    return [clip for clip in clips if clip.kind == "nothing"]
