"""`RESULTS.md`: what was measured, against what must be reached."""

# ruff: noqa: E501 (rows of Markdown)

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from avatar_bench import floor, goals, plots
from avatar_bench.measure import Figures

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "bench"
_NONE = "–"


def write(found: dict[str, Any], command: str) -> Path:
    """Writes the report, its plots, and the figures as JSON."""
    folder = BENCH / "plots"
    folder.mkdir(exist_ok=True)
    for name, svg in _plots(found).items():
        (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
    (BENCH / "results.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    parts = [
        _head(found, command),
        goals.table(found),
        _overhead(found),
        _load(found),
        _others(found),
        _corpus(found),
        (BENCH / "FINDINGS.md").read_text(encoding="utf-8"),
        _storage(),
    ]
    path = BENCH / "RESULTS.md"
    path.write_text("\n".join(part for part in parts if part), encoding="utf-8")
    return path


def _storage() -> str:
    """`bench/storage` measures by itself; its page is a chapter here."""
    return "#" + (BENCH / "storage" / "RESULTS.md").read_text(encoding="utf-8")


def machine() -> dict[str, Any]:
    """Where and when."""
    cpu = (
        next(
            (
                line.partition(":")[2].strip()
                for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
                if line.startswith("model name")
            ),
            platform.processor(),
        )
        if Path("/proc/cpuinfo").exists()
        else platform.processor()
    )
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "commit": commit.stdout.strip(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "load_before": round(os.getloadavg()[0], 2),
    }


def _head(found: dict[str, Any], command: str) -> str:
    m = found["machine"]
    later = "".join(
        f" Measured anew since: {name}, on {one['date']} at {one['commit']}."
        for name, one in found.get("later", {}).items()
    )
    return f"""# Results

Written by `{command}` on {m["date"]} at commit {m["commit"]}. Machine: {m["cpu"]}, {m["cores"]} cores, {m["system"]},
Python {m["python"]}; load average before: {m["load_before"]}. What carries sound of one side on core 0; the client, the stand-in
engines and storage, which carries none here, on core 1. Frames of 20 ms; 200 ms endpoint wait; recogniser 120 ms a call, model 150 ms to the first token and 20 ms
each, speech 100 ms to the first byte and 0.1 x real time. Our side: gateway, stt-service, profile-service, all real; the
recogniser is put behind stt-service's backend seam. What is measured and how: [README](README.md).{later}
"""


_WAYS = {
    "rolling": "with rolling looks (`STT_ROLLING_MS=32`, `STT_PAUSE_MS=48`)",
    "latency": "without (the default)",
}


def _overhead(found: dict[str, Any]) -> str:
    ways = {name: found[name] for name in _WAYS if found.get(name)}
    if not ways:
        return ""
    lines = [
        "## End of speech to first audio",
        "",
        "| | p50 | p95 | max | n |",
        "|---|---|---|---|---|",
    ]
    for name, one in ways.items():
        lines += [
            _summary(f"ours, {_WAYS[name]}", one["first_sound"]),
            _summary("its floor (our critical path)", one["floor"]),
            _summary("over its floor", one["overhead"]),
            _summary("the same without the stand-ins' own lateness", one["overhead_ours"]),
        ]
    if found.get("peer_latency"):
        lines.append(_summary("tuned Pipecat 1.14.0", found["peer_latency"]["first_sound"]))
    for name, one in ways.items():
        lines += [
            "",
            f"Over the floor by stage, ms, {_WAYS[name]} (negative: sooner than the path allows for):",
            "",
            "| stage | p50 | p95 | max | n |",
            "|---|---|---|---|---|",
        ]
        lines += [_summary(stage, one["stages"][stage]) for stage in floor.STAGES]
        lines += [
            "",
            f"{one['looks_a_turn']} calls of the recogniser and {one['model_calls_a_turn']} of the model a turn. Client's own lateness "
            f"p99: {one['client_late_p99']} ms (over 5 ms a run proves nothing). Failures: {len(one['failures'])} of {one['turns']} turns.",
        ]
    return "\n".join([*lines, "", "![overhead](plots/overhead.svg)", ""])


def _summary(name: str, s: dict[str, float]) -> str:
    return f"| {name} | {s['p50']:.1f} | {s['p95']:.1f} | {s['max']:.1f} | {s['n']} |"


def _load(found: dict[str, Any]) -> str:
    parts = []
    for name, title in (
        ("sweep", "Ours, Silero gated by energy"),
        ("sweep_always", "Ours, Silero always on"),
        ("peer_sweep", "Tuned Pipecat"),
    ):
        if found.get(name):
            parts += [f"### {title}", "", *_levels(found[name]), ""]
    if not parts:
        return ""
    return "\n".join(
        [
            "## Sessions against latency, one core",
            "",
            "CPU in ms of the core for each second of a session. A void level is one at which the client itself was late.",
            "",
            *parts,
            "![load](plots/load.svg)",
            "",
        ]
    )


def _levels(levels: list[Figures]) -> list[str]:
    names = list(levels[0]["cpu_ms_per_session_s"])
    head = (
        "| sessions | p50 | p95 | max | failed | client late p99 | "
        + " | ".join(f"{n} CPU" for n in names)
        + " | PSS MiB |"
    )
    lines = [head, "|---" * (7 + len(names)) + "|"]
    for level in levels:
        s = level["first_sound"]
        cpu = " | ".join(f"{level['cpu_ms_per_session_s'][n]:.1f}" for n in names)
        pss = ", ".join(f"{level['pss_mib'][n]:.0f}" for n in names)
        void = " (void)" if level["void"] else ""
        lines.append(
            f"| {level['sessions']} | {s['p50']:.0f} | {s['p95']:.0f} | {s['max']:.0f} | {level['failed']}/{level['turns']} | "
            f"{level['client_late_p99']}{void} | {cpu} | {pss} |"
        )
    return lines


def _others(found: dict[str, Any]) -> str:
    lines = ["## Talking over a reply, pausing, budgets", ""]
    barge, cuts, guess, budget = (
        found.get(n) for n in ("barge_in", "cuts", "speculation", "budget")
    )
    if barge:
        s = barge["silence_after"]
        lines.append(
            f"- Barge-in: p50 {s['p50']:.0f}, p95 {s['p95']:.0f}, max {s['max']:.0f} ms over {s['n']} interruptions; "
            f"{len(barge['failures'])} turns failed."
        )
    if cuts:
        lines.append(
            f"- Cuts: {cuts['cuts']} (three of four by voice, one by the button); {cuts['agree']} agree everywhere."
        )
        lines += [f"  - {wrong}" for wrong in cuts["wrong"]]
    if guess:
        lines.append(
            f"- Speculation: {guess['model_calls']} model calls for {guess['turns']} turns with {guess['pauses_a_turn']} "
            "pauses of 150 to 500 ms each, with the product's own endpointing."
        )
    if budget:
        s = budget["first_sound"]
        lines.append(
            f"- Budgets: p50 {s['p50']:.0f}, p95 {s['p95']:.0f}, max {s['max']:.0f} ms; floor {budget['floor']['p50']:.0f} ms; "
            f"{len(budget['failures'])} of {budget['turns']} turns failed."
        )
    return "\n".join([*lines, ""]) if len(lines) > 2 else ""


def _corpus(found: dict[str, Any]) -> str:
    runs = found.get("corpus")
    if not runs:
        return ""
    head = [
        "## Conversation corpus",
        "",
        "`tests/corpus`: synthetic speech with pauses, backchannels, coughs, clicks and noise, on virtual time through stt-service's own ears and "
        "endpointing and the gateway's own session core. The rules that judge completeness were made with `tune` and `held_out` in view; `fresh` was written after that, and what was changed since judges none of its texts otherwise.",
        "",
        "| texts | seed | utterances | pauses each | premature (≤ 5 %) | median delay (≤ 600 ms) | p90 | backchannels survived (≥ 95 %) | "
        "coughs survived | interruptions taken | model calls a turn | sound before the end |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for run in runs:
        f = run["figures"]
        head.append(
            f"| {run['texts']} | {run['seed']} | {f['utterances']} | {f['pauses_an_utterance']} | {f['premature']:.1%} | "
            f"{f['endpoint_delay_median_ms']} ms | {f['endpoint_delay_p90_ms']} ms | {_share(f['backchannels_survived'])} of {f['backchannels']} | "
            f"{_share(f['coughs_survived'])} of {f['coughs']} | {_share(f['interruptions_taken'])} of {f['interruptions']} | "
            f"{f['model_calls_a_turn']} | {f['sounds_before_the_end']} |"
        )
    return "\n".join([*head, ""])


def _share(value: float | None) -> str:
    return _NONE if value is None else f"{value:.0%}"


def _plots(found: dict[str, Any]) -> dict[str, str]:
    made = {}
    if found.get("rolling"):
        stages = found["rolling"]["stages"]
        rows = [(stage, stages[stage]["p50"], stages[stage]["p95"]) for stage in floor.STAGES]
        made["overhead"] = plots.bars("Over the floor, by stage", "ms", rows)
    series = [
        plots.Series(title, [(f["sessions"], f["first_sound"]["p95"]) for f in found[name]])
        for name, title in (
            ("sweep", "ours, gated"),
            ("sweep_always", "ours, always on"),
            ("peer_sweep", "Pipecat"),
        )
        if found.get(name)
    ]
    if series:
        made["load"] = plots.lines(
            "End of speech to first audio, p95, one core", "sessions", "ms", series, top=2000
        )
    return made
