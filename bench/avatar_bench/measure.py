"""The measurements. Each starts its processes, runs the client, and returns plain figures."""

import os
import time
from collections.abc import Callable
from typing import Any

from avatar_bench import floor, scenes, stack
from avatar_bench.plan import Plan, Say
from avatar_bench.standins.delays import BUDGET, FAST, Delays

SILENCE_MS = 200.0
FRAME_MS = 20
LATE_MS = 5.0
_GROWTH = 1.5

Figures = dict[str, Any]


def plan_for(side: stack.Side, sessions: list[list[Say]], **fields: Any) -> Plan:
    """Our own dialect; the sound of turns is not kept, as the peers keep none."""
    configure = {"store_audio": False, **fields.pop("configure", {})}
    return Plan(
        "avatar", side.port("gateway"), "/ws/chat", sessions, configure, frame_ms=FRAME_MS, **fields
    )


def warm(side: stack.Side) -> None:
    """One turn, so that connections stand and code is loaded."""
    side.run(plan_for(side, scenes.plain(2, 1, seed=99), spread_ms=200))
    side.engines("/reset", {})


def complaints(turns: list[dict[str, Any]]) -> list[str]:
    """Why a run fails: each utterance must be answered, once, by its last word, and not early."""
    found = []
    for turn in turns:
        if turn["error"]:
            found.append(turn["error"])
        elif turn["first_audio"] is None:
            found.append("no sound came")
        elif turn["words"][-1] not in turn["answer"]:
            found.append(f"the answer lacks {turn['words'][-1]!r}: {turn['answer'][:60]!r}")
        elif turn["early_audio"]:
            found.append("a reply was heard before the person had ended")
    return found


def first_sounds(turns: list[dict[str, Any]]) -> list[float]:
    """End of speech to first audio, ms."""
    return [t["first_audio"] - t["ended"] for t in turns if t["first_audio"] is not None]


def overheads(
    turns: list[dict[str, Any]],
    log: dict[str, Any],
    delays: Delays,
    answer: str,
    silence_ms: float,
    rolling: floor.Rolling | None = None,
) -> Figures:
    """Time over the floor, whole and by stage."""
    whole, floors, ours = [], [], []
    by_stage: dict[str, list[float]] = {stage: [] for stage in floor.STAGES}
    for turn in turns:
        if turn["first_audio"] is None:
            continue
        path = floor.path(turn["end_sample"], FRAME_MS, delays, answer, silence_ms, rolling)
        floors.append(path.first_sound)
        over = turn["first_audio"] - turn["ended"] - path.first_sound
        whole.append(over)
        stages = floor.stages(turn, log, path, delays, answer)
        if stages is None:
            continue
        ours.append(over - stages["engines late"])
        for stage, ms in stages.items():
            by_stage[stage].append(ms)
    return {
        "floor": floor.summary(floors),
        "overhead": floor.summary(whole),
        "overhead_ours": floor.summary(ours),
        "stages": {stage: floor.summary(values) for stage, values in by_stage.items()},
    }


def latency(
    *,
    delays: Delays = FAST,
    answer: str = "short",
    sessions: int = 4,
    turns: int = 12,
    pinned: bool = True,
    rolling: floor.Rolling | None = None,
) -> Figures:
    """End of speech to first audio of a few people, and where the time goes."""
    with stack.avatar(
        delays=delays, silence_ms=SILENCE_MS, answer=answer, pinned=pinned, rolling=rolling
    ) as side:
        warm(side)
        scene = scenes.plain(sessions, turns, seed=11)
        outcome = side.run(plan_for(side, scene))
        log = side.engines("/log")
        turns_ = outcome["turns"]
        return {
            "sessions": sessions,
            "turns": len(turns_),
            "failures": complaints(turns_) + outcome["refused"],
            "first_sound": floor.summary(first_sounds(turns_)),
            "client_late_p99": round(outcome["late_p99"], 2),
            "model_calls_a_turn": round(len(log["model"]) / max(1, len(turns_)), 3),
            "looks_a_turn": round(len(log["recogniser"]) / max(1, len(turns_)), 1),
            **overheads(turns_, log, delays, answer, SILENCE_MS, rolling),
        }


def budget(**fields: Any) -> Figures:
    """The product's budgets: recogniser 600 ms, first token 800 ms, speech 1.5 s."""
    return latency(delays=BUDGET, answer="fifty", sessions=5, turns=6, **fields)


def level(
    side: stack.Side,
    sessions: int,
    turns: int,
    plan: Plan | None = None,
    prepare: Callable[[list[dict[str, Any]]], None] | None = None,
) -> Figures:
    """One load level: latency, failures, the client's own lateness, and what processes cost."""
    names = [n for n in ("gateway", "stt", "profile", "peer") if n in side.processes]
    before, began = side.costs(names), time.monotonic()
    scene = scenes.plain(sessions, turns, seed=1000 + sessions)
    outcome = side.run(plan or plan_for(side, scene, spread_ms=6000))
    after, took = side.costs(names), time.monotonic() - began
    turns_ = outcome["turns"]
    if prepare is not None:
        prepare(turns_)
    failures = complaints(turns_) + outcome["refused"]
    seconds = sessions * (outcome["ended"] - outcome["began"]) / 1000
    return {
        "sessions": sessions,
        "turns": len(turns_),
        "failures": failures[:5],
        "failed": len(failures),
        "first_sound": floor.summary(first_sounds(turns_)),
        "client_late_p99": round(outcome["late_p99"], 2),
        "void": outcome["late_p99"] > LATE_MS,
        "cpu_ms_per_session_s": {
            name: round((after[name].cpu_s - before[name].cpu_s) * 1000 / seconds, 2)
            for name in names
        },
        "core_busy": {
            name: round((after[name].cpu_s - before[name].cpu_s) / took, 3) for name in names
        },
        "pss_mib": {name: round(after[name].pss / 2**20, 1) for name in names},
    }


def sweep(
    side: stack.Side,
    levels: list[int],
    *,
    turns: int = 3,
    make_plan: Callable[[int, int], Plan] | None = None,
    prepare: Callable[[list[dict[str, Any]]], None] | None = None,
) -> list[Figures]:
    """Rising load until p95 has grown by half, or turns fail, or the client itself is late."""
    found: list[Figures] = []
    for sessions in levels:
        each = max(turns, 12 // sessions)
        plan = make_plan(sessions, each) if make_plan else None
        figures = level(side, sessions, each, plan, prepare)
        if figures["void"]:
            # On a machine that others use, one more try tells their noise from the client's limit.
            again = level(side, sessions, each, plan, prepare)
            figures = min(figures, again, key=lambda one: one["client_late_p99"])
        found.append(figures)
        print(_line(figures), flush=True)
        one = found[0]["first_sound"]["p95"]
        past = figures["first_sound"]["p95"] > _GROWTH * one or figures["failed"]
        if past or (figures["void"] and not os.environ.get("BENCH_TOLERATE_LATE")):
            break
    return found


def capacity(levels: list[Figures]) -> Figures:
    """The most sessions before p95 grew by half; `at_least` when the client gave up first."""
    one = levels[0]["first_sound"]["p95"]
    good = [
        f["sessions"]
        for f in levels
        if f["first_sound"]["p95"] <= _GROWTH * one and not f["failed"] and not f["void"]
    ]
    last = levels[-1]
    still_good = last["first_sound"]["p95"] <= _GROWTH * one and not last["failed"]
    return {"sessions": max(good, default=0), "at_least": bool(still_good), "p95_at_one": one}


def _line(figures: Figures) -> str:
    first = figures["first_sound"]
    return (
        f"  {figures['sessions']:4d} sessions: p50 {first['p50']:.0f} p95 {first['p95']:.0f} "
        f"max {first['max']:.0f} ms, failed {figures['failed']}/{figures['turns']}, "
        f"client late p99 {figures['client_late_p99']} ms, busy {figures['core_busy']}"
        + (f" {figures['failures'][:2]}" if figures["failures"] else "")
    )


def memory(levels: list[Figures]) -> Figures:
    """Memory a session: the slope from one session to the most that were well served."""
    good = [f for f in levels if not f["failed"]]
    first, last = good[0], good[-1]
    more = max(1, last["sessions"] - first["sessions"])
    names = stack.AUDIO_PROCESSES if "gateway" in first["pss_mib"] else list(first["pss_mib"])
    slope = {n: round((last["pss_mib"][n] - first["pss_mib"][n]) / more, 3) for n in names}
    return {
        "mib_a_session": slope,
        "together": round(sum(slope.values()), 3),
        "at": last["sessions"],
    }
