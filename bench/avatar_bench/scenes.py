"""What people say in a measurement. Words are drawn by a seeded dice."""

import random

from avatar_bench import clips
from avatar_bench.plan import Say
from avatar_bench.sentences import LINES

WORDS = clips.WORDS


def plain(
    sessions: int, turns: int, seed: int, gap_ms: tuple[float, float] = (500, 1500)
) -> list[list[Say]]:
    """Five words without pauses, then the reply is heard to its end."""
    dice = random.Random(seed)
    return [[_say(dice, gap_ms) for _ in range(turns)] for _ in range(sessions)]


def _say(dice: random.Random, gap_ms: tuple[float, float]) -> Say:
    words = dice.sample(WORDS, 5)
    return Say(words, [0.0] * len(words), gap_ms=dice.uniform(*gap_ms))


def interrupting(
    sessions: int, cuts: int, seed: int, *, after_ms: tuple[float, float], stop_button: bool = False
) -> list[list[Say]]:
    """Each utterance but the first is spoken over the reply before it, at some time of it."""
    dice = random.Random(seed)
    scene = []
    for _ in range(sessions):
        lines = [_say(dice, (500, 1000))]
        for n in range(cuts):
            line = _say(dice, (300, 600))
            line.barge_after_ms = dice.uniform(*after_ms)
            line.press_stop = stop_button and n % 4 == 3
            lines.append(line)
        scene.append(lines)
    return scene


def hesitant(
    sessions: int, turns: int, seed: int, pause_ms: tuple[float, float]
) -> list[list[Say]]:
    """A pause inside every utterance, where people think of the next word."""
    dice = random.Random(seed)
    scene = []
    for _ in range(sessions):
        lines = []
        for sentence in dice.sample(LINES, turns):
            before, _, after = (part.split() for part in sentence.partition("|"))
            pauses = [0.0] * (len(before) + len(after))
            pauses[len(before)] = dice.uniform(*pause_ms)
            lines.append(Say(before + after, pauses, gap_ms=dice.uniform(500, 1000)))
        scene.append(lines)
    return scene
