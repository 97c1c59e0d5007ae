"""``make bench-resilience BENCH="PART…"``: what a conversation outlives; see RESULTS.md."""

import argparse
import asyncio
from typing import Any

from resilience import cuts, kills, outages, report, restarts
from resilience.house import SERVICES


async def _kills(options: argparse.Namespace) -> Any:
    times = options.times or 50
    chosen = tuple(options.only or SERVICES)
    return [await kills.kills(name, times, seed=n) for n, name in enumerate(chosen, 1)]


async def _cuts(options: argparse.Namespace) -> Any:
    times = options.times or 200
    chosen = options.only or ["one", "two"]
    found = []
    if "one" in chosen:
        lines = max(2, times // 8)
        found.append(await cuts.cuts(times, people=10, lines=lines, gateways=1, seed=1))
    if "two" in chosen:
        lines = max(2, times // 14)
        found.append(await cuts.cuts(times // 4, people=5, lines=lines, gateways=2, seed=2))
    return found


async def _outages(options: argparse.Namespace) -> Any:
    chosen = options.only or outages.KINDS
    return [
        await outages.outage(kind, options.seconds, options.people, seed=n)
        for n, kind in enumerate(chosen, 1)
    ]


async def _rolling(options: argparse.Namespace) -> Any:
    return await restarts.rolling(rounds=options.times or 1)


async def _hangs(options: argparse.Namespace) -> Any:
    return await restarts.all_hangs(options.times or 6)


PARTS = {
    "kills": _kills,
    "cuts": _cuts,
    "outages": _outages,
    "rolling": _rolling,
    "hangs": _hangs,
}


def main() -> None:
    """Runs the parts that were asked for, and writes each down when it is through."""
    options = argparse.ArgumentParser(prog="resilience", description=__doc__)
    options.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; none: all")
    options.add_argument("--times", type=int, help="kills of each service, cuts, rounds, hangs")
    options.add_argument("--seconds", type=float, default=60, help="how long an outage lasts")
    options.add_argument("--people", type=int, default=10, help="who talk during an outage")
    options.add_argument(
        "--only",
        action="append",
        help="this service, this kind of outage, cuts with `one` or `two` gateways",
    )
    chosen = options.parse_args()
    for name in chosen.parts or PARTS:
        print(name, flush=True)
        began = report.machine()
        measured = asyncio.run(PARTS[name](chosen))
        command = " ".join([name, *(["--times", str(chosen.times)] if chosen.times else [])])
        found = report.load()
        if chosen.only and name in found:
            measured = _merged(found[name]["found"], measured)
        one = {"began": began, "ended": report.machine(), "command": command, "found": measured}
        report.keep({**found, name: one})


def _merged(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`new` in the places of those of `old` that are about the same."""

    def about(one: dict[str, Any]) -> Any:
        return one.get("service") or one.get("outage") or one.get("gateways")

    names = {about(one) for one in new}
    return [*(one for one in old if about(one) not in names), *new]


if __name__ == "__main__":
    main()
