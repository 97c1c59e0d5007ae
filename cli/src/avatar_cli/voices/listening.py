"""A page on which people score likeness by ear, without knowing what they hear."""

import json
import random
from base64 import b64encode
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal

Kind = Literal["synthesis", "same", "other"]
"""synthesis: what is judged; same: the person's own recording; other: another voice."""

GOAL = 7.0


@dataclass(frozen=True)
class Sample:
    """One thing to listen to beside its reference."""

    voice: str
    kind: Kind
    reference: bytes
    """wav"""
    sound: bytes
    """wav"""


def page(samples: Sequence[Sample], seed: int) -> str:
    """A self-contained HTML page, samples in random order and their kinds out of sight."""
    order = list(samples)
    random.Random(seed).shuffle(order)
    items = [
        {
            "voice": sample.voice,
            "key": b64encode(f"{seed}:{sample.kind}".encode()).decode(),
            "reference": _data(sample.reference),
            "sound": _data(sample.sound),
        }
        for sample in order
    ]
    template = files("avatar_cli.voices").joinpath("listening.html").read_text("utf-8")
    # "<" can't end the script element when it is written as an escape.
    return template.replace("/*SAMPLES*/[]", json.dumps(items).replace("<", "\\u003c"))


def _data(wav: bytes) -> str:
    return "data:audio/wav;base64," + b64encode(wav).decode()


def scores(results: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Mean score by voice and kind, from the files that the page saved.

    Raises:
        ValueError: a file is not of this page.
    """
    found: defaultdict[str, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        for answer in result.get("answers", []):
            kind, score = str(answer["kind"]), float(answer["score"])
            if kind not in ("synthesis", "same", "other") or not 1 <= score <= 10:
                raise ValueError(f"Not a score of the listening page: {answer}")
            found[str(answer["voice"])][kind].append(score)
    if not found:
        raise ValueError("There are no scores in these files.")
    return {
        voice: {kind: sum(values) / len(values) for kind, values in kinds.items()}
        for voice, kinds in found.items()
    }
