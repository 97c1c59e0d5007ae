"""Our own critical path, computed from the set delays: what no code between them can beat.

::

    last voiced sample ─▶ first quiet 8 ms that end an ear's window, and the frame that holds them
        ─▶ recogniser ─▶ first token … the token that ends the first clause ─▶ first byte of speech
    and not before the endpoint is sure: the wait, to the end of an ear's window

With rolling recognition a look is taken at the end of every window of the ear. The words are those
of the first look that lacks at most 64 ms of the voice, and the model is asked when they are there
and it has been quiet for as long as makes a pause.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from avatar_bench.standins.delays import Delays, first_clause_tokens

_PART, _WINDOW, _RATE = 128, 512, 16


@dataclass(frozen=True)
class Path:
    """Of one utterance; ms after its last sample."""

    ear: float
    """When the recogniser can be asked for all words."""
    quiet: float
    """When it has been quiet for as long as makes a pause."""
    model: float
    """When the model can be asked."""
    clause: float
    speech: float
    sure: float
    """When the endpoint can be sure."""

    @property
    def first_sound(self) -> float:
        """The floor."""
        return max(self.speech, self.sure)


@dataclass(frozen=True)
class Rolling:
    """How stt-service is set where looks overlap."""

    tail_ms: float = 64.0
    """Words may lack so much of the voice."""
    pause_ms: float = 48.0
    """Quiet that makes a pause."""


def path(
    end_sample: int,
    frame_ms: int,
    delays: Delays,
    answer: str,
    silence_ms: float,
    rolling: Rolling | None = None,
) -> Path:
    """The critical path of an utterance whose last sample has that place in the stream."""
    frame = frame_ms * _RATE
    voiced = -(-end_sample // _PART) * _PART

    def known(quiet_samples: int) -> float:
        window = -(-(voiced + quiet_samples) // _WINDOW) * _WINDOW
        return (-(-window // frame) * frame - end_sample) / _RATE

    ear = quiet = known(_PART)
    if rolling:
        ear, quiet = known(-int(rolling.tail_ms * _RATE)), known(int(rolling.pause_ms * _RATE))
    model = max(ear + delays.recogniser_ms, quiet)
    clause = model + delays.first_token_ms + delays.token_ms * (first_clause_tokens(answer) - 1)
    sure = known(int(silence_ms * _RATE))
    return Path(ear, quiet, model, clause, clause + delays.first_byte_ms, sure)


STAGES = ("ear", "words to model", "clause to speech", "sound to client", "engines late")


def stages(
    turn: dict[str, Any],
    log: dict[str, list[dict[str, Any]]],
    floor: Path,
    delays: Delays,
    answer: str,
) -> dict[str, float] | None:
    """Where a turn's time over the floor went, ms; None when the log does not tell.

    The log is the stand-ins': one clock serves all processes.
    """
    said, ended = " ".join(turn["words"]), turn["ended"]
    look = _first(log["recogniser"], ended + min(0, floor.ear - 1), lambda e: e["text"] == said)
    asked = _first(log["model"], ended, lambda e: e["question"].rstrip(".") == said)
    if look is None or asked is None:
        return None
    count = first_clause_tokens(answer)
    if len(asked["tokens"]) < count:
        return None
    clause = asked["tokens"][count - 1]
    spoken = _first(log["speech"], clause - 5, lambda e: turn["words"][-1] in e["text"])
    if spoken is None or "first" not in spoken or turn["first_audio"] is None:
        return None
    late = (
        (look["answered"] - look["asked"] - delays.recogniser_ms)
        + (clause - asked["asked"] - delays.first_token_ms - delays.token_ms * (count - 1))
        + (spoken["first"] - spoken["asked"] - delays.first_byte_ms)
    )
    return {
        "ear": look["asked"] - ended - floor.ear,
        "words to model": asked["asked"] - max(look["answered"], ended + floor.quiet),
        "clause to speech": spoken["asked"] - clause,
        "sound to client": turn["first_audio"] - max(spoken["first"], ended + floor.sure),
        "engines late": late,
    }


def _first(entries: list[dict[str, Any]], since: float, fits: Any) -> dict[str, Any] | None:
    return next((e for e in entries if e["asked"] >= since and fits(e)), None)


def summary(values: list[float]) -> dict[str, float]:
    """p50, p95, max and count."""
    if not values:
        return {"n": 0, "p50": float("nan"), "p95": float("nan"), "max": float("nan")}
    array = np.array(values)
    return {
        "n": len(values),
        "p50": round(float(np.percentile(array, 50)), 1),
        "p95": round(float(np.percentile(array, 95)), 1),
        "max": round(float(array.max()), 1),
    }
