"""The socket cut at random moments, by a reset or by a wire that goes silent; memory afterwards."""

import asyncio
import json
import random
import urllib.request
from contextlib import AsyncExitStack
from dataclasses import asdict
from functools import partial
from typing import Any

from resilience.account import Patience
from resilience.books import audit, rows, waiting
from resilience.client import Person
from resilience.crowd import Texts, line
from resilience.house import House
from resilience.kills import resumed_of
from resilience.proxy import Wire

_QUICK = Patience(ping_s=0.5, pong_s=1.0)
"""A silent wire is found out after 1.5 s at the latest."""
_DELIVERED_S = 30.0
_GAP_S = 0.2
_PATIENCE_S, _LOOK_S = 20.0, 0.01


class _Cutter:
    """Cuts each person's wire at random moments, until it has cut often enough."""

    def __init__(
        self, house: House, gateways: list[str], wires: list[Wire], times: int, seed: int
    ) -> None:
        self._wires, self._ports = wires, [house.port(name) for name in gateways]
        self._database_url = house.database_url
        self._left, self._dice = times, random.Random(seed)
        self.cuts: list[dict[str, Any]] = []

    async def _known(self, person: Person) -> None:
        """Another gateway knows a conversation as soon as its first turn is delivered."""
        known = False
        while not known:
            await asyncio.sleep(_GAP_S)
            found = await rows(self._database_url)
            known = any(row.session_id in person.sessions for row in found)

    async def run(self, number: int, person: Person) -> None:
        """One person's wire."""
        loop = asyncio.get_running_loop()
        if len(self._ports) > 1:
            await self._known(person)
        while self._left > 0:
            await asyncio.sleep(self._dice.uniform(0.2, 3.0))
            if not person.online.is_set() or person.line is None or self._left <= 0:
                continue
            self._left -= 1
            wire, silent = self._wires[number], self._dice.random() < 0.5
            others = [port for port in self._ports if port != wire.target]
            wire.target = self._dice.choice(others) if others else wire.target
            before, at = len(person.resumptions), loop.time()
            moment = _moment(person)
            (wire.hush if silent else wire.cut)()
            await _came_back(person, before)
            found_out = person.lost_at / 1000
            self.cuts.append(
                {
                    "silent": silent,
                    "moment": moment,
                    "s": loop.time() - at,
                    "after_found_s": max(0.0, loop.time() - max(at, found_out)),
                }
            )


def _address(wire: Wire) -> str:
    return f"ws://127.0.0.1:{wire.port}/ws/chat"


async def _came_back(person: Person, before: int) -> None:
    end = asyncio.get_running_loop().time() + _PATIENCE_S
    while len(person.resumptions) == before:
        if asyncio.get_running_loop().time() > end:
            return
        await asyncio.sleep(_LOOK_S)


def _moment(person: Person) -> str:
    """What was going on."""
    now = person.line
    if now is None:
        return "between"
    if now.accepted is None or (now.pcm and not now.words):
        return "speaking" if now.pcm else "typing"
    if not now.answer:
        return "thinking"
    return "answering"


async def _talk(
    house: House, gateways: list[str], script: list[list[str]], times: int, seed: int
) -> tuple[list[Person], list[dict[str, Any]]]:
    """Everybody says their lines; at least so many, and until all cuts are made."""
    async with AsyncExitStack() as stack:
        wires = [Wire(house.port("gateway")) for _ in script]
        for wire in wires:
            await wire.open()
            stack.push_async_callback(wire.close)
        people = [
            Person(f"person {n}", partial(_address, wire), patience=_QUICK if times else None)
            for n, wire in enumerate(wires)
        ]
        for person in people:
            person.start()
            stack.push_async_callback(person.leave)
        cutter = _Cutter(house, gateways, wires, times, seed)
        cutting = [asyncio.ensure_future(cutter.run(n, p)) for n, p in enumerate(people)]
        talking = [
            asyncio.ensure_future(_say_all(n, person, texts))
            for n, (person, texts) in enumerate(zip(people, script, strict=True))
        ]
        await asyncio.gather(*talking)
        for job in cutting:
            job.cancel()
        return people, cutter.cuts


async def _say_all(number: int, person: Person, texts: list[str]) -> None:
    for count, text in enumerate(texts):
        await person.say(line(text, spoken=(number + count) % 2 == 0))
        await asyncio.sleep(_GAP_S)


def asked(house: House) -> dict[str, list[dict[str, str]]]:
    """By question: the messages that the model was asked with last."""
    log = json.loads(urllib.request.urlopen(house.url("llm") + "/log", timeout=20).read())
    return {entry["question"]: entry["messages"] for entry in log["model"]}


async def cuts(times: int, *, people: int, lines: int, gateways: int, seed: int) -> dict[str, Any]:
    """`times` cuts at most, in a script of `people` times `lines` lines; then the script uncut."""
    async with House(gateways=gateways).kept() as house:
        return await cut_in(house, times, people=people, lines=lines, seed=seed, gateways=gateways)


async def cut_in(
    house: House, times: int, *, people: int, lines: int, seed: int = 1, gateways: int = 1
) -> dict[str, Any]:
    """With more than one gateway, each cut sends the person to another."""
    names = house.gateways[:gateways]
    before = await rows(house.database_url)
    texts = iter(Texts(seed))
    script = [[next(texts) for _ in range(lines)] for _ in range(people)]
    everyone, made = await _talk(house, names, script, times, seed)
    late = await house.delivered(_DELIVERED_S)
    found = audit(everyone, await rows(house.database_url, before), waiting(house.state))
    after_cuts = asked(house)
    await _talk(house, names, script, 0, seed)
    await house.delivered(_DELIVERED_S)  # or the next measurement in this house counts its rows
    uncut = asked(house)
    questions = [text for texts in script for text in texts]
    other = [text for text in questions if after_cuts.get(text) != uncut.get(text)]
    return {
        "gateways": gateways,
        "people": people,
        "turns": people * lines,
        "cuts": made,
        "delivered": late is not None,
        "audit": asdict(found),
        "complaints": found.complaints(),
        "memory_differs": [
            {"question": text, "after_cuts": after_cuts.get(text), "uncut": uncut.get(text)}
            for text in other
        ],
        "resumed": resumed_of(everyone),
    }
