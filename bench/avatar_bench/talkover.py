"""Measurements of people who talk over a reply, or who pause inside a sentence."""

from itertools import pairwise
from typing import Any

from avatar_bench import floor, scenes, stack
from avatar_bench.floor import Rolling
from avatar_bench.measure import Figures, complaints, plan_for, warm
from avatar_bench.plan import Plan
from avatar_bench.standins.delays import FAST


def barge_in(*, sessions: int = 4, cuts: int = 25, pinned: bool = True) -> Figures:
    """From the first sample of an interruption to the first `pause`."""
    with stack.avatar(answer="long", pinned=pinned) as side:
        warm(side)
        scene = scenes.interrupting(sessions, cuts, seed=21, after_ms=(300, 6000))
        outcome = side.run(plan_for(side, scene))
    turns = outcome["turns"]
    spoken_over = [t for t in turns if t["first_control"] is not None]
    return {
        "interruptions": len(spoken_over),
        "silence_after": floor.summary([t["first_control"] - t["started"] for t in spoken_over]),
        "failures": complaints(turns) + outcome["refused"],
        "client_late_p99": round(outcome["late_p99"], 2),
    }


def cuts(*, sessions: int = 5, each: int = 20, pinned: bool = True) -> Figures:
    """Scripted cuts: do page, database and the model's next context say what was heard?"""
    with stack.avatar(answer="long", silence_ms=None, pinned=pinned) as side:
        warm(side)
        scene = scenes.interrupting(
            sessions, each, seed=31, after_ms=(150, 14000), stop_button=True
        )
        # Their own instructions tell the sessions apart in the model's log.
        outcome = side.run(plan_for(side, scene, configure={"store_audio": False}))
        stored = {c: _stored(side, c) for c in outcome["conversations"] if c}
        asked = side.engines("/log")["model"]
    turns = outcome["turns"]
    verdicts = []
    for number, conversation in enumerate(outcome["conversations"]):
        mine = [t for t in turns if t["session"] == number]
        for turn, following in pairwise(mine):
            if turn["interrupted"]:
                verdicts.append(_judge(turn, following, stored.get(conversation, {}), asked))
    wrong = [v for v in verdicts if v]
    return {
        "cuts": len(verdicts),
        "agree": len(verdicts) - len(wrong),
        "wrong": wrong[:8],
        "failures": [t["error"] for t in turns if t["error"]] + outcome["refused"],
    }


def _stored(side: stack.Side, conversation: str) -> dict[str, str]:
    """What the database says was heard, by turn."""
    view = side.get("gateway", f"/api/conversation/{conversation}")
    return {turn["turn_id"]: turn["heard_text"] for turn in view["turns"]}


def _judge(
    turn: dict[str, Any],
    following: dict[str, Any],
    stored: dict[str, str],
    asked: list[dict[str, Any]],
) -> str:
    """What is wrong with a cut; empty when nothing is."""
    heard = turn["heard"]
    if heard is None:
        return "no turn_done"
    if stored.get(turn["turn_id"]) != heard:
        return f"page {heard!r}, database {stored.get(turn['turn_id'])!r}"
    context = _context(turn, following, asked)
    if context is None:
        return "the model was never asked the next question"
    if context != (heard or "…"):
        return f"page {heard!r}, model {context!r}"
    low, high = _truth(turn)
    if not low <= len(_plain(heard)) <= high:
        return f"{turn['played_ms']:.0f} ms were heard: {low} to {high} letters, not {heard!r}"
    return ""


def _context(
    turn: dict[str, Any], following: dict[str, Any], asked: list[dict[str, Any]]
) -> str | None:
    """The model's memory of the answer to `turn` when it was asked what follows."""
    question, before = " ".join(following["words"]), " ".join(turn["words"])
    for entry in asked:
        if not entry["question"].startswith(question):
            continue
        messages = entry["messages"]
        for user, assistant in pairwise(messages):
            if user["role"] == "user" and user["content"].startswith(before):
                content: str = assistant["content"]
                return content
    return None


def _truth(turn: dict[str, Any]) -> tuple[int, int]:
    """Letters that were heard, to within the clause that was cut: at least, and at most."""
    start, before, length = 0.0, 0, 0
    for text, ms in turn["clauses"]:
        length = len(_plain(text))
        if turn["played_ms"] < start + ms:
            heard = before + length * (turn["played_ms"] - start) / ms
            return round(heard - length), round(heard + length)
        start, before = start + ms, before + length
    return before - length, before


def _plain(text: str) -> str:
    return "".join(text.split())


def speculation(
    *, sessions: int = 5, turns: int = 12, pinned: bool = True, rolling: Rolling | None = None
) -> Figures:
    """Model calls a turn where people hesitate, with the product's own endpointing."""
    with stack.avatar(silence_ms=None, pinned=pinned, rolling=rolling) as side:
        warm(side)
        scene = scenes.hesitant(sessions, turns, seed=41, pause_ms=(150, 500))
        plan: Plan = plan_for(side, scene)
        outcome = side.run(plan)
        calls = len(side.engines("/log")["model"])
    found = outcome["turns"]
    return {
        "turns": len(found),
        "pauses_a_turn": round(
            sum(1 for t in scene for line in t for p in line.pauses_ms if p) / max(1, len(found)), 2
        ),
        "model_calls": calls,
        "calls_a_turn": round(calls / max(1, len(found)), 3),
        "failures": complaints(found) + outcome["refused"],
        "delays": FAST.as_dict(),
    }
