"""Backups: taken while turns come and go, restored into an empty place, compared whole."""

import asyncio
import gzip
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from avatar_contract.audio import read_wav, wav_bytes
from avatar_contract.errors import BadMessage, Conflict, NotFound
from avatar_contract.records import (
    Consent,
    SessionClaim,
    SessionState,
    TurnRecord,
    VoiceProfileChange,
)
from profile_service import migrate
from profile_service.api.common import Parts
from profile_service.app import running
from profile_service.backup import rows, work
from profile_service.backup.archive import Archive
from profile_service.database import create_engine, sqlite_url
from profile_service.settings import Settings
from profile_service.tables import search_entries
from profile_service.turns import Wavs
from profile_service.voices import Upload

LATER = datetime.now(UTC) + timedelta(days=1)
SPEECH = Path(__file__).parents[1] / "data" / "speech"
Records = Callable[..., TurnRecord]
Waves = Callable[..., bytes]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def settings(new_database: Callable[..., str], home: Path) -> Settings:
    return Settings(
        database_url=new_database(), home=home, min_free_mib=0, reserve_mib=0, housekeeping_s=3600
    )


@pytest.fixture
def elsewhere(new_database: Callable[..., str], tmp_path: Path) -> Callable[..., Settings]:
    """Empty places: a database without even a schema, and a folder."""

    def make(url: str | None = None) -> Settings:
        return Settings(
            database_url=url or new_database(migrated=False),
            home=tmp_path / f"restored-{uuid4().hex}",
            min_free_mib=0,
            reserve_mib=0,
            housekeeping_s=3600,
        )

    return make


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "backups")


async def fill(parts: Parts, make_record: Records, make_wav: Waves, turns: int = 4) -> list:
    records = []
    for n in range(turns):
        session = records[-1].session_id if n % 2 else uuid4()
        record = make_record(
            session,
            recognised_text=f"問題 {n}",
            edited_text=["x", None][n % 2],
            voice_profile_id=uuid4(),
            language="zh-TW",
            epoch=n + 1,
            session=SessionState(token_hash=f"{n:064x}", expires_at=LATER, config={"n": n}),
        )
        await parts.turns.put(
            "local", record.turn_id, record, Wavs(make_wav(0.1 * (n + 1)), make_wav(0.2))
        )
        records.append(record)
    await parts.conversations.rename("local", records[0].session_id, "旅行計畫")
    return records


async def add_voice(parts: Parts) -> None:
    clips = [
        read_wav((SPEECH / f"{n}.wav").read_bytes())[0] for n in ("hello", "weather", "coffee")
    ]
    consent = Consent(by="Ann", at=datetime.now(UTC), text="yes")
    upload = Upload(wav_bytes(b"".join(clips), 16_000), consent, "hello")
    voice = await parts.voices.create("local", "Ann", upload)
    change = VoiceProfileChange(is_default=True, embedding=[n / 256 for n in range(256)])
    await parts.voices.change("local", voice.id, change)


async def contents(settings: Settings) -> dict[str, Any]:
    """Everything that is kept: every row of every table, and every file's bytes."""
    engine = create_engine(settings.resolved_database_url())
    found: dict[str, Any] = {}
    async with engine.connect() as connection:
        for table in rows.TABLES:
            query = sa.select(table).order_by(*table.primary_key.columns)
            found[table.name] = [tuple(row) for row in await connection.execute(query)]
        columns = [column for column in search_entries.columns if column.name != "id"]
        entries = await connection.execute(sa.select(*columns))
        found["search"] = sorted(str(tuple(row)) for row in entries)
    await engine.dispose()
    files = [settings.home / kind for kind in ("raw", "tts", "profiles")]
    found["files"] = {
        str(path.relative_to(settings.home)): path.read_bytes()
        for folder in files
        for path in folder.rglob("*")
        if path.is_file()
    }
    return found


async def test_what_is_restored_is_what_was_kept(
    settings: Settings,
    elsewhere: Callable[..., Settings],
    archive: Archive,
    make_record: Records,
    make_wav: Waves,
) -> None:
    async with running(settings) as parts:
        records = await fill(parts, make_record, make_wav)
        await add_voice(parts)
        await parts.turns.delete("local", records.pop().turn_id)
        manifest = await work.backup(settings, archive)
    assert (manifest.files, manifest.new_files, manifest.damaged) == (8, 8, [])
    assert (manifest.rows["turns"], manifest.rows["sessions"]) == (3, 2)
    assert manifest.rows["session_tokens"] == 4
    assert work.verify(archive) == []
    there = elsewhere()
    assert await work.restore(there, archive) == manifest
    assert await contents(there) == await contents(settings)
    async with running(there) as parts:
        assert await parts.vault.mend() == (0, 0)
        assert len((await parts.conversations.page("local", 9, None, "問題")).items) == 1
        assert len((await parts.conversations.page("local", 9, None, "計畫")).items) == 1
        claim = SessionClaim(token_hash=f"{1:064x}", expires_at=LATER)
        assert (await parts.sessions.claim("local", claim)).epoch == 3
        record = make_record(records[0].session_id)
        view = await parts.turns.put("local", record.turn_id, record, Wavs(make_wav()))
        assert view.turn_number == 3


async def test_from_one_database_to_the_other(
    settings: Settings,
    database_kind: str,
    elsewhere: Callable[..., Settings],
    archive: Archive,
    make_record: Records,
    make_wav: Waves,
    tmp_path: Path,
) -> None:
    """What was kept on Postgres comes back on SQLite, and then on the first kind again."""
    async with running(settings) as parts:
        await fill(parts, make_record, make_wav)
        await add_voice(parts)
        await work.backup(settings, archive)
    on_sqlite = elsewhere(sqlite_url(tmp_path / "other.sqlite3"))
    await work.restore(on_sqlite, archive)
    assert await contents(on_sqlite) == await contents(settings)
    second = Archive(tmp_path / "second")
    await work.backup(on_sqlite, second)
    back = elsewhere()
    await work.restore(back, second)
    assert await contents(back) == await contents(settings)


def as_of_0002(archive: Archive) -> None:
    """Make a snapshot what the program of schema 0002 would have taken."""
    manifest = archive.manifest(None)
    path, tables = archive.rows(manifest.name), dict[str, list[str]]()
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            if line.startswith("{"):
                heading = json.loads(line)
                name, columns = heading["table"], heading["columns"]
                dropped = [columns.index("epoch")] if name == "turns" else []
                lines = tables.setdefault(name, [])
                kept = [column for column in columns if column != "epoch" or not dropped]
                lines.append(json.dumps({"table": name, "columns": kept}) + "\n")
                continue
            row = json.loads(line)
            values = [value for at, value in enumerate(row) if at not in dropped]
            lines.append(json.dumps(values) + "\n")
    for name in ("sessions", "session_tokens"):
        del tables[name]
        del manifest.rows[name]
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(line for lines in tables.values() for line in lines)
    older = {"schema_revision": "0002", "rows_sha256": sha256(path.read_bytes()).hexdigest()}
    text = manifest.model_copy(update=older).model_dump_json()
    path.with_name("manifest.json").write_text(text)


async def test_a_backup_of_an_older_schema_comes_back(
    settings: Settings,
    elsewhere: Callable[..., Settings],
    archive: Archive,
    make_record: Records,
    make_wav: Waves,
) -> None:
    async with running(settings) as parts:
        records = await fill(parts, make_record, make_wav)
        await work.backup(settings, archive)
    as_of_0002(archive)
    there, empty = elsewhere(), elsewhere()
    engine = create_engine(empty.resolved_database_url())
    await migrate.upgrade(engine, "0002")
    await engine.dispose()
    for place in (there, empty):
        await work.restore(place, archive)
        async with running(place) as parts:
            found = await parts.conversations.page("local", 9, None, "問題")
            assert len(found.items) == 2
            view = await parts.turns.get("local", records[3].turn_id)
            assert (view.recognised_text, view.user_audio_ms) == ("問題 3", 400)


async def test_only_new_audio_is_copied(
    settings: Settings, archive: Archive, make_record: Records, make_wav: Waves
) -> None:
    async with running(settings) as parts:
        await fill(parts, make_record, make_wav, 2)
        first = await work.backup(settings, archive)
        await fill(parts, make_record, make_wav, 1)
        second = await work.backup(settings, archive)
        third = await work.backup(settings, archive)
    assert [first.new_files, second.new_files, third.new_files] == [4, 2, 0]
    assert [first.files, second.files, third.files] == [4, 6, 6]
    assert archive.names() == [first.name, second.name, third.name]


@asynccontextmanager
async def busy(parts: Parts, make_record: Records, make_wav: Waves) -> AsyncIterator[None]:
    """Turns are written, replaced and deleted all the time."""
    session, wav, enough = uuid4(), make_wav(0.05), asyncio.Event()

    async def work_on() -> None:
        while not enough.is_set():
            record = make_record(session)
            for revision in range(3):
                revised = record.model_copy(update={"revision": revision})
                await parts.turns.put("local", record.turn_id, revised, Wavs(wav, wav))
            other = make_record()
            await parts.turns.put("local", other.turn_id, other, Wavs(wav))
            await parts.conversations.delete("local", other.session_id)
            await parts.turns.delete("local", record.turn_id)

    tasks = [asyncio.create_task(work_on()) for _ in range(3)]
    yield
    enough.set()
    await asyncio.gather(*tasks)


async def test_a_backup_while_turns_come_and_go(
    settings: Settings,
    elsewhere: Callable[..., Settings],
    archive: Archive,
    make_record: Records,
    make_wav: Waves,
) -> None:
    async with running(settings) as parts:
        records = await fill(parts, make_record, make_wav)
        async with busy(parts, make_record, make_wav):
            for _ in range(3):
                run = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "profile_service.backup",
                    "backup",
                    str(archive.root),
                    env=environment(settings),
                    stdout=asyncio.subprocess.DEVNULL,
                )
                assert await run.wait() == 0
    for name in archive.names():
        assert work.verify(archive, name) == []
    there = elsewhere()
    manifest = await work.restore(there, archive)
    async with running(there) as parts:
        assert await parts.vault.mend() == (0, 0)
        for record in records:
            assert (await parts.turns.get("local", record.turn_id)).user_audio_ms
    assert manifest.files == len((await contents(there))["files"])


async def test_prune(
    settings: Settings,
    elsewhere: Callable[..., Settings],
    archive: Archive,
    make_record: Records,
    make_wav: Waves,
) -> None:
    kept = []
    async with running(settings) as parts:
        for _ in range(4):
            [record] = await fill(parts, make_record, make_wav, 1)
            await work.backup(settings, archive)
            kept.append(await contents(settings))
            await parts.turns.delete("local", record.turn_id)
    names, now = archive.names(), datetime.now(UTC)
    assert archive.prune(1, timedelta(days=1), now) == []
    assert archive.prune(2, None, now) == names[:2]
    assert len(list((archive.root / "audio").rglob("*.ogg"))) == 4
    assert work.verify(archive, names[2]) == []
    there = elsewhere()
    await work.restore(there, archive, names[2])
    assert await contents(there) == kept[2]
    assert archive.prune(0, timedelta(0), now + timedelta(days=1)) == names[2:3]
    with pytest.raises(NotFound):
        archive.manifest(names[2])


async def test_restoring_needs_an_empty_place(
    settings: Settings,
    elsewhere: Callable[..., Settings],
    archive: Archive,
    make_record: Records,
    make_wav: Waves,
) -> None:
    async with running(settings) as parts:
        await fill(parts, make_record, make_wav, 1)
        await work.backup(settings, archive)
    with pytest.raises(Conflict, match="empty"):
        await work.restore(settings, archive)
    there = elsewhere()
    with pytest.raises(Conflict, match="empty"):
        await work.restore(there.model_copy(update={"home": settings.home}), archive)
    await work.restore(there, archive)


async def test_a_damaged_backup_is_refused_and_leaves_nothing(
    settings: Settings,
    elsewhere: Callable[..., Settings],
    archive: Archive,
    make_record: Records,
    make_wav: Waves,
) -> None:
    async with running(settings) as parts:
        await fill(parts, make_record, make_wav, 1)
        manifest = await work.backup(settings, archive)
    [path, _] = sorted((archive.root / "audio").rglob("*.ogg"))
    data = path.read_bytes()
    for damage, error in ((data[:-1] + b"?", BadMessage), (None, NotFound)):
        path.unlink()
        if damage is not None:
            path.write_bytes(damage)
        assert len(work.verify(archive)) == 1
        there = elsewhere()
        with pytest.raises(error):
            await work.restore(there, archive)
        assert (await contents(there))["files"] == {}
        assert (await contents(there))["turns"] == []
    path.write_bytes(data)
    rows_file = archive.rows(manifest.name)
    rows_file.write_bytes(rows_file.read_bytes()[:-9])
    with pytest.raises(BadMessage):
        await work.restore(elsewhere(), archive)


async def test_a_file_that_was_lost_is_named(
    settings: Settings,
    elsewhere: Callable[..., Settings],
    archive: Archive,
    make_record: Records,
    make_wav: Waves,
    home: Path,
) -> None:
    async with running(settings) as parts:
        [record] = await fill(parts, make_record, make_wav, 1)
        [lost] = (home / "raw").rglob("*.ogg")
        lost.unlink()
        manifest = await work.backup(settings, archive)
    assert manifest.damaged == [lost.relative_to(home).as_posix()]
    there = elsewhere()
    await work.restore(there, archive)
    async with running(there) as parts:
        await parts.vault.mend()
        view = await parts.turns.get("local", record.turn_id)
    assert (view.user_audio_ms, view.ai_audio_ms) == (None, 200)


def environment(settings: Settings) -> dict[str, str]:
    return os.environ | {
        "PROFILE_DATABASE_URL": settings.resolved_database_url(),
        "AVATAR_HOME": str(settings.home),
    }


def command(settings: Settings, *arguments: str) -> tuple[int, Any, str]:
    run = subprocess.run(
        [sys.executable, "-m", "profile_service.backup", *arguments],
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return run.returncode, json.loads(run.stdout) if run.stdout else None, run.stderr


async def test_the_commands(
    settings: Settings,
    elsewhere: Callable[..., Settings],
    archive: Archive,
    make_record: Records,
    make_wav: Waves,
) -> None:
    async with running(settings) as parts:
        await fill(parts, make_record, make_wav, 1)
    folder, there = str(archive.root), elsewhere()
    for _ in range(2):
        status, taken, _ = command(settings, "backup", folder)
        assert (status, taken["rows"]["turns"]) == (0, 1)
    status, pruned, _ = command(settings, "prune", folder, "--keep", "1")
    assert (status, pruned["kept"]) == (0, [taken["name"]])
    status, restored, _ = command(there, "restore", folder)
    assert (status, restored["name"]) == (0, taken["name"])
    assert await contents(there) == await contents(settings)
    status, answer, said = command(there, "restore", folder)
    assert (status, answer) == (1, None)
    assert "empty" in said
    (archive.root / "audio" / "raw").rename(archive.root / "gone")
    status, verified, _ = command(settings, "verify", folder)
    assert status == 3
    assert len(verified["wrong"]) == 1
    assert command(settings, "list", str(archive.root / "none"))[:2] == (0, [])
