"""What must be reached (issue 5), and whether it was."""

# ruff: noqa: E501 (rows of Markdown)

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from avatar_bench.measure import LATE_MS, Figures

Found = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """A line of the table. `reached` None: nothing to compare with."""

    figure: str
    goal: str
    value: str
    reached: bool | None
    late_ms: float = 0.0
    """How late the client was, p99: then the figure is void."""

    def markdown(self) -> str:
        """As a line."""
        if self.late_ms > LATE_MS:
            value, verdict = f"{self.value} (client late, p99 {self.late_ms:.0f} ms)", "void"
        else:
            value = self.value
            verdict = "" if self.reached is None else "reached" if self.reached else "**missed**"
        return f"| {self.figure} | {self.goal} | {value} | {verdict} |"


def _late(*figures: Figures) -> float:
    return max((f.get("client_late_p99", 0.0) for f in figures), default=0.0)


def _ratio(found: Found) -> Row:
    one, plain, peer = found["rolling"], found["latency"], found["peer_latency"]
    ours, theirs = one["first_sound"]["p50"], peer["first_sound"]["p50"]
    settled = plain["first_sound"]["p50"]
    return Row(
        "end of speech to first audio, p50, against tuned Pipecat in the same run",
        "≤ 0.55 x, stretch 0.40 x",
        f"{ours / theirs:.2f} x with rolling looks ({ours:.0f} against {theirs:.0f} ms), {settled / theirs:.2f} x without ({settled:.0f} ms)",
        ours / theirs <= 0.55,
        _late(one, plain, peer),
    )


def _overhead(found: Found) -> Row:
    both = [found[name] for name in ("rolling", "latency")]
    value = "; ".join(
        f"{way} p50 {one['overhead']['p50']}, p95 {one['overhead']['p95']} ms"
        for way, one in zip(("with rolling looks", "without"), both, strict=True)
    )
    reached = all(one["overhead"]["p50"] <= 15 and one["overhead"]["p95"] <= 30 for one in both)
    figure = "overhead over our own critical path"
    return Row(figure, "p50 ≤ 15 ms, p95 ≤ 30 ms", value, reached, _late(*both))


def _capacity(name: str, what: str, times: int) -> Callable[[Found], Row]:
    def row(found: Found) -> Row:
        ours, peer = found[name], found.get("peer_capacity")
        value = f"{'at least ' if ours['at_least'] else ''}{ours['sessions']}"
        reached = None
        if peer and peer["sessions"]:
            ratio = ours["sessions"] / peer["sessions"]
            value += f": {ratio:.1f} x Pipecat's {'at least ' if peer['at_least'] else ''}{peer['sessions']}"
            reached = ratio >= times
        figure = f"sessions on one core before p95 grows by half, Silero {what}"
        return Row(figure, f"≥ {times} x Pipecat's", value, reached)

    return row


def _memory(found: Found) -> Row:
    memory = found["memory"]
    value = f"{memory['together']} MiB (from 1 to {memory['at']} sessions)"
    return Row(
        "memory a session, gateway and stt together", "≤ 1 MB", value, memory["together"] <= 0.954
    )


def _half(found: Found) -> Row:
    half = found["half_load"]
    value = f"{half['ratio']:.2f} x (at {half['sessions']} sessions)"
    figure = "p95 at half of our capacity against p95 at one"
    return Row(figure, "≤ 1.1 x", value, half["ratio"] <= 1.1, _late(half))


def _barge_in(found: Found) -> Row:
    barge = found["barge_in"]
    s = barge["silence_after"]
    value = f"p95 {s['p95']:.0f} ms (n {s['n']})"
    reached = s["p95"] <= 240 and not barge["failures"]
    return Row(
        "barge-in to silence (first `pause` counts)", "p95 ≤ 240 ms", value, reached, _late(barge)
    )


def _speculation(found: Found) -> Row:
    guess = found["speculation"]
    value = f"{guess['calls_a_turn']}; {len(guess['failures'])} early or wrong"
    figure = "model calls a turn where people pause in every sentence, and no early or wrong reply is heard"
    reached = guess["calls_a_turn"] <= 1.2 and not guess["failures"]
    return Row(figure, "≤ 1.2", value, reached)


def _cuts(found: Found) -> Row:
    cuts = found["cuts"]
    figure = "scripted cuts after which page, database and model context agree with what was heard to within a clause"
    reached = cuts["agree"] == cuts["cuts"] and cuts["cuts"] >= 100
    return Row(figure, "100 of 100", f"{cuts['agree']} of {cuts['cuts']}", reached)


def _budget(found: Found) -> Row:
    budget = found["budget"]
    p95 = budget["first_sound"]["p95"]
    figure = "recogniser 600 ms, first token 800 ms, speech 1.5 s: the whole, for an answer of 50 characters"
    reached = p95 <= 3500 and not budget["failures"]
    return Row(figure, "p95 ≤ 3.5 s", f"p95 {p95 / 1000:.2f} s", reached, _late(budget))


_ROWS: list[tuple[tuple[str, ...], Callable[[Found], Row]]] = [
    (("rolling", "latency", "peer_latency"), _ratio),
    (("rolling", "latency"), _overhead),
    (("capacity_always",), _capacity("capacity_always", "always on", 4)),
    (("capacity",), _capacity("capacity", "gated by energy", 8)),
    (("memory",), _memory),
    (("half_load",), _half),
    (("barge_in",), _barge_in),
    (("speculation",), _speculation),
    (("cuts",), _cuts),
    (("budget",), _budget),
]


def rows(found: Found) -> list[Row]:
    """Those for which there are figures."""
    return [make(found) for needs, make in _ROWS if all(found.get(need) for need in needs)]


def table(found: Found) -> str:
    """All of them."""
    head = ["## Must reach", "", "| figure | must reach | measured | |", "|---|---|---|---|"]
    return "\n".join([*head, *(row.markdown() for row in rows(found)), ""])
