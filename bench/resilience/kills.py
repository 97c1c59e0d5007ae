"""kill -9 of each service at random moments of spoken and typed turns."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from avatar_bench.player import now_ms

from resilience.account import Line
from resilience.books import audit, rows, waiting
from resilience.client import RATE, Person
from resilience.crowd import Crowd
from resilience.house import House

_DELIVERED_S = 30.0
_WORKS_S = 20.0


async def kills(service: str, times: int, *, seed: int = 1) -> dict[str, Any]:
    """Kills one service `times` times; what was lost, and how soon turns worked again."""
    async with House().kept() as house:
        return await kill_in(house, [service] * times, seed=seed)


async def kill_in(
    house: House, victims: Sequence[str], *, people: int = 3, seed: int = 1
) -> dict[str, Any]:
    """Kills one after another, each when turns work again."""
    dice = random.Random(seed)
    again: list[float] = []
    down: list[float] = []
    before = await rows(house.database_url)
    crowd = Crowd(people, lambda _: house.ws_url(), seed=seed)
    async with crowd.talking():
        for service in victims:
            await asyncio.sleep(dice.uniform(0.1, 2.5))
            pid = house.processes[service].pid
            killed = house.kill(service)
            back = await house.back(service, pid)
            down.append((back - killed) / 1000)
            again.append(await work_again(crowd, killed, back))
    late = await house.delivered(_DELIVERED_S)
    found = audit(crowd.people, await rows(house.database_url, before), waiting(house.state))
    return {
        "service": victims[0],
        "kills": len(victims),
        "down_s": down,
        "again_s": again,
        "delivered": late is not None,
        "audit": asdict(found),
        "complaints": found.complaints(),
        "resumed": resumed_of(crowd.people),
    }


async def kill_while_spoken(
    house: House, times: int, *, people: int = 2, seed: int = 1
) -> dict[str, Any]:
    """Kills stt each time in the middle of a spoken line; `spoken` are the lines that it cut."""
    dice = random.Random(seed)
    spoken: list[Line] = []
    before = await rows(house.database_url)
    crowd = Crowd(people, lambda _: house.ws_url(), seed=seed)
    async with crowd.talking():
        for _ in range(times):
            cut = await _until_spoken(crowd, dice.uniform(0.2, 0.9))
            pid = house.processes["stt"].pid
            killed = house.kill("stt")
            spoken += cut
            back = await house.back("stt", pid)
            await work_again(crowd, killed, back)
    await house.delivered(_DELIVERED_S)
    found = audit(crowd.people, await rows(house.database_url, before), waiting(house.state))
    return {
        "spoken": spoken,
        "audit": asdict(found),
        "complaints": found.complaints(),
    }


async def _until_spoken(crowd: Crowd, share: float) -> list[Line]:
    """Waits for lines of which so much was said, and not all. Raises TimeoutError."""
    end = now_ms() + _WORKS_S * 1000
    while now_ms() < end:
        lines = [person.line for person in crowd.people if person.line and person.line.pcm]
        cut = [one for one in lines if share < (now_ms() - one.began) * RATE / one.samples < 1]
        if cut:
            return cut
        await asyncio.sleep(0.01)
    raise TimeoutError("Nobody spoke.")


def resumed_of(people: Sequence[Person]) -> dict[str, int]:
    """How often people came back, and how."""
    every = [back for person in people for back in person.resumptions]
    return {
        "times": len(every),
        "retold": sum(back.retold for back in every),
        "refused": sum(bool(back.refused) for back in every),
    }


async def work_again(crowd: Crowd, killed: float, back: float) -> float:
    """Seconds from `back` (or from when they spoke, if that was later) until everybody was answered
    a line that they began after the kill."""
    waits = []
    for person in crowd.people:
        end = now_ms() + _WORKS_S * 1000
        while True:
            since = [line for line in person.lines if line.began >= killed]
            answered = next((x for x in since if x.first_sound and not x.errors), None)
            if answered is not None and answered.first_sound is not None:
                waits.append(max(0.0, answered.first_sound - max(back, since[0].began)) / 1000)
                break
            if now_ms() > end:
                waits.append(_WORKS_S)
                break
            await asyncio.sleep(0.05)
    return max(waits)
