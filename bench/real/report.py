"""Writes what was measured: results.json, and the page."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from resilience.report import machine

__all__ = ["keep", "machine"]

HERE = Path(__file__).parent
KEPT, PAGE = HERE / "results.json", HERE / "RESULTS.md"

Found = dict[str, Any]


def keep(name: str, one: Found) -> None:
    """Writes a part beside what was measured before."""
    found = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else {}
    found[name] = one
    KEPT.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    PAGE.write_text(page(found), "utf-8")


def page(found: Found) -> str:
    """The page."""
    parts = [_HEAD]
    for name, write in _CHAPTERS.items():
        if name in found:
            parts += [write(found[name]["found"]), _where(name, found[name]), ""]
    return "\n".join(parts)


_HEAD = """# Real weights on real speech

The whole product as `make run` starts it, with its default engines; people who talk hands-free in
real time over `/ws/chat`. The corpus is `sentences.toml` in Kokoro's voices, and recordings out of
packages where they were given. Delays are from the last voiced sample that was sent: p50 / p95 /
max in ms. Written by `make bench-real`.
"""


def _where(name: str, one: Found) -> str:
    began = one["began"]
    return (
        f'Measured {began["date"]} by `make bench-real BENCH="{name}"`: {began["cores"]} cores, '
        f"{began['memory_gib']} GiB, {began['system']}, Python {began['python']}; load "
        f"{began['load_1min']} at the start and {one['ended']['load_1min']} at the end.\n"
    )


def _ms(one: Found) -> str:
    return f"{one['p50']:.0f} / {one['p95']:.0f} / {one['max']:.0f}" if one["n"] else "none"


def _rates(rates: Found) -> str:
    return ", ".join(
        f"{kind} {one['rate']:.3f} ({one['n']})" for kind, one in sorted(rates["by_kind"].items())
    )


def _counted(codes: list[str]) -> str:
    return ", ".join(f"{code} ({n})" for code, n in Counter(codes).items()) or "0"


def _people(found: Found) -> str:
    rows = [
        "## People at once\n",
        "| people | turns | final words | first sound | errors of words | cut short | unanswered "
        "| errors told | cores busy | memory |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    rows += [
        f"| {one['people']} | {one['turns']} | {_ms(one['final'])} | {_ms(one['first_sound'])} "
        f"| {_rates(one['rates'])} | {one['cut_short']} | {len(one['unanswered'])} "
        f"| {_counted(one['errors'])} | {100 * one['busy']:.0f} % "
        f"| {one['memory_mib']} MiB |"
        for one in found["by_people"]
    ]
    return "\n".join(rows) + "\n"


def _words(found: Found) -> str:
    wrong = [
        f"- {one['rate']}: {one['wanted']} | {one['found']}" for one in found["rates"]["wrong"]
    ]
    return "\n".join(
        [
            "## Words\n",
            "Every clip once, one person. English: word error rate; Chinese and mixed: character "
            "error rate.\n",
            f"- Error rates: {_rates(found['rates'])}.",
            f"- Chinese finals with Simplified characters or half-width punctuation: "
            f"{len(found['script_faults'])}.",
            f"- Cut short: {found['cut_short']}; unanswered: {len(found['unanswered'])}.",
            f"- Final words {_ms(found['final'])}; first sound {_ms(found['first_sound'])}.\n",
            "More than a fifth wrong (wanted | found):\n" if wrong else "",
            *wrong,
            "",
        ]
    )


def _lost(found: Found) -> str:
    lines = [f"- {one['stretch']} | {one['found']}" for one in found["lost"]]
    return "\n".join(
        [
            "## Nothing said is lost\n",
            f"{found['conversations']} utterances of two or three sentences with pauses of 0.3 to "
            f"2 s, {found['at_once']} people at once: {found['stretches']} stretches, "
            f"{len(found['lost'])} lost, {found['told_unheard']} told as not heard, "
            f"{len(found['unanswered'])} unanswered. A stretch is lost when less than a third of "
            "its words is in any turn and nobody was told.\n",
            *lines,
            "",
        ]
    )


def _nothing(found: Found) -> str:
    lines = [f"- {one['clip']}: {one['text']}" for one in found["invented"]]
    return "\n".join(
        [
            "## Sounds without words\n",
            f"{found['clips']} clips of silence, noise, clicks, hums and chords: text was made of "
            f"{len(found['invented'])}.\n",
            *lines,
            "",
        ]
    )


def _peers(found: Found) -> str:
    ours, theirs = found["avatar"]["first_sound"], found["pipecat"]["first_sound"]
    return "\n".join(
        [
            "## Beside Pipecat\n",
            "English sentences, one person; Pipecat tuned as in `bench-peers`, on the same engine "
            "processes by their OpenAI routes, in the same run.\n",
            "| | turns | answered | first sound |",
            "|---|---|---|---|",
            f"| AVATAR | {found['avatar']['turns']} | {ours['n']} | {_ms(ours)} |",
            f"| Pipecat | {found['pipecat']['turns']} | {theirs['n']} | {_ms(theirs)} |",
            "",
            f"Ratio of the medians: {ours['p50'] / theirs['p50']:.2f}.\n"
            if ours["n"] and theirs["n"]
            else "",
        ]
    )


_CHAPTERS = {
    "people": _people,
    "words": _words,
    "lost": _lost,
    "nothing": _nothing,
    "peers": _peers,
}
