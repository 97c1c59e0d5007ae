"""Endpointing on a corpus of turns with hesitations: nobody is cut off, and nobody waits long.

Run as a script for the figures: `python tests/stt_service/test_corpus.py --seed 7`.
"""

import argparse
import asyncio
import importlib.util
import math
import random
import statistics
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import pytest

CORPUS = Path(__file__).parent.parent / "data" / "conversation" / "turns.toml"
AFTER_TURN_MS = 5200
HESITATION_MEDIAN_MS, HESITATION_SPREAD = 450, 0.45


@dataclass
class Report:
    """What was seen of the turns."""

    turns: int = 0
    cut: list[str] = field(default_factory=list)
    waits_ms: list[float] = field(default_factory=list)
    pauses: int = 0
    ended_once: bool = True

    @property
    def cut_share(self) -> float:
        return len(self.cut) / self.turns

    @property
    def median_ms(self) -> float:
        return statistics.median(self.waits_ms)

    @property
    def pauses_a_turn(self) -> float:
        return self.pauses / self.turns


def words_of(part: str, language: str) -> list[str]:
    return part.split() if language == "en" else list(part)


def hesitation_ms(rng: random.Random) -> int:
    """Silent pauses inside turns are log-normal (Campione and Véronis, Speech Prosody 2002)."""
    drawn = rng.lognormvariate(math.log(HESITATION_MEDIAN_MS), HESITATION_SPREAD)
    return int(min(max(drawn, 200), 1300))


async def play(studios, turns: list[tuple[str, str]], seed: int) -> Report:
    """Every turn on a listener of its own, so that none can spoil the next."""
    rng, report = random.Random(seed), Report()
    for language, turn in turns:
        script = studios.Script().rest(rng.randint(200, 600))
        for n, part in enumerate(turn.split("|")):
            if n:
                script.rest(hesitation_ms(rng))
            script.say(*words_of(part.strip(), language))
        said_ms = len(script.pcm) / 32
        script.rest(AFTER_TURN_MS)
        async with studios.studio(script) as studio:
            await studio.play()
            finals = studio.of("final")
            report.turns += 1
            report.pauses += len(studio.of("pause"))
            report.ended_once &= len(studio.of("speech_started")) == len(studio.endings())
            if len(finals) > 1:
                report.cut.append(turn)
            report.waits_ms.append(
                finals[-1].audio_ms - said_ms + finals[-1].timings["endpoint_wait"]
            )
    return report


def turns_of(part: str) -> list[tuple[str, str]]:
    texts = tomllib.loads(CORPUS.read_text("utf-8"))
    return [(language, turn) for language in ("en", "zh") for turn in texts[language][part]]


@pytest.mark.parametrize(
    ("part", "seed"), [("tuned", 1), ("seen", 2), ("held_out", 3), ("held_out", 4)]
)
async def test_nobody_is_cut_off_and_nobody_waits_long(studios, part, seed):
    report = await play(studios, turns_of(part), seed)
    assert report.ended_once
    assert report.cut_share <= 0.05, report.cut
    assert report.median_ms <= 600
    assert report.pauses_a_turn <= 1.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    seed = parser.parse_args().seed
    path = Path(__file__).with_name("studio.py")
    spec = importlib.util.spec_from_file_location("stt_studio", path)
    assert spec is not None
    assert spec.loader is not None
    studios = importlib.util.module_from_spec(spec)
    sys.modules["stt_studio"] = studios
    spec.loader.exec_module(studios)
    for part in ("tuned", "seen", "held_out"):
        report = asyncio.run(play(studios, turns_of(part), seed))
        print(
            f"{part}: {report.turns} turns, cut {report.cut_share:.1%} {report.cut}, "
            f"median wait {report.median_ms:.0f} ms, {report.pauses_a_turn:.2f} pauses a turn"
        )


if __name__ == "__main__":
    main()
