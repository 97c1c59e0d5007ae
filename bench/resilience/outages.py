"""Storage away while people talk: the service, its database, a lock, the disk.

``python -m resilience.outages DISK SECONDS PEOPLE`` is the part that runs in a mount namespace of
its own, where AVATAR_HOME is a small disk that can really be full.
"""

import asyncio
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from avatar_bench import stack
from avatar_bench.player import now_ms

from resilience.books import Row, audit, rows, waiting
from resilience.client import Person
from resilience.crowd import Crowd
from resilience.house import House, Postgres

KINDS = ("profile", "postgres", "locked", "disk")
_BEFORE_S, _AFTER_S = 6.0, 3.0
_DELIVERED_S = 60.0
_DISK_MIB = 160
_LOCK = (
    "import sqlite3, sys; db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30);"
    "db.execute('BEGIN EXCLUSIVE'); print(flush=True); sys.stdin.read()"
)

Switch = tuple[Callable[[], Awaitable[None]], Callable[[], Awaitable[None]]]
"""Begins and ends the outage."""


async def outage(kind: str, seconds: float, people: int = 10, seed: int = 1) -> dict[str, Any]:
    """One outage, in a house of its own."""
    if kind == "disk":
        return await asyncio.to_thread(on_a_small_disk, seconds, people)
    with ExitStack() as held:
        postgres = held.enter_context(Postgres()) if kind == "postgres" else None
        async with House(database_url=postgres.url if postgres else "").kept() as house:
            return await outage_in(house, kind, seconds, people, seed, postgres=postgres)


async def outage_in(
    house: House,
    kind: str,
    seconds: float,
    people: int,
    seed: int = 1,
    *,
    postgres: Postgres | None = None,
    disk: Path | None = None,
) -> dict[str, Any]:
    """Storage goes away, and comes back, while people talk."""
    before = await rows(house.database_url)
    with ExitStack() as held:
        begin, end = {
            "profile": lambda: _service(house),
            "postgres": lambda: _server(postgres),
            "locked": lambda: _lock(house, held),
            "disk": lambda: _filler(disk),
        }[kind]()
        crowd = Crowd(people, lambda _: house.ws_url(), seed=seed)
        async with crowd.talking():
            await asyncio.sleep(min(_BEFORE_S, seconds))
            away = now_ms()
            await begin()
            await asyncio.sleep(seconds)
            most = await house.waiting()
            await end()
            back = now_ms()
            delivery = await _delivered(house, crowd.people, back)
            await asyncio.sleep(min(_AFTER_S, seconds))
    late = await house.delivered(_DELIVERED_S)
    found = audit(crowd.people, await rows(house.database_url, before), waiting(house.state))
    during = [x for p in crowd.people for x in p.lines if away <= x.began < back]
    notices = Counter(
        f"{code} {stage}".strip() for p in crowd.people for _, code, stage in p.notices
    )
    return {
        "outage": kind,
        "seconds": seconds,
        "people": people,
        "turns_during": len(during),
        "failed_during": sum(not line.good for line in during),
        "records_waiting": most,
        **delivery,
        "all_delivered": late is not None,
        "audit": asdict(found),
        "complaints": found.complaints(),
        "notices": notices,
    }


async def _delivered(house: House, people: list[Person], back: float) -> dict[str, Any]:
    """How long after `back` all that was said before was in the database, and in which order."""
    due = [
        (p, [x.utterance_id for x in p.lines if x.ended is not None and x.ended <= back])
        for p in people
    ]
    disorder = 0
    while now_ms() < back + _DELIVERED_S * 1000:
        try:
            there = {row.utterance_id for row in await rows(house.database_url) if _closed(row)}
        except Exception as error:  # noqa: BLE001 (a database that is just starting)
            print(f"   not readable yet: {type(error).__name__}", flush=True)
            await asyncio.sleep(0.5)
            continue
        disorder += sum(_has_gap([x in there for x in ids]) for _, ids in due)
        if all(x in there for _, ids in due for x in ids):
            return {"delivered_after_s": (now_ms() - back) / 1000, "out_of_order": disorder}
        await asyncio.sleep(0.2)
    return {"delivered_after_s": None, "out_of_order": disorder}


def _closed(row: Row) -> bool:
    return row.state == "closed"


def _has_gap(there: list[bool]) -> bool:
    """Whether a later turn came before an earlier one."""
    return there != sorted(there, reverse=True)


# --- the ways in which storage goes away ------------------------------------------------------


def _service(house: House) -> Switch:
    async def begin() -> None:
        house.take_down("profile")

    async def end() -> None:
        house.start_named("profile")
        await house.ready("profile")

    return begin, end


def _server(postgres: Postgres | None) -> Switch:
    assert postgres is not None

    async def begin() -> None:
        await asyncio.to_thread(postgres, "stop")

    async def end() -> None:
        await asyncio.to_thread(postgres, "start")

    return begin, end


def _lock(house: House, held: ExitStack) -> Switch:
    path = house.state / "avatar.sqlite3"
    holders: list[subprocess.Popen[str]] = []

    async def begin() -> None:
        holder = subprocess.Popen(  # noqa: ASYNC220 (it starts at once)
            [sys.executable, "-c", _LOCK, str(path)],
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        held.enter_context(holder)
        held.callback(holder.kill)
        holders.append(holder)
        assert holder.stdout is not None
        await asyncio.to_thread(holder.stdout.readline)
        with contextlib.closing(sqlite3.connect(path, timeout=0.1)) as probe:
            try:
                probe.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return
        raise RuntimeError("the database is not locked")

    async def end() -> None:
        holders[0].kill()
        holders[0].wait()

    return begin, end


def on_a_small_disk(seconds: float, people: int) -> dict[str, Any]:
    """Runs `_main` in a namespace of its own: no mount is left behind, whatever ends this."""
    inside = (
        'mount -t tmpfs -o size="$1"m none "$2" && shift && exec "$0" -m resilience.outages "$@"'
    )
    with tempfile.TemporaryDirectory(prefix="avatar-disk-") as disk:
        done = subprocess.run(
            [
                "unshare",
                "--map-root-user",
                "--mount",
                "sh",
                "-c",
                inside,
                sys.executable,
                str(_DISK_MIB),
                disk,
                str(seconds),
                str(people),
            ],
            env={**os.environ, "PYTHONPATH": stack.python_path()},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            cwd=stack.ROOT,
        )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _filler(disk: Path | None) -> Switch:
    assert disk is not None
    filler = disk / "filler"

    async def begin() -> None:
        # To the last page: what is held back is held by the services themselves.
        with filler.open("wb") as file:
            size = 0
            for step in (2**20, 2**12):
                size = _grow(file.fileno(), size, step)

    async def end() -> None:
        filler.unlink()

    return begin, end


def _grow(file: int, size: int, step: int) -> int:
    with contextlib.suppress(OSError):
        while True:
            os.posix_fallocate(file, size, step)
            size += step
    return size


async def _full_disk(disk: Path, seconds: float, people: int) -> dict[str, Any]:
    async with House(state=disk, PROFILE_MIN_FREE_MIB="8").kept() as house:
        return await outage_in(house, "disk", seconds, people, seed=4, disk=disk)


if __name__ == "__main__":
    print(
        json.dumps(asyncio.run(_full_disk(Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))))
    )
