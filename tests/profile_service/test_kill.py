"""kill -9 at random moments of writing: files and rows agree, no turn is lost, none twice."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine
from turn_steps import send

from avatar_contract.records import TurnRecord
from profile_service.database import create_engine
from profile_service.tables import audio_files, audio_trash, turns

MOMENTS = {"sqlite": 200, "postgres": 50}
WRITERS = 3
MOST_ANSWERS = 7
"""A life ends after a random number of answers, however fast the machine is, and then a moment."""

LONGEST_MOMENT_S = 0.03


@dataclass
class Expected:
    """What the service said that it keeps, and what it had not answered yet."""

    kept: dict[UUID, int] = field(default_factory=dict)
    gone: set[UUID] = field(default_factory=set)
    unsure: list[TurnRecord] = field(default_factory=list)
    writing: set[UUID] = field(default_factory=set)
    answers: int = 0

    async def answered(self, more: int, working: asyncio.Future) -> None:
        """Return when the service has answered so many times more."""
        target = self.answers + more
        while self.answers < target:
            await asyncio.sleep(0.001)
            if working.done():
                working.result()

    def quiet(self) -> list[UUID]:
        """The turns that nobody is writing."""
        return list(self.kept.keys() - self.writing)


@pytest.fixture
def zygote(database_url: str, tmp_path: Path) -> Iterator[subprocess.Popen]:
    settings = {
        "PROFILE_DATABASE_URL": database_url,
        "AVATAR_HOME": str(tmp_path / "home"),
        "PROFILE_MIN_FREE_MIB": "0",
        "LOG_LEVEL": "ERROR",
    }
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "crash_zygote.py")],
        env=os.environ | settings,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as process:
        yield process
        process.stdin.close()


class Life:
    """One life of the service, from its fork to its kill."""

    def __init__(self, zygote: subprocess.Popen, path: str) -> None:
        self._zygote = zygote
        zygote.stdin.write(path + "\n")
        self.pid = int(zygote.stdout.readline())
        transport = httpx.AsyncHTTPTransport(uds=path, verify=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://profile", timeout=60)

    async def ready(self) -> None:
        while True:
            try:
                if (await self.client.get("/health")).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.005)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self._zygote.stdin.write("killed\n")


async def put(client: httpx.AsyncClient, record: TurnRecord, wav: bytes) -> int:
    answer = await send(client, record, user_audio=wav, ai_audio=wav)
    assert answer.status_code == 200, answer.text
    return answer.json()["revision"]


async def delete(client: httpx.AsyncClient, turn_id: UUID, expected: Expected) -> None:
    # Until the answer says so it may be there or not.
    del expected.kept[turn_id]
    answer = await client.delete(f"/v1/turns/{turn_id}")
    assert answer.status_code == 200, answer.text
    expected.gone.add(turn_id)
    expected.answers += 1


async def write(
    client: httpx.AsyncClient,
    make: Callable[[], TurnRecord],
    wav: bytes,
    expected: Expected,
    chance: random.Random,
) -> None:
    """Write, revise and delete turns until the service is killed."""
    with contextlib.suppress(httpx.TransportError):
        while True:
            if len(expected.quiet()) > 5 and chance.random() < 0.4:
                await delete(client, chance.choice(expected.quiet()), expected)
            record = make()
            expected.writing.add(record.turn_id)
            for revision in range(chance.choice((1, 1, 2))):
                revised = record.model_copy(update={"revision": revision})
                expected.unsure.append(revised)
                expected.kept[record.turn_id] = await put(client, revised, wav)
                expected.unsure.remove(revised)
                expected.answers += 1
            expected.writing.discard(record.turn_id)


async def check(engine: AsyncEngine, home: Path, expected: Expected, names: set[str]) -> None:
    async with engine.connect() as connection:
        keys = set(await connection.scalars(sa.select(audio_files.c.key)))
        trash = set(await connection.scalars(sa.select(audio_trash.c.key)))
        rows = (await connection.execute(sa.select(turns))).mappings().all()
    assert names == keys, (names - keys, keys - names)
    assert trash == set()
    named = [row[key] for row in rows for key in ("user_audio_key", "ai_audio_key") if row[key]]
    assert sorted(named) == sorted(keys)
    utterances = [(row["session_id"], row["utterance_id"]) for row in rows]
    assert len(set(utterances)) == len(utterances)
    found = {row["turn_id"]: row["revision"] for row in rows}
    for turn_id, revision in expected.kept.items():
        assert found.get(turn_id, -1) >= revision
    assert not expected.gone & found.keys()


@pytest.mark.timeout(900)
async def test_killed_at_random_moments(
    zygote: subprocess.Popen,
    database_kind: str,
    database_url: str,
    tmp_path: Path,
    make_record: Callable[..., TurnRecord],
    make_wav: Callable[..., bytes],
    files_of: Callable[[Path], set[str]],
) -> None:
    chance = random.Random(20_260_504)
    expected, wav = Expected(), make_wav(0.1)
    engine = create_engine(database_url)
    session = uuid4()
    for moment in range(MOMENTS[database_kind]):
        life = Life(zygote, str(tmp_path / f"{moment}.sock"))
        await life.ready()
        await check(engine, tmp_path / "home", expected, files_of(tmp_path / "home"))
        # What was not answered is sent again, as the gateway's spool does.
        again, expected.unsure, expected.writing = expected.unsure, [], set()
        for record in again:
            expected.kept[record.turn_id] = await put(life.client, record, wav)
        if moment % 20 == 19:
            session = uuid4()
        writers = [
            write(life.client, partial(make_record, session), wav, expected, chance)
            for _ in range(WRITERS)
        ]
        working = asyncio.gather(*writers)
        await expected.answered(chance.randint(0, MOST_ANSWERS), working)
        await asyncio.sleep(chance.uniform(0, LONGEST_MOMENT_S))
        life.kill()
        await working
        await life.client.aclose()
    life = Life(zygote, str(tmp_path / "last.sock"))
    await life.ready()
    await check(engine, tmp_path / "home", expected, files_of(tmp_path / "home"))
    life.kill()
    await life.client.aclose()
    await engine.dispose()
    assert len(expected.kept) + len(expected.gone) > MOMENTS[database_kind]
    assert len(expected.gone) > MOMENTS[database_kind] // 20
