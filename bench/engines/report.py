"""`RESULTS.md` from `results.json`: what was measured, where, and what was not."""

# ruff: noqa: E501 (rows of Markdown)

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results.json"
Found = dict[str, Any]
_NONE = "–"


def read() -> Found:
    """The figures so far; none yet: empty."""
    found: Found = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    return found


def write(found: Found) -> Path:
    """The figures as JSON, and the page that tells them."""
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    path = FOLDER / "RESULTS.md"
    path.write_text(page(found), encoding="utf-8")
    return path


def page(found: Found) -> str:
    """Markdown."""
    parts = [_HEAD, *(_run(name, run) for name, run in sorted(found.items())), _not_measured(found)]
    return "\n".join(parts)


_HEAD = """# What faster-whisper and F5-TTS cost at their real sizes

Written by `make bench-engines`; the numbers are in `results.json`. **The weights are random** (published ones can't be fetched where
this was built): their shapes are the published ones, and what a pass costs follows from shapes. So latency, throughput and memory
are told here, and **nothing about what is heard or said: accuracy, word errors and how a voice sounds are unknown.**

- faster-whisper: 5 s of sound (Whisper always works on a window of 30 s), one language given, beam 5, temperature 0, no fallback,
  15 forced tokens and the end (`whisper_shapes.py` tells how weights force them; a run with other words fails). Asked through
  stt-service's own backend as the final words of an utterance: its worker process, its turnstile with one call at a time.
- F5-TTS: F5TTS_v1_Base with Vocos, one clause with the reference of 5.3 s that comes with the package, solver steps as told. Asked
  through tts-service's own backend: its worker process, its pool of one. A clause is made whole, so its first sound comes with its last.

"At once": so many requests are sent together, and the next ones when all are answered. "RTF": seconds that passed for each second of
sound, all together; below 1 it keeps up. "Resident" is the engine's process, at the end of the level; "peak" is its most ever, with loading.
"""


def _run(name: str, run: Found) -> str:
    machine = run["machine"]
    where = [
        f"## On {name}",
        "",
        f"{machine['date']}, commit {machine['commit']}: {machine['cpu']}, {machine['cores']} processors"
        + "".join(f", {gpu}" for gpu in machine["gpus"])
        + f"; {machine['system']}, Python {machine['python']}; load before: {machine['load_before']}. "
        + ", ".join(f"{library} {version}" for library, version in run["versions"].items())
        + ".",
        "",
    ]
    return "\n".join([*where, *_whisper(run.get("whisper", [])), *_f5(run.get("f5"))])


def _whisper(shapes: list[Found]) -> list[str]:
    if not shapes:
        return []
    lines = [
        "### faster-whisper",
        "",
        _row(
            "shape",
            "numbers",
            "type",
            "loads in s",
            "at once",
            "requests",
            "p50 ms",
            "max ms",
            "RTF",
            "requests/s",
            "resident MiB",
            "peak MiB",
            "GPU MiB",
        ),
        "|---" * 13 + "|",
    ]
    for shape in shapes:
        about = (
            f"{shape['numbers'] / 1e6:.0f} M",
            f"{shape['compute_type']}, {shape['device']}",
            f"{shape['load_s']:.1f}",
        )
        lines += [
            _row(shape["shape"], *about, one["at_once"], one["requests"], *_figures(one))
            for one in shape["levels"]
        ]
    return [*lines, ""]


def _f5(f5: Found | None) -> list[str]:
    if not f5:
        return []
    lines = [
        "### F5-TTS",
        "",
        f"{f5['numbers'] / 1e6:.0f} M numbers on {f5['device']}, loaded in {f5['load_s']:.0f} s (library, weights, a warm-up). The clause: "
        f"{f5['audio_s']:.1f} s of sound. From single requests of the fewest and the most steps: **{f5['a_step_s']:.2f} s a step**, and {f5['fixed_s']:.2f} s besides.",
        "",
        _row(
            "steps",
            "at once",
            "spoken",
            "p50 ms",
            "max ms",
            "RTF",
            "requests/s",
            "resident MiB",
            "peak MiB",
            "GPU MiB",
        ),
        "|---" * 10 + "|",
    ]
    lines += [
        _row(
            one["steps"],
            one["at_once"],
            f"{one['requests'] - len(one['refused'])} of {one['requests']}",
            *_figures(one),
        )
        for one in f5["levels"]
    ]
    hasty = f5["impatient"]
    spoken = hasty["requests"] - len(hasty["refused"])
    codes = ", ".join(sorted(set(hasty["refused"])))
    lines += [
        "",
        f"In this table a request waits for its turn as long as it takes. With the service's own wait of {hasty['wait_timeout_s']:.0f} s, "
        f"{spoken} of {hasty['requests']} at once were spoken with {hasty['steps']} step"
        + (f", the others refused with `{codes}`." if codes else "."),
        "",
    ]
    if f5["left_out"]:
        listed = "; ".join(
            f"{steps} steps, {at_once} at once: {cost} s" for steps, at_once, cost in f5["left_out"]
        )
        lines += [
            "Not measured, for the time they would take (**calculated** from the cost of a step, all requests together): "
            f"{listed}.",
            "",
        ]
    return lines


def _figures(one: Found) -> tuple[str, ...]:
    return (
        _number(one["p50_ms"], 0),
        _number(one["max_ms"], 0),
        _number(one["rtf"], 2),
        _number(one["requests_a_s"], 2),
        _number(one["resident_mib"], 0),
        _number(one["peak_mib"], 0),
        _number(one["gpu_mib"], 0),
    )


def _number(value: float | None, digits: int) -> str:
    return _NONE if value is None else f"{value:.{digits}f}"


def _row(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


def _not_measured(found: Found) -> str:
    lines = ["## What was not measured", ""]
    if not any(run["machine"]["gpus"] and "cuda" in name for name, run in found.items()):
        lines.append(
            '- **A GPU**: none was lent to this project\'s machine. `make bench-engines BENCH="--device cuda"` measures one (float16) and adds it here.'
        )
    lines += [
        "- Published weights: accuracy and voices are unknown, and so is how many tokens real speech takes.",
        "- Guessing the language (one more pass of the decoder), word times, and partial words while somebody speaks.",
        "- F5-TTS with longer references or clauses: a step's cost grows with both together, and faster than they do.",
        "",
    ]
    return "\n".join(lines)
