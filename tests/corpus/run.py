"""The corpus's report: ``python tests/corpus/run.py --seed 1 --exchanges 200 [-v]``."""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT / "bench", ROOT / "tests" / "corpus"):
    sys.path.insert(0, str(folder))

from conversation.play import Outcome, play  # noqa: E402
from conversation.script import PAUSES, make  # noqa: E402
from conversation.sound import speak  # noqa: E402

from stt_service.hearing.silero import Silero  # noqa: E402
from stt_service.settings import SttSettings  # noqa: E402


def corpus(seed: int, exchanges: int, texts: str, pauses: float) -> list[Outcome]:
    """Plays it."""
    scenes = make(seed, exchanges=exchanges, texts=texts, pauses=pauses)
    spoken = speak(scenes)
    model, policy = Silero.load(), SttSettings().policy()
    return [play(scene, spoken, seed * 1000 + n, model, policy) for n, scene in enumerate(scenes)]


def figures(outcomes: list[Outcome]) -> dict[str, Any]:
    """What the issue asks for, and what helps to understand it."""
    asked = [a for o in outcomes for a in o.asked]
    delays = [a.delay_ms for a in asked if a.delay_ms is not None and not a.premature]
    meanwhile = [m for o in outcomes for m in o.meanwhile]
    kinds = {
        kind: [m for m in meanwhile if m.kind == kind]
        for kind in ("backchannel", "cough", "interruption")
    }
    sounds = [a.first_sound_ms for a in asked if a.first_sound_ms is not None]

    def share(kind: str, *, ended: bool) -> float | None:
        those = kinds[kind]
        return round(sum(m.ended_reply is ended for m in those) / len(those), 3) if those else None

    return {
        "utterances": len(asked),
        "pauses_an_utterance": round(sum(len(a.pauses_ms) for a in asked) / len(asked), 2),
        "premature": round(sum(a.premature for a in asked) / len(asked), 4),
        "endpoint_delay_median_ms": round(statistics.median(delays)) if delays else None,
        "endpoint_delay_p90_ms": round(statistics.quantiles(delays, n=10)[-1])
        if len(delays) > 9
        else None,
        "first_sound_median_ms": round(statistics.median(sounds)) if sounds else None,
        "backchannels": len(kinds["backchannel"]),
        "backchannels_survived": share("backchannel", ended=False),
        "coughs": len(kinds["cough"]),
        "coughs_survived": share("cough", ended=False),
        "interruptions": len(kinds["interruption"]),
        "interruptions_taken": share("interruption", ended=True),
        "model_calls_a_turn": round(
            sum(a.model_calls for a in asked) / max(1, sum(a.turns for a in asked)), 3
        ),
        "sounds_before_the_end": sum(a.early_sounds for a in asked),
        "stray_turns": sum(o.stray_turns for o in outcomes),
    }


def main() -> None:
    """Prints the figures, and what went wrong with ``-v``."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--exchanges", type=int, default=160)
    options.add_argument("--texts", choices=("tune", "held_out", "fresh"), default="tune")
    options.add_argument("--pauses", type=float, default=PAUSES, help="how often a bar is a pause")
    options.add_argument("-v", action="store_true")
    chosen = options.parse_args()
    began = time.monotonic()
    outcomes = corpus(chosen.seed, chosen.exchanges, chosen.texts, chosen.pauses)
    if chosen.v:
        for outcome in outcomes:
            for asked in outcome.asked:
                if asked.premature or (asked.delay_ms or 9e9) > 1200:
                    print(asked)
            for meanwhile in outcome.meanwhile:
                if meanwhile.ended_reply is (meanwhile.kind != "interruption"):
                    print(meanwhile)
    print(json.dumps(figures(outcomes), indent=1))
    print(f"{time.monotonic() - began:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
