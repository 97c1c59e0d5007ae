"""The other side: tuned Pipecat in its own environment, on the same stand-in engines."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from avatar_bench import floor, measure, scenes, stack
from avatar_bench.measure import Figures
from avatar_bench.plan import Plan, Say

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "bench" / "peers"
ENVIRONMENT = ROOT / ".cache" / "bench" / "pipecat"


def environment() -> Path:
    """The interpreter of Pipecat's environment; made from its lock when it is not there."""
    python = ENVIRONMENT / "bin" / "python"
    stamp, lock = ENVIRONMENT / "lock", PEERS / "pipecat.lock"
    if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
        print("installing Pipecat (once; some minutes)", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", ENVIRONMENT], check=True)
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "-qq"]
        subprocess.run([*pip, "install", "--require-hashes", "-r", lock], check=True)
        stamp.write_bytes(lock.read_bytes())
    return python


def pipecat(*, pinned: bool = True) -> stack.Side:
    """Started."""
    python = environment()
    side = stack.Side(*((stack.SERVER_CORE, stack.CLIENT_CORE) if pinned else (None, None)))
    try:
        side.start_engines()
        ports = [str(side.port(name)) for name in ("peer", "recogniser", "engines")]
        side.start(
            "peer", [str(python), str(PEERS / "pipecat_server.py"), *ports], {}, side.server_core
        )
        side.wait("peer", side.url("peer") + "/health")
    except BaseException:
        side.__exit__()
        raise
    return side


def plan_for(side: stack.Side, sessions: list[list[Say]], **fields: Any) -> Plan:
    """Its dialect."""
    return Plan("pipecat", side.port("peer"), "/ws", sessions, frame_ms=measure.FRAME_MS, **fields)


def answers(turns: list[dict[str, Any]], log: dict[str, Any]) -> None:
    """What it answered is read in the voice's log: asking it for text would cost it time."""
    for turn in turns:
        word, first = turn["words"][-1], turn["first_audio"]
        spoken = next(
            (
                e
                for e in log["speech"]
                if first is not None and turn["ended"] <= e["asked"] <= first and word in e["text"]
            ),
            None,
        )
        turn["answer"] = spoken["text"] if spoken else ""


def latency(*, sessions: int = 4, turns: int = 12, pinned: bool = True) -> Figures:
    """As `measure.latency`."""
    with pipecat(pinned=pinned) as side:
        side.run(plan_for(side, scenes.plain(2, 1, seed=99), spread_ms=200))
        side.engines("/reset", {})
        outcome = side.run(plan_for(side, scenes.plain(sessions, turns, seed=11)))
        log = side.engines("/log")
    found = outcome["turns"]
    answers(found, log)
    return {
        "sessions": sessions,
        "turns": len(found),
        "failures": measure.complaints(found) + outcome["refused"],
        "first_sound": floor.summary(measure.first_sounds(found)),
        "client_late_p99": round(outcome["late_p99"], 2),
    }


def sweep(levels: list[int], *, turns: int = 3, pinned: bool = True) -> list[Figures]:
    """As `measure.sweep`."""
    with pipecat(pinned=pinned) as side:
        side.run(plan_for(side, scenes.plain(2, 1, seed=99), spread_ms=200))

        def make_plan(sessions: int, each: int) -> Plan:
            side.engines("/reset", {})
            return plan_for(
                side, scenes.plain(sessions, each, seed=1000 + sessions), spread_ms=6000
            )

        def fill(found: list[dict[str, Any]]) -> None:
            answers(found, side.engines("/log"))

        return measure.sweep(side, levels, turns=turns, make_plan=make_plan, prepare=fill)
