"""SIGTERM of all services one after another, and SIGSTOP of each engine, while people talk."""

import asyncio
import random
import signal
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from avatar_bench.player import now_ms

from resilience.account import Line
from resilience.books import audit, rows, waiting
from resilience.client import Person
from resilience.crowd import Crowd
from resilience.house import ENGINES, SERVICES, House
from resilience.kills import resumed_of, work_again

_DELIVERED_S = 30.0
_BEFORE_S = 2.0
_TOLD_WAIT_S = 45.0
LIMITS_S = {"stt": 30.0, "llm": 30.0, "tts": 20.0}
"""A stage's own limit: `final_timeout_ms`, LLM_TIMEOUT_S, TTS_TIMEOUT_S."""


async def rolling(*, people: int = 10, rounds: int = 1, seed: int = 1) -> dict[str, Any]:
    """Every service is told to stop, and started again when it has."""
    async with House().kept() as house:
        return await restart_in(house, people=people, rounds=rounds, seed=seed)


async def restart_in(
    house: House, *, people: int, rounds: int = 1, seed: int = 1
) -> dict[str, Any]:
    """One service after another."""
    before = await rows(house.database_url)
    crowd = Crowd(people, lambda _: house.ws_url(), seed=seed)
    async with crowd.talking():
        await asyncio.sleep(_BEFORE_S)
        restarts = [await _restart(house, name) for name in SERVICES * rounds]
        await asyncio.sleep(_BEFORE_S)
    late = await house.delivered(_DELIVERED_S)
    found = audit(crowd.people, await rows(house.database_url, before), waiting(house.state))
    return {
        "people": people,
        "restarts": restarts,
        "delivered": late is not None,
        "audit": asdict(found),
        "complaints": found.complaints(),
        "resumed": resumed_of(crowd.people),
    }


async def _restart(house: House, name: str) -> dict[str, Any]:
    pid, told = house.processes[name].pid, now_ms()
    house.processes[name].send_signal(signal.SIGTERM)
    back = await house.back(name, pid)
    await house.until_ok()
    code = next(code for ended, code in reversed(house.ends) if ended == name)
    return {"service": name, "s": (back - told) / 1000, "exit_code": code}


async def hangs(engine: str, times: int, *, seed: int = 1) -> dict[str, Any]:
    """SIGSTOP during a turn; every second time it is started anew, else SIGCONT."""
    async with House().kept() as house:
        return await hang_in(house, [(engine,)] * times, seed=seed)


async def hang_in(
    house: House, victims: Sequence[tuple[str, ...]], *, people: int = 2, seed: int = 1
) -> dict[str, Any]:
    """Those that hang together, one group after another."""
    dice = random.Random(seed)
    told: list[float] = []
    again: list[float] = []
    before = await rows(house.database_url)
    crowd = Crowd(people, lambda _: house.ws_url(), seed=seed, limit_s=60)
    async with crowd.talking():
        for number, engines in enumerate(victims):
            await _until(lambda: any(_in_turn(p.line) for p in crowd.people), 20)
            await asyncio.sleep(dice.uniform(0, 0.5))
            told.append(await _hang(house, engines, crowd))
            back = 0.0
            for engine in engines:
                back = await _bring_back(house, engine, anew=number % 2 == 1)
            again.append(await work_again(crowd, back, back))
    late = await house.delivered(_DELIVERED_S)
    found = audit(crowd.people, await rows(house.database_url, before), waiting(house.state))
    return {
        "engine": victims[0][0],
        "times": len(victims),
        "limit_s": LIMITS_S[victims[0][0]],
        "told_s": told,
        "again_s": again,
        "delivered": late is not None,
        "audit": asdict(found),
        "complaints": found.complaints(),
    }


async def _hang(house: House, engines: Sequence[str], crowd: Crowd) -> float:
    """Stops them; seconds until the last person was told."""
    stopped = now_ms()
    for engine in engines:
        house.signal(engine, signal.SIGSTOP)
    await _until(lambda: all(_told(p, stopped) for p in crowd.people), _TOLD_WAIT_S)
    return max(_told_after(p, stopped) for p in crowd.people)


async def _bring_back(house: House, engine: str, *, anew: bool) -> float:
    if not anew:
        house.signal(engine, signal.SIGCONT)
        return await house.ready(engine)
    pid = house.processes[engine].pid
    house.kill(engine)
    return await house.back(engine, pid)


def _in_turn(line: Line | None) -> bool:
    return line is not None and line.accepted is not None


def _told_after(person: Person, since: float) -> float:
    """Seconds until the person was told of trouble; `_TOLD_WAIT_S`: never."""
    moments = [at for at, code, _ in person.notices if code == "ENGINE_AWAY" and at >= since]
    for line in person.lines:
        moments += [at for at in (float(e.split("@")[1]) for e in line.errors) if at >= since]
    return (min(moments) - since) / 1000 if moments else _TOLD_WAIT_S


def _told(person: Person, since: float) -> bool:
    return _told_after(person, since) < _TOLD_WAIT_S


async def _until(check: Callable[[], bool], patience_s: float) -> bool:
    end = now_ms() + patience_s * 1000
    while now_ms() < end:
        if check():
            return True
        await asyncio.sleep(0.02)
    return False


async def all_hangs(times: int) -> list[dict[str, Any]]:
    """One engine after another."""
    return [await hangs(engine, times, seed=n) for n, engine in enumerate(ENGINES)]
