"""Writes what was measured: results.json, and the page."""

import json
import os
import platform
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).parent
KEPT, PAGE = HERE / "results.json", HERE / "RESULTS.md"

Found = dict[str, Any]


def machine() -> Found:
    """Where and when; the load is that of everything that runs here."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "python": platform.python_version(),
        "system": platform.system(),
        "load_1min": round(os.getloadavg()[0], 1),
    }


def load() -> Found:
    """What was measured before."""
    return json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}


def keep(found: Found) -> None:
    """Writes both."""
    KEPT.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(page(found), encoding="utf-8")


def page(found: Found) -> str:
    """The page."""
    parts = [_HEAD]
    for name, write in _CHAPTERS.items():
        if name in found:
            one = found[name]
            parts += [write(one["found"]), _where(one), ""]
    return "\n".join(parts)


_HEAD = """# What a conversation outlives

Stand-in engines that take exactly as long as they are told; the real gateway, stt-service and
profile-service; real sockets; every process one of its own, started again when it dies. People type
and speak by turns (push-to-talk, in real time) and resume as the page does. Afterwards the database
is set against what each person was told: an accepted turn without a row is *lost*, or *still on its
way* when its record waits on the gateway's disk; two rows for one thing said, or a turn told done
twice, is *doubled*. Written by `make bench-resilience`; what the figures mean is in
[FINDINGS.md](FINDINGS.md).
"""


def _where(one: Found) -> str:
    before, after = one["began"], one["ended"]
    return (
        f'\nMeasured {before["date"]} by `make bench-resilience BENCH="{one["command"]}"`:'
        f" {before['cores']} cores, {before['memory_gib']} GiB, {before['system']}, Python"
        f" {before['python']}; load {before['load_1min']} at the start and {after['load_1min']} at"
        " the end, other programs' included."
    )


def _table(head: str, rows: list[str]) -> str:
    return "\n".join([head, "|" + "---|" * (head.count("|") - 1), *rows])


def _spread(values: list[float]) -> str:
    if not values:
        return "–"
    ordered = sorted(values)
    middle = ordered[len(ordered) // 2]
    return f"{middle:.1f} / {ordered[int(0.95 * (len(ordered) - 1))]:.1f} / {ordered[-1]:.1f}"


def _counts(audit: Found) -> str:
    said = f"{audit['accepted']} | {audit['failed']} | {len(audit['lost'])}"
    return (
        f"{said} | {len(audit['waiting'])} |"
        f" {len(audit['doubled'])} | {len(audit['unclosed']) + len(audit['otherwise'])}"
    )


_COUNTS = "accepted | told as failed | lost | still on its way | doubled | told otherwise than kept"


def _complaints(runs: list[Found]) -> str:
    found = [text for run in runs for text in run["complaints"]]
    if not found:
        return "\nNothing that was checked did not hold.\n"
    most = "\n".join(f"- {text}" for text in found[:20])
    return f"\nDid not hold ({len(found)}):\n\n{most}\n"


def _kills(runs: list[Found]) -> str:
    rows = [
        f"| {r['service']} | {r['kills']} | {_counts(r['audit'])} | {_spread(r['down_s'])} |"
        f" {_spread(r['again_s'])} |"
        for r in runs
    ]
    return "\n".join(
        [
            "## kill -9",
            "",
            "`again`: from the moment when the new process says that it is ready (or when the"
            " person"
            " spoke, if that was later) to the first sound of an answer, for the slowest of the"
            " people;"
            " median / p95 / most, s.",
            "",
            _table(f"| service | kills | {_COUNTS} | down, s | again, s |", rows),
            _complaints(runs),
        ]
    )


def _cuts(runs: list[Found]) -> str:
    rows = []
    for r in runs:
        took = [cut["s"] for cut in r["cuts"] if not cut["silent"]]
        silent = [cut["s"] for cut in r["cuts"] if cut["silent"]]
        moments = ", ".join(
            f"{sum(c['moment'] == m for c in r['cuts'])} {m}"
            for m in ("speaking", "typing", "thinking", "answering")
        )
        rows.append(
            f"| {r['gateways']} | {len(r['cuts'])}: {moments} | {_counts(r['audit'])} |"
            f" {_spread(took)} | {_spread(silent)} | {len(r['memory_differs'])} of {r['turns']} |"
        )
    head = f"| gateways | cuts | {_COUNTS}"
    return "\n".join(
        [
            "## Cut sockets",
            "",
            "Half by a TCP reset, half by a wire that goes silent (found out by a ping after 0.5 to"
            " 1.5 s). `resumed`: from the cut to `session {resumed: true}`; median / p95 / most, s."
            " `memory differs`: questions with which the model was asked otherwise than in an"
            " uncut run"
            " of the same script. With two gateways each cut sends the person to the other one.",
            "",
            _table(f"{head} | resumed, reset | resumed, silent | memory differs |", rows),
            _complaints(runs),
        ]
    )


def _outages(runs: list[Found]) -> str:
    def after(r: Found) -> str:
        return "never" if r["delivered_after_s"] is None else f"{r['delivered_after_s']:.1f}"

    rows = [
        f"| {r['outage']} | {r['seconds']:.0f} | {r['people']} | {r['turns_during']} |"
        f" {r['failed_during']} | {_counts(r['audit'])} | {r['records_waiting']} | {after(r)} |"
        f" {r['out_of_order']} |"
        for r in runs
    ]
    head = f"| outage | s | people | turns during it | of these failed | {_COUNTS}"
    return "\n".join(
        [
            "## Storage away",
            "",
            "While people talk. `profile`: profile-service killed and held"
            " down; `postgres`: the server stopped; `locked`: `BEGIN EXCLUSIVE` in another process;"
            " `disk`: AVATAR_HOME on a disk that is full. `delivered`: from the return to the"
            " last row"
            " of what was said before it, s.",
            "",
            _table(f"{head} | records waiting at its end | delivered, s | out of order |", rows),
            _complaints(runs),
        ]
    )


def _rolling(r: Found) -> str:
    rows = [f"| {x['service']} | {x['s']:.1f} | {x['exit_code']} |" for x in r["restarts"]]
    return "\n".join(
        [
            "## Rolling restart",
            "",
            f"SIGTERM, one service after another, {r['people']} people talking.",
            "",
            _table(f"| {_COUNTS} |", [f"| {_counts(r['audit'])} |"]),
            "",
            _table("| service | from SIGTERM until it is back, s | exit code |", rows),
            _complaints([r]),
        ]
    )


def _hangs(runs: list[Found]) -> str:
    rows = [
        f"| {r['engine']} | {r['times']} | {r['limit_s']:.0f} | {_spread(r['told_s'])} |"
        f" {_spread(r['again_s'])} | {_counts(r['audit'])} |"
        for r in runs
    ]
    return "\n".join(
        [
            "## Hangs",
            "",
            "SIGSTOP during a turn. `told`: until every person was told (an `error`, or a"
            " `notice` that"
            " the engine is away); then SIGCONT or a restart by turns, and `again` as above;"
            " median /"
            " p95 / most, s.",
            "",
            _table(f"| engine | times | limit, s | told, s | again, s | {_COUNTS} |", rows),
            _complaints(runs),
        ]
    )


_CHAPTERS: dict[str, Callable[[Any], str]] = {
    "kills": _kills,
    "cuts": _cuts,
    "outages": _outages,
    "rolling": _rolling,
    "hangs": _hangs,
}
