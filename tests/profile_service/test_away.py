"""A database that is slow, locked, stopped or hung: everything ends in time, and goes on after."""

import asyncio
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import make_url
from turn_steps import send

from avatar_contract.errors import ProfileUnavailable
from avatar_contract.records import TurnRecord
from profile_service import app as service
from profile_service.database import UNHURRIED, Database, create_engine, sqlite_url
from profile_service.settings import Settings

Records = Callable[..., TurnRecord]
Waves = Callable[..., bytes]

LIMIT_S = 1.0
IN_TIME_S = LIMIT_S + 2
"""What the settings promise."""

BUSY_MACHINE_S = 10


class Postgres:
    """A server of these tests' own, which can be stopped and paused."""

    def __init__(self, keeper: subprocess.Popen) -> None:
        self._keeper = keeper
        self.url = keeper.stdout.readline().strip()

    def __call__(self, command: str) -> None:
        self._keeper.stdin.write(command + "\n")
        self._keeper.stdin.flush()
        assert self._keeper.stdout.readline() == "done\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "pg_keeper.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as keeper:
        yield Postgres(keeper)
        keeper.stdin.close()


@pytest.fixture
def postgres(server: Postgres) -> Iterator[Postgres]:
    """It runs before and after, whatever the test does to it."""
    yield server
    server("resume")
    server("start")


def settings_of(url: str, home: Path, **given: Any) -> Settings:
    return Settings(
        database_url=url,
        home=home,
        min_free_mib=0,
        reserve_mib=0,
        housekeeping_s=3600,
        database_timeout_s=LIMIT_S,
        pulse_s=0.05,
        **given,
    )


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = service.build(settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://p") as client,
    ):
        yield client


async def kept(client: httpx.AsyncClient, record: TurnRecord, **files: bytes) -> dict[str, Any]:
    """The turn, once it is taken: a gateway's spool tries again, too, where the machine is slow."""
    async with asyncio.timeout(60):
        while (answer := await send(client, record, **files)).status_code == 503:
            pass
        assert answer.status_code == 200, answer.text
        return answer.json()


async def health(client: httpx.AsyncClient, status: str) -> dict[str, Any]:
    """What /health says when it says `status`; it says it soon, and each answer is quick."""
    async with asyncio.timeout(IN_TIME_S + BUSY_MACHINE_S):
        while True:
            async with asyncio.timeout(5):
                answer = await client.get("/health")
            found = answer.json()
            assert answer.status_code == (200 if found["status"] in ("ok", "degraded") else 503)
            if found["status"] == status:
                return found
            await asyncio.sleep(0.02)


def all_routes(client: httpx.AsyncClient, record: TurnRecord, wav: bytes) -> list[Any]:
    moment = record.created_at.isoformat()
    token = {"token_hash": "a" * 64, "expires_at": moment}
    return [
        send(client, record),
        send(client, record, user_audio=wav, ai_audio=wav),
        client.get("/v1/turns", params={"utterance_id": str(uuid4())}),
        client.get(f"/v1/turns/{record.turn_id}"),
        client.get(f"/v1/turns/{record.turn_id}/audio/user"),
        client.delete(f"/v1/turns/{record.turn_id}"),
        client.get("/v1/conversations"),
        client.get("/v1/conversations", params={"q": "weather"}),
        client.get(f"/v1/conversations/{record.session_id}"),
        client.get(f"/v1/conversations/{record.session_id}/export"),
        client.put(f"/v1/conversations/{record.session_id}", json={"title": "x"}),
        client.delete(f"/v1/conversations/{record.session_id}"),
        client.post("/v1/sessions/claim", json=token),
        client.put(f"/v1/sessions/{record.session_id}/token", json=token),
        client.get("/v1/voice-profiles"),
        client.get(f"/v1/voice-profiles/{uuid4()}"),
        client.delete(f"/v1/voice-profiles/{uuid4()}"),
    ]


async def all_refused(calls: list[Any]) -> None:
    began = time.monotonic()
    answers = await asyncio.gather(*calls)
    took = time.monotonic() - began
    for answer in answers:
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (503, "PROFILE_UNAVAILABLE"), problem
        assert problem["retryable"]
    assert took < IN_TIME_S + BUSY_MACHINE_S


async def test_a_sqlite_file_that_somebody_keeps_locked(
    tmp_path: Path, make_record: Records, make_wav: Waves
) -> None:
    path, wav = tmp_path / "avatar.sqlite3", make_wav(0.1)
    before, record = make_record(), make_record()
    async with serving(settings_of(sqlite_url(path), tmp_path)) as client:
        await kept(client, before)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        writes = [send(client, make_record(), user_audio=wav) for _ in range(8)]
        writes += [client.delete(f"/v1/turns/{before.turn_id}"), send(client, record, ai_audio=wav)]
        await all_refused(writes)
        found = await health(client, "degraded")
        assert "locked" in found["detail"]
        assert (await client.get(f"/v1/turns/{before.turn_id}")).status_code == 200, "reads go on"
        other.execute("ROLLBACK")
        assert (await kept(client, record, ai_audio=wav))["ai_audio_ms"] == 100
        assert (await health(client, "ok"))["detail"] is None
        other.close()


@pytest.mark.parametrize(("away", "back"), [("stop", "start"), ("pause", "resume")])
async def test_a_postgres_that_is_stopped_or_hangs(
    postgres: Postgres,
    tmp_path: Path,
    make_record: Records,
    make_wav: Waves,
    files_of: Callable,
    away: str,
    back: str,
) -> None:
    record, wav = make_record(), make_wav(0.1)
    async with serving(settings_of(postgres.url, tmp_path)) as client:
        await kept(client, record, user_audio=wav)
        await asyncio.to_thread(postgres, away)
        for _ in range(2):
            await all_refused(all_routes(client, record, wav))
        found = await health(client, "failed")
        assert "database" in found["detail"]
        await asyncio.to_thread(postgres, back)
        await health(client, "ok")
        await asyncio.gather(*(send(client, record, ai_audio=wav) for _ in range(9)))
        view = await kept(client, record, ai_audio=wav)
        assert (view["user_audio_ms"], view["ai_audio_ms"]) == (100, 100)
        async with asyncio.timeout(10):
            while len(files_of(tmp_path)) > 2:
                await asyncio.sleep(0.02)
        assert len(files_of(tmp_path)) == 2
        for path in ("/v1/conversations", "/v1/voice-profiles"):
            assert (await client.get(path)).status_code == 200


async def test_what_was_committed_as_the_database_went_is_there_after(
    postgres: Postgres,
    tmp_path: Path,
    make_record: Records,
    make_wav: Waves,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The file of a commit whose outcome could not be asked is published later."""
    record, settings = make_record(), settings_of(postgres.url, tmp_path)
    async with serving(settings.model_copy(update={"database_timeout_s": 20})) as client:
        parts = client._transport.app.state.parts
        known = parts.vault._known

        async def gone(keys: list[str]) -> set[str]:
            if parts.database.answers:
                await asyncio.to_thread(postgres, "stop")
            return await known(keys)

        monkeypatch.setattr(parts.vault, "_known", gone)
        assert (await send(client, record, user_audio=make_wav())).status_code == 503
        monkeypatch.undo()
        await health(client, "failed")
        assert list(parts.vault.store.files()) == []
        await asyncio.to_thread(postgres, "start")
        await health(client, "ok")
        async with asyncio.timeout(5):
            while not list(parts.vault.store.files()):
                await asyncio.sleep(0.02)
        sound = await client.get(f"/v1/turns/{record.turn_id}/audio/user")
        assert sound.status_code == 200


async def test_starting_while_the_database_is_away(
    postgres: Postgres, tmp_path: Path, make_record: Records
) -> None:
    await asyncio.to_thread(postgres, "stop")
    async with serving(settings_of(postgres.url, tmp_path)) as client:
        found = await health(client, "loading")
        assert "database" in found["detail"]
        await all_refused([send(client, make_record()), client.get("/v1/conversations")])
        await asyncio.to_thread(postgres, "start")
        await health(client, "ok")
        await kept(client, make_record())


async def test_a_start_that_fails_after_its_wait_says_so(
    postgres: Postgres, tmp_path: Path
) -> None:
    await asyncio.to_thread(postgres, "stop")
    async with serving(settings_of(postgres.url, tmp_path)) as client:
        await health(client, "loading")
        (tmp_path / "raw").write_text("a file where a folder should be")
        await asyncio.to_thread(postgres, "start")
        assert "raw" in (await health(client, "failed"))["detail"]


async def test_a_start_that_waits_can_be_ended(postgres: Postgres, tmp_path: Path) -> None:
    await asyncio.to_thread(postgres, "stop")
    async with asyncio.timeout(IN_TIME_S + BUSY_MACHINE_S):
        async with serving(settings_of(postgres.url, tmp_path)) as client:
            await health(client, "loading")


async def test_a_start_that_waited_also_waits_for_the_migration(
    postgres: Postgres, tmp_path: Path
) -> None:
    import asyncpg

    name = f"t{uuid4().hex}"
    connection = await asyncpg.connect(postgres.url)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    url = make_url(postgres.url).set(database=name).render_as_string(hide_password=False)
    await asyncio.to_thread(postgres, "stop")
    settings = settings_of(url, tmp_path)
    async with serving(settings.model_copy(update={"migrate": False})) as client:
        await health(client, "loading")
        await asyncio.to_thread(postgres, "start")
        async with asyncio.timeout(IN_TIME_S + BUSY_MACHINE_S):
            while "profile_service.migrate" not in (await health(client, "loading"))["detail"]:
                await asyncio.sleep(0.02)
        async with service.running(settings):
            await health(client, "ok")


async def test_what_is_long_is_not_taken_for_what_hangs(tmp_path: Path) -> None:
    """Each statement of a patient transaction has a limit of its own, the others share one."""
    slow = (
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 200000) "
        "SELECT max(x) FROM n"
    )
    url = sqlite_url(tmp_path / "avatar.sqlite3")
    database = Database(create_engine(url, limit_s=30), limit_s=30)
    async with database.read() as connection:
        began = time.monotonic()
        await connection.exec_driver_sql(slow)
        took = time.monotonic() - began
    await database.close()
    database = Database(create_engine(url, limit_s=took), limit_s=took)

    async def do(times: int, patient: int) -> None:
        async with database.read(patient=patient) as connection:
            for _ in range(times):
                await connection.exec_driver_sql(slow)

    with pytest.raises(ProfileUnavailable):
        await do(50, 0)
    await do(5, UNHURRIED)
    await database.close()
