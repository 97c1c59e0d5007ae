"""The audio store, and its agreement with the database: crashes, full disks, quotas, retention."""

import asyncio
import dataclasses
import errno
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from turn_steps import put, send

from avatar_contract.errors import NotFound, ProfileUnavailable, StorageFull
from avatar_contract.records import TurnRecord
from profile_service import app as service
from profile_service.api.common import Parts
from profile_service.backends.folder import FolderStore
from profile_service.database import Database, create_engine
from profile_service.housekeeping import Housekeeper, Retention
from profile_service.settings import Settings
from profile_service.tables import audio_files

Records = Callable[..., TurnRecord]
Waves = Callable[..., bytes]

KEY, OTHER = "raw/ab/one.ogg", "profiles/cd/two.wav"
NOW = datetime(2026, 5, 4, tzinfo=UTC)


def read(store: FolderStore, key: str) -> bytes:
    with store.read(key) as file:
        return file.read()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FolderStore]:
    made = FolderStore(tmp_path)
    made.open()
    yield made
    made.close()


def test_a_file_goes_from_staged_to_published_to_removed(
    store: FolderStore, tmp_path: Path
) -> None:
    store.stage(KEY, b"sound")
    assert list(store.files()) == []
    assert read(store, KEY) == b"sound", "its row may be there already"
    for _ in range(2):
        store.publish([KEY])
        assert [(file.key, file.size) for file in store.files()] == [(KEY, 5)]
        assert (tmp_path / KEY).read_bytes() == read(store, KEY) == b"sound"
    for _ in range(2):
        store.remove([KEY])
        with pytest.raises(FileNotFoundError):
            store.read(KEY)
    store.stage(OTHER, b"x")
    store.discard([OTHER, KEY])
    with pytest.raises(FileNotFoundError):
        store.read(OTHER)


def test_a_voices_folder_comes_and_goes_with_its_files(store: FolderStore, tmp_path: Path) -> None:
    """Two threads, one that publishes and one that removes, in the same folder."""
    keys = [f"profiles/one/{n}.wav" for n in range(150)]

    def publish() -> None:
        for key in keys:
            store.stage(key, b"x")
            store.publish([key])

    def remove() -> None:
        for key in keys:
            while not (tmp_path / key).exists():
                pass
            store.remove([key])

    with ThreadPoolExecutor(2) as threads:
        for work in [threads.submit(publish), threads.submit(remove)]:
            work.result(60)
    assert list(store.files()) == []
    assert not (tmp_path / "profiles" / "one").exists()


@pytest.mark.parametrize("key", ["../x", "raw", "/etc/passwd", "raw/../../x", "other/x", ""])
def test_a_key_stays_in_its_place(store: FolderStore, key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        store.read(key)


def test_the_dead_are_recovered_and_the_living_are_left(tmp_path: Path, store: FolderStore) -> None:
    store.stage(KEY, b"mine")
    dead = FolderStore(tmp_path)
    dead.open()
    dead.stage("raw/ab/kept.ogg", b"kept")
    dead.stage("raw/ab/lost.ogg", b"lost")
    (next(path for path in (tmp_path / "staging").glob("*/*lost*")).with_suffix(".part")).touch()
    os.close(dead._lock_fd)  # what the end of its process does
    asked: list[list[str]] = []

    def kept(keys: list[str]) -> set[str]:
        asked.append(sorted(keys))
        return {"raw/ab/kept.ogg"}

    for _ in range(2):
        store.recover(kept)
    assert len(asked) == 1
    assert [file.key for file in store.files()] == ["raw/ab/kept.ogg"]
    assert read(store, KEY) == b"mine"
    assert len([path for path in (tmp_path / "staging").iterdir() if path.is_dir()]) == 1


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    """A real limit on the size of files, in a process of its own."""
    script = """
        import resource, signal, sys
        from pathlib import Path
        from avatar_contract.errors import StorageFull
        from profile_service.backends.folder import FolderStore
        store = FolderStore(Path(sys.argv[1]))
        store.open()
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        store.stage("raw/a/small.ogg", bytes(900))
        try:
            store.stage("raw/a/large.ogg", bytes(5000))
        except StorageFull as error:
            print(error.status)
        store.publish(["raw/a/small.ogg"])
        store.close()
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "507\n"
    files = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {"small.ogg", ".lock", ".removals"}


class FullDisk(FolderStore):
    """A folder whose disk is full after so many files."""

    left = 1

    def stage(self, key: str, data: bytes) -> None:
        if self.left == 0:
            raise StorageFull("full") from OSError(errno.ENOSPC, "no space")
        self.left -= 1
        super().stage(key, data)


async def test_a_sound_that_does_not_fit_is_left_out_until_it_does(
    settings: Settings,
    make_record: Records,
    make_wav: Waves,
    files_of: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(service.STORES, "folder", FullDisk)
    record = make_record()
    async with service.running(settings) as parts:
        view = await put(parts, record, user=make_wav(), ai=make_wav())
        assert (view.ai_text, view.user_audio_ms, view.ai_audio_ms) == ("It is fine.", 400, None)
        assert len(files_of(settings.home)) == 1
        other = record.model_copy(update={"ai_text": "other words"})
        parts.vault.store.left = 9
        assert (await put(parts, other, ai=make_wav())).ai_audio_ms is None
        view = await put(parts, record, user=make_wav(9), ai=make_wav())
        assert (view.user_audio_ms, view.ai_audio_ms) == (400, 400)
        assert view == await parts.turns.get("local", record.turn_id)
        assert len(files_of(settings.home)) == 2


async def test_the_quota_is_a_wall(
    settings: Settings, make_record: Records, make_wav: Waves, files_of: Callable
) -> None:
    settings = settings.model_copy(update={"quota_mib": 1})
    app = service.build(settings)
    lengths = []
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://p") as client,
    ):
        for _ in range(6):
            record = make_record()
            answer = await send(client, record, user_audio=make_wav(60))
            assert answer.status_code == 200, "words need no quota"
            lengths.append(answer.json()["user_audio_ms"])
        await app.state.parts.vault.look()
        health = (await client.get("/health")).json()
        assert health["status"] == "degraded"
        assert "quota" in health["detail"]
        kept = lengths.index(None)
        assert lengths == [60_000] * kept + [None] * (6 - kept)
        await client.delete(f"/v1/turns/{record.turn_id}")
        conversation = (await client.get("/v1/conversations")).json()["items"][-1]["id"]
        await client.delete(f"/v1/conversations/{conversation}")
        health = (await client.get("/health")).json()
        assert (health["status"], health["detail"]) == ("ok", None)
    total = sum((settings.home / name).stat().st_size for name in files_of(settings.home))
    assert total <= 2**20


async def test_a_nearly_full_disk_is_not_filled(
    settings: Settings, make_record: Records, make_wav: Waves
) -> None:
    async with service.running(settings.model_copy(update={"min_free_mib": 10**9})) as parts:
        view = await put(parts, make_record(), user=make_wav())
        assert view.user_audio_ms is None


async def test_a_full_database_is_an_error_of_storage(tmp_path: Path) -> None:
    database = Database(create_engine(f"sqlite:///{tmp_path}/small.sqlite3"))
    async with database.write() as connection:
        await connection.exec_driver_sql("CREATE TABLE t (x BLOB)")

    async def overfill() -> None:
        async with database.write() as connection:
            await connection.exec_driver_sql("PRAGMA max_page_count = 3")
            await connection.exec_driver_sql("INSERT INTO t VALUES (zeroblob(100000))")

    with pytest.raises(StorageFull):
        await overfill()
    async with database.read() as connection:
        assert await connection.scalar(sa.text("SELECT count(*) FROM t")) == 0
    await database.close()


async def test_a_database_that_is_away_says_so() -> None:
    database = Database(create_engine("postgresql://nobody@127.0.0.1:9/none"))
    with pytest.raises(ProfileUnavailable):
        async with database.read():
            pass
    with pytest.raises(ProfileUnavailable) as raised:
        async with database.write():
            pass
    assert isinstance(raised.value.__cause__, (OSError, OperationalError))
    await database.close()


async def test_health_follows_the_database(
    client: httpx.AsyncClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    health = await client.get("/health")
    assert (health.status_code, health.json()["status"]) == (200, "ok")

    away = Database(create_engine("postgresql://nobody@127.0.0.1:9/none"))
    await away.look()
    app = client._transport.app
    parts = app.state.parts
    app.state.parts = dataclasses.replace(parts, database=away)
    health = await client.get("/health")
    assert (health.status_code, health.json()["models"][0]["state"]) == (503, "failed")
    app.state.parts = parts
    await away.close()


async def test_orphans_and_losses_are_mended(
    parts: Parts, make_record: Records, make_wav: Waves, settings: Settings, files_of: Callable
) -> None:
    kept, loses = make_record(), make_record()
    for record in (kept, loses):
        await put(parts, record, user=make_wav())
    file = await parts.turns.audio("local", loses.turn_id, "user")
    (settings.home / file.key).unlink()
    orphan = settings.home / "tts" / "zz" / "orphan.ogg"
    orphan.parent.mkdir()
    orphan.write_bytes(b"x")
    with pytest.raises(NotFound):
        await parts.vault.read(file)
    assert await parts.vault.mend() == (1, 1)
    assert await parts.vault.mend() == (0, 0)
    assert len(files_of(settings.home)) == 1
    assert (await parts.turns.get("local", loses.turn_id)).user_audio_ms is None
    assert (await parts.turns.get("local", kept.turn_id)).user_audio_ms == 400


async def test_a_disk_that_is_not_mounted_makes_nothing_forgotten(
    parts: Parts, make_record: Records, make_wav: Waves, settings: Settings
) -> None:
    session = uuid4()
    records = [make_record(session, turn_number=n + 1) for n in range(25)]
    for record in records:
        await put(parts, record, user=make_wav(0.05))
    (settings.home / "raw").rename(settings.home / "away")
    assert await parts.vault.mend() == (0, 25)
    (settings.home / "away").rename(settings.home / "raw")
    assert await parts.vault.mend() == (0, 0)
    assert (await parts.turns.get("local", records[0].turn_id)).user_audio_ms == 50


async def test_a_removal_that_fails_is_done_later(
    parts: Parts,
    make_record: Records,
    make_wav: Waves,
    settings: Settings,
    files_of: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record = make_record()
    await put(parts, record, user=make_wav())
    with monkeypatch.context() as broken:

        def fail(_: object) -> None:
            raise OSError(errno.EIO, "broken")

        broken.setattr(parts.vault.store, "remove", fail)
        with pytest.raises(OSError, match="broken"):
            await parts.turns.delete("local", record.turn_id)
    assert len(files_of(settings.home)) == 1
    await parts.vault.empty_trash()
    assert files_of(settings.home) == set()


async def test_a_caller_that_goes_away_leaves_agreement(
    parts: Parts, make_record: Records, make_wav: Waves, settings: Settings, files_of: Callable
) -> None:
    wav = make_wav(0.3)
    for step in range(25):
        record = make_record()
        task = asyncio.create_task(put(parts, record, user=wav, ai=wav))
        for _ in range(step * 2):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await put(parts, make_record(), user=wav)
    async with create_engine(settings.resolved_database_url()).connect() as connection:
        keys = set(await connection.scalars(sa.select(audio_files.c.key)))
    await connection.engine.dispose()
    assert files_of(settings.home) == keys


async def test_reading_goes_on_while_it_is_deleted(
    parts: Parts, make_record: Records, make_wav: Waves
) -> None:
    record = make_record()
    await put(parts, record, user=make_wav())
    file = await parts.turns.audio("local", record.turn_id, "user")
    source: BinaryIO = await parts.vault.read(file)
    await parts.turns.delete("local", record.turn_id)
    with source:
        assert len(source.read()) == file.size


@pytest.fixture
async def aged(parts: Parts, make_record: Records, make_wav: Waves) -> list[TurnRecord]:
    """Turns of 1, 2, 3 and 4 days before NOW, each with a second of sound."""
    records = [make_record(created_at=NOW - timedelta(days=days)) for days in (1, 2, 3, 4)]
    for record in records:
        await put(parts, record, user=make_wav(1.0))
    async with parts.vault._database.write() as connection:
        for record in records:
            file = await parts.turns.audio("local", record.turn_id, "user")
            await connection.execute(
                sa.update(audio_files)
                .where(audio_files.c.key == file.key)
                .values(created_at=record.created_at)
            )
    return records


def housekeeper(parts: Parts, **retention: float) -> Housekeeper:
    return Housekeeper(parts.vault._database, parts.vault, Retention(**retention))


async def lengths(parts: Parts, records: list[TurnRecord]) -> list[float | None]:
    return [(await parts.turns.get("local", r.turn_id)).user_audio_ms for r in records]


async def test_old_audio_goes_and_words_stay(
    parts: Parts, aged: list[TurnRecord], settings: Settings, files_of: Callable
) -> None:
    await housekeeper(parts, audio_days=2.5).round(NOW)
    assert await lengths(parts, aged) == [1000, 1000, None, None]
    assert len(files_of(settings.home)) == 2
    page = await parts.conversations.page("local", 9, None, "weather")
    assert len(page.items) == 4


async def test_the_oldest_audio_beyond_the_size_goes(
    parts: Parts, aged: list[TurnRecord], settings: Settings, files_of: Callable
) -> None:
    sizes = [(settings.home / name).stat().st_size for name in files_of(settings.home)]
    await housekeeper(parts, audio_bytes=sum(sizes) - 1).round(NOW)
    assert await lengths(parts, aged) == [1000, 1000, 1000, None]
    await housekeeper(parts, audio_bytes=1).round(NOW)
    assert files_of(settings.home) == set()
    assert parts.vault.used_bytes == 0


async def test_old_turns_go_wholly(
    parts: Parts, aged: list[TurnRecord], settings: Settings, files_of: Callable
) -> None:
    await housekeeper(parts, turn_days=1.5).round(NOW)
    page = await parts.conversations.page("local", 9, None, None)
    assert [item.id for item in page.items] == [aged[0].session_id]
    assert len(files_of(settings.home)) == 1


async def test_the_service_keeps_house_by_itself(
    settings: Settings, make_record: Records, make_wav: Waves, files_of: Callable
) -> None:
    settings = settings.model_copy(update={"audio_days": 1e-9, "housekeeping_s": 0.01})
    async with service.running(settings) as parts:
        record = make_record()
        await put(parts, record, user=make_wav())
        async with asyncio.timeout(30):
            while (await parts.turns.get("local", record.turn_id)).user_audio_ms is not None:
                await asyncio.sleep(0.01)
            while files_of(settings.home):
                await asyncio.sleep(0.01)
