"""What the notes of `talking` are worth: errors, lost stretches, delays."""

import re
import statistics
from typing import Any

from real.scoring import Clip, errors, units
from real.talking import Utterance

_SIMPLIFIED_ONLY = re.compile(r"[们这说时来对会个国么样让话买见现点电脑吗边发经过还没开关从问]")
_HALF_WIDTH = re.compile(r"(?<=[\u3400-\u9fff])[,?!;:]")
_FOUND = 1 / 3
"""A stretch of which fewer of its words are found counts as lost."""


def delays(said: list[Utterance]) -> dict[str, Any]:
    """From the end of speech to final words and to first sound, ms."""
    return {
        "final": summary([one.final - one.ended for one in said if one.final]),
        "first_sound": summary(first_sounds(said)),
    }


def first_sounds(said: list[Utterance]) -> list[float]:
    """From the end of speech to the first sound of those that were answered, ms."""
    return [one.first_sound - one.ended for one in said if one.first_sound is not None]


def summary(values: list[float]) -> dict[str, float]:
    """How many, and the usual percentiles."""
    if not values:
        return {"n": 0}
    ordered = sorted(values)
    at = min(len(ordered) - 1, int(0.95 * len(ordered)))
    return {
        "n": len(ordered),
        "p50": round(statistics.median(ordered), 1),
        "p95": round(ordered[at], 1),
        "max": round(ordered[-1], 1),
    }


def rates(said: list[Utterance]) -> dict[str, Any]:
    """The mean error rate of each kind of clip, and which were far off."""
    by_kind: dict[str, list[float]] = {}
    wrong = []
    for one in said:
        clip = whole(one)
        rate = errors(one.words, clip)
        by_kind.setdefault(clip.kind, []).append(rate)
        if rate > 0.2:
            wrong.append({"wanted": clip.text, "found": one.words, "rate": round(rate, 2)})
    return {
        "by_kind": {
            kind: {"n": len(found), "rate": round(statistics.mean(found), 4)}
            for kind, found in by_kind.items()
        },
        "wrong": wrong,
    }


def whole(said: Utterance) -> Clip:
    """All its clips as one."""
    first = said.parts[0].clip
    text = " ".join(part.clip.text for part in said.parts)
    return Clip("whole", first.kind, first.language, text, b"")


def lost(said: list[Utterance]) -> list[dict[str, Any]]:
    """Stretches whose words are in no turn, and of which nobody was told."""
    found = []
    for one in said:
        heard = units(one.words)
        for part in one.parts:
            wanted = units(part.clip.text)
            if common(wanted, heard) < _FOUND * len(wanted) and not one.errors:
                found.append({"stretch": part.clip.text, "found": one.words})
    return found


def common(wanted: list[str], heard: list[str]) -> int:
    """The length of the longest common subsequence."""
    row = [0] * (len(heard) + 1)
    for one in wanted:
        before = 0
        for k, other in enumerate(heard, 1):
            before, row[k] = row[k], before + 1 if one == other else max(row[k], row[k - 1])
    return row[-1]


def unanswered(said: list[Utterance]) -> list[dict[str, Any]]:
    """Utterances that got neither sound nor an error."""
    return [
        {"said": whole(one).text, "found": one.words}
        for one in said
        if one.first_sound is None and not one.errors
    ]


def cut_short(said: list[Utterance]) -> int:
    """Sentences whose words fell into several turns, or that were answered before their end."""
    return sum(
        len(one.parts) == 1
        and (len(one.texts) > 1 or (one.first_sound is not None and one.first_sound < one.ended))
        for one in said
    )


def script_faults(said: list[Utterance]) -> list[str]:
    """Chinese finals with Simplified characters or half-width punctuation."""
    return [
        one.words
        for one in said
        if whole(one).language == "zh"
        and (_SIMPLIFIED_ONLY.search(one.words) or _HALF_WIDTH.search(one.words))
    ]
