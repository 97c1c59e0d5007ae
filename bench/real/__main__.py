"""``make bench-real BENCH="PART…"``: the whole product with its default engines; see RESULTS.md."""

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

from real import beside, clips, house, judging, report, scenes
from real.scoring import Clip, corpus
from real.talking import Avatar, Part, Person, Pipecat, Utterance

_APART_S = 1.7
"""So much later each further person begins."""
_QUIET_AFTER_S = 6.0
"""How long something is waited for after a sound without words."""

Found = dict[str, Any]


async def _everybody(port: int, scripts: list[scenes.Script], locale: str) -> list[Utterance]:
    """All people at once."""
    talks = [
        Person(Avatar(port, locale), seed=n).talk(script, begin_s=n * _APART_S)
        for n, script in enumerate(scripts)
    ]
    return [one for said in await asyncio.gather(*talks) for one in said]


async def _people(home: house.House, known: list[Clip], options: argparse.Namespace) -> Found:
    """One, two and four people at once: delays, errors, and what it costs."""
    found = []
    for people in options.people:
        scripts = scenes.sentences(known, people, options.turns, seed=people)
        cpu, began = home.cpu_s(), asyncio.get_running_loop().time()
        said = await _everybody(home.port, scripts, "zh-TW")
        seconds = asyncio.get_running_loop().time() - began
        found.append(
            {
                "people": people,
                "turns": len(said),
                **judging.delays(said),
                "rates": judging.rates(said),
                "cut_short": judging.cut_short(said),
                "unanswered": judging.unanswered(said),
                "errors": [code for one in said for code in one.errors],
                "busy": round((home.cpu_s() - cpu) / seconds / (os.cpu_count() or 1), 3),
                "memory_mib": round(home.memory_mib()),
            }
        )
    return {"by_people": found}


async def _words(home: house.House, known: list[Clip], _: argparse.Namespace) -> Found:
    """Every clip once: error rates by kind, script and punctuation."""
    said = await _everybody(home.port, [scenes.kinds(known)], "zh-TW")
    return {
        **judging.delays(said),
        "rates": judging.rates(said),
        "script_faults": judging.script_faults(said),
        "cut_short": judging.cut_short(said),
        "unanswered": judging.unanswered(said),
    }


async def _lost(home: house.House, known: list[Clip], options: argparse.Namespace) -> Found:
    """Pauses of 0.3 to 2 s inside what is said: no stretch may be lost."""
    scripts = scenes.pauses(known, options.conversations, options.at_once, seed=5)
    said = await _everybody(home.port, scripts, "zh-TW")
    return {
        "conversations": len(said),
        "at_once": options.at_once,
        "stretches": sum(len(one.parts) for one in said),
        "lost": judging.lost(said),
        "told_unheard": sum(bool(one.errors) for one in said),
        "unanswered": judging.unanswered(said),
        **judging.delays(said),
    }


async def _nothing(home: house.House, known: list[Clip], _: argparse.Namespace) -> Found:
    """Sounds without words: no text may be made of them."""
    sounds = scenes.nothing(known)
    person = Person(Avatar(home.port, "zh-TW"), patience_s=_QUIET_AFTER_S)
    said = await person.talk([[Part(clip)] for clip in sounds])
    invented = [
        {"clip": one.parts[0].clip.name, "text": one.words} for one in said if one.words.strip()
    ]
    return {"clips": len(said), "invented": invented}


async def _peers(home: house.House, known: list[Clip], options: argparse.Namespace) -> Found:
    """English, one person: AVATAR, and tuned Pipecat on the same engine processes."""
    english = [clip for clip in known if clip.kind == "en"]
    scripts = scenes.sentences(english, 1, options.turns, seed=7)
    ours = await _everybody(home.port, scripts, "en")
    with beside.pipecat(home) as port:
        theirs = await Person(Pipecat(port)).talk(scripts[0])
    found = {
        name: {"first_sound": judging.summary(judging.first_sounds(said)), "turns": len(said)}
        for name, said in (("avatar", ours), ("pipecat", theirs))
    }
    return {**found, "rates": judging.rates(ours), "unanswered": judging.unanswered(ours)}


Measure = Callable[[house.House, list[Clip], argparse.Namespace], Awaitable[Found]]

PARTS: dict[str, Measure] = {
    "people": _people,
    "words": _words,
    "lost": _lost,
    "nothing": _nothing,
    "peers": _peers,
}


def main() -> None:
    """Runs the parts that were asked for, and writes each down when it is through."""
    options = argparse.ArgumentParser(prog="real", description=__doc__)
    options.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; none: all")
    options.add_argument("--people", type=int, nargs="*", default=[1, 2, 4])
    options.add_argument("--turns", type=int, default=16, help="of each person")
    options.add_argument("--conversations", type=int, default=200, help="in `lost`")
    options.add_argument("--at-once", type=int, default=2, help="people in `lost`")
    chosen = options.parse_args()
    with house.running(AVATAR_MAX_SESSIONS="8") as home:
        if not (clips.CORPUS / "clips.json").exists():
            clips.make(clips.CORPUS)
        known = corpus(clips.CORPUS)
        for name in chosen.parts or PARTS:
            print(name, flush=True)
            began = report.machine()
            found = asyncio.run(_measured(PARTS[name], home, known, chosen))
            report.keep(name, {"began": began, "ended": report.machine(), "found": found})


async def _measured(
    measure: Measure, home: house.House, known: list[Clip], chosen: argparse.Namespace
) -> Found:
    return await measure(home, known, chosen)


if __name__ == "__main__":
    main()
