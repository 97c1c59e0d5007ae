"""``python -m avatar_bench``: measures, and writes RESULTS.md.

``--only a,b`` runs some parts and keeps the others' figures; ``--peers`` adds Pipecat;
``--quick`` is rougher.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from avatar_bench import measure, peers, report, stack, talkover
from avatar_bench.floor import Rolling

LEVELS = [1, 16, 48, 80, 100, 110, 120, 130, 140, 150, 160, 180, 200, 240]
PEER_LEVELS = [1, 8, 12, 16, 20, 24, 28, 32, 40]
CORPUS = (
    ("tune", 1, 0.6),
    ("held_out", 3, 0.6),
    ("held_out", 4, 0.6),
    ("fresh", 7, 0.6),
    ("fresh", 8, 0.6),
    ("fresh", 9, 1.0),
)
"""Texts, seed, and how often a place for a pause is one."""

_TURNS = 3
"""Utterances a session at a load level."""

Found = dict[str, Any]


def _latency(found: Found, quick: bool) -> None:
    found["latency"] = measure.latency(sessions=4, turns=6 if quick else 12)


def _rolling(found: Found, quick: bool) -> None:
    turns = 6 if quick else 12
    found["rolling"] = measure.latency(sessions=4, turns=turns, rolling=Rolling())


def _load(found: Found, quick: bool) -> None:
    with stack.avatar() as side:
        measure.warm(side)
        levels = measure.sweep(side, LEVELS[::2] if quick else LEVELS, turns=_TURNS)
        capacity = measure.capacity(levels)
        half = measure.level(side, max(1, capacity["sessions"] // 2), 3)
    half["ratio"] = half["first_sound"]["p95"] / levels[0]["first_sound"]["p95"]
    found |= {
        "sweep": levels,
        "capacity": capacity,
        "half_load": half,
        "memory": measure.memory(levels),
    }


def _always(found: Found, quick: bool) -> None:
    with stack.avatar(always=True) as side:
        measure.warm(side)
        levels = measure.sweep(side, LEVELS[::2] if quick else LEVELS, turns=_TURNS)
    found |= {"sweep_always": levels, "capacity_always": measure.capacity(levels)}


def _barge_in(found: Found, quick: bool) -> None:
    found["barge_in"] = talkover.barge_in(sessions=10, cuts=4 if quick else 10)


def _cuts(found: Found, quick: bool) -> None:
    found["cuts"] = talkover.cuts(sessions=10, each=3 if quick else 11)


def _speculation(found: Found, quick: bool) -> None:
    found["speculation"] = talkover.speculation(sessions=10, turns=3 if quick else 8)


def _budget(found: Found, quick: bool) -> None:
    found["budget"] = measure.budget()


def _corpus(found: Found, quick: bool) -> None:
    runs = []
    for texts, seed, pauses in CORPUS:
        command = [
            sys.executable,
            "tests/corpus/run.py",
            "--texts",
            texts,
            "--seed",
            str(seed),
            "--pauses",
            str(pauses),
            "--exchanges",
            "48" if quick else "240",
        ]
        done = subprocess.run(command, capture_output=True, text=True, cwd=stack.ROOT, check=True)
        runs.append({"texts": texts, "seed": seed, "figures": json.loads(done.stdout)})
    found["corpus"] = runs


def _peer_latency(found: Found, quick: bool) -> None:
    found["peer_latency"] = peers.latency(sessions=4, turns=6 if quick else 12)


def _peer_load(found: Found, quick: bool) -> None:
    levels = peers.sweep(PEER_LEVELS[::2] if quick else PEER_LEVELS, turns=_TURNS)
    found |= {"peer_sweep": levels, "peer_capacity": measure.capacity(levels)}


PARTS: dict[str, Callable[[Found, bool], None]] = {
    "latency": _latency,
    "rolling": _rolling,
    "load": _load,
    "always": _always,
    "barge_in": _barge_in,
    "cuts": _cuts,
    "speculation": _speculation,
    "budget": _budget,
    "corpus": _corpus,
}
PEER_PARTS: dict[str, Callable[[Found, bool], None]] = {
    "peer_latency": _peer_latency,
    "peer_load": _peer_load,
}


def main() -> None:
    """Runs what was asked for."""
    options = argparse.ArgumentParser(prog="avatar_bench", description=__doc__)
    options.add_argument(
        "--peers", action="store_true", help="tuned Pipecat as well, in the same run"
    )
    options.add_argument("--only", default="", help=f"of {', '.join([*PARTS, *PEER_PARTS])}")
    options.add_argument("--quick", action="store_true")
    options.add_argument("--print", action="store_true", help="print the figures; write nothing")
    chosen = options.parse_args()
    only = [name for name in chosen.only.split(",") if name]
    known = PARTS | PEER_PARTS
    wanted = only or [*PARTS, *(PEER_PARTS if chosen.peers else ())]
    kept = report.BENCH / "results.json"
    found: Found = json.loads(kept.read_text(encoding="utf-8")) if only and kept.exists() else {}
    here = report.machine()
    if "machine" not in found:
        found |= {"machine": here, "later": {}}
    for name in wanted:
        print(name, flush=True)
        known[name](found, chosen.quick)
        if only:
            found["later"][name] = here
    if chosen.print:
        print(json.dumps({name: found.get(name) for name in wanted}, indent=1))
        return
    command = "make bench-peers" if "peer_latency" in found else "make bench"
    print(report.write(found, command))


if __name__ == "__main__":
    main()
