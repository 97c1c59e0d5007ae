"""The spool on a real disk: what is kept survives, in order, once, and words before sound."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from avatar_contract.errors import BadMessage, Conflict, Internal, ProfileUnavailable
from avatar_contract.records import TurnRecord, TurnView
from gateway.live.keeper import SpooledTurn
from gateway.live.spool import Spool
from gateway.live.spool_file import SpoolFile
from gateway.session.records import as_view

SESSION = UUID(int=7)
SOUND = b"\x01\x00" * 8000


def turn(number: int, state: str = "closed", session: UUID = SESSION) -> SpooledTurn:
    record = TurnRecord(
        session_id=session,
        turn_id=UUID(int=1000 + number),
        utterance_id=UUID(int=2000 + number),
        turn_number=number,
        state=state,
        recognised_text=f"words {number}",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return SpooledTurn(record, SOUND, SOUND, 16_000)


class Archive:
    """Takes records; `error` refuses them."""

    def __init__(self) -> None:
        self.got: list[tuple[int, str, bool]] = []
        self.error: Exception | None = None
        self.asked = 0
        self.no_room = False

    async def store(
        self, record: TurnRecord, user_pcm: bytes | None, ai_pcm: bytes | None, ai_rate: int
    ) -> TurnView:
        self.asked += 1
        if self.error is not None:
            raise self.error
        self.got.append((record.turn_number, record.state, user_pcm is not None))
        ms = 500.0 if ai_pcm and not self.no_room else None
        return as_view(record).model_copy(update={"user_audio_ms": ms, "ai_audio_ms": ms})


@pytest.fixture
def archive() -> Archive:
    return Archive()


async def started(folder: Path, archive: Archive, *, most: int = 2**24) -> Spool:
    spool = Spool(SpoolFile.open(folder), archive, max_sound_bytes=most)
    await spool.start()
    return spool


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.01)


async def test_kept_then_delivered_once_in_order(tmp_path: Path, archive: Archive) -> None:
    spool = await started(tmp_path, archive)
    kept = [spool.keep(turn(number)) for number in (1, 2, 3)]
    assert [(await one).words for one in kept] == [True, True, True]
    await spool.flush(5)
    await spool.stop()
    assert archive.got == [(1, "closed", True), (2, "closed", True), (3, "closed", True)]


async def test_an_open_record_waits_for_its_end(tmp_path: Path, archive: Archive) -> None:
    spool = await started(tmp_path, archive)
    spool.keep(turn(1, "open"))
    await spool.keep(turn(1))
    await spool.flush(5)
    await spool.stop()
    assert archive.got == [(1, "closed", True)]


async def test_what_was_not_delivered_is_there_after_a_restart(
    tmp_path: Path, archive: Archive
) -> None:
    archive.error = ProfileUnavailable("down")
    spool = await started(tmp_path, archive)
    await spool.keep(turn(1))
    await spool.keep(turn(2, "open"))
    assert spool.find(UUID(int=2002)) is not None
    await spool.stop(0.1)
    archive.error = None
    again = await started(tmp_path, archive)
    await again.flush(5)
    assert again.pending == 0
    await again.stop()
    assert archive.got == [(1, "closed", True), (2, "open", True)]


async def test_what_another_gateway_left_is_taken_over(tmp_path: Path, archive: Archive) -> None:
    archive.error = ProfileUnavailable("down")
    first = await started(tmp_path, archive)
    second = await started(tmp_path, archive)
    await first.keep(turn(1))
    await second.keep(turn(2))
    await second.stop(0.1)
    await first.stop(0.1)
    archive.error = None
    only = await started(tmp_path, archive)
    await only.flush(5)
    await only.stop()
    assert sorted(number for number, _, _ in archive.got) == [1, 2]
    assert [p.name for p in tmp_path.glob("*.sqlite")] == ["spool-0.sqlite"]


async def test_sound_beyond_its_bound_is_not_kept_words_are(
    tmp_path: Path, archive: Archive
) -> None:
    archive.error = ProfileUnavailable("down")
    spool = await started(tmp_path, archive, most=3 * len(SOUND))
    for number in (1, 2, 3):
        assert (await spool.keep(turn(number))).words
    archive.error = None
    await spool.flush(5)
    await spool.stop()
    assert archive.got == [(1, "closed", True), (2, "closed", False), (3, "closed", False)]


async def test_sound_that_found_no_room_is_offered_again_behind_the_others(
    tmp_path: Path, archive: Archive
) -> None:
    archive.no_room = True
    spool = await started(tmp_path, archive)
    await spool.keep(turn(1))
    while not archive.got:
        await asyncio.sleep(0.01)
    archive.no_room = False
    await spool.keep(turn(2))
    await spool.flush(5)
    await spool.stop()
    assert [number for number, _, _ in archive.got] in ([1, 2, 1], [1, 1, 2])


@pytest.mark.parametrize("error", [Conflict("superseded"), BadMessage("no"), Internal("defect")])
async def test_a_record_that_is_refused_does_not_hold_up_the_others(
    tmp_path: Path, archive: Archive, error: Exception
) -> None:
    store = archive.store

    async def picky(record: TurnRecord, *sound: object) -> TurnView:
        if record.turn_number == 1:
            raise error
        return await store(record, *sound)

    archive.store = picky
    spool = await started(tmp_path, archive)
    spool.keep(turn(1))
    spool.keep(turn(2))
    await spool.flush(20)
    await spool.stop()
    assert archive.got == [(2, "closed", True)]


async def test_an_utterance_that_is_another_turn_by_now_is_over(
    tmp_path: Path, archive: Archive
) -> None:
    """Its sound is not offered again, and no replay is promised: this turn does not exist."""

    async def other(record: TurnRecord, *_: object) -> TurnView:
        archive.got.append((record.turn_number, record.state, True))
        return as_view(record).model_copy(update={"turn_id": UUID(int=1)})

    archive.store = other
    spool = await started(tmp_path, archive)
    told: list[TurnView] = []
    spool.keep(turn(1), told.append)
    await spool.flush(20)
    assert (spool.pending, told) == (0, [])
    await spool.stop()
    assert archive.got == [(1, "closed", True)]
    with closing(SpoolFile.open(tmp_path)) as file:
        assert file.pending() == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 12 MiB."""
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m,mode=700", "tmpfs", tmp_path], check=True
    )
    yield tmp_path
    subprocess.run(["umount", "-l", tmp_path], check=True)


def filled(disk: Path) -> Path:
    fill = disk / "fill"
    with fill.open("ab") as file:
        left = os.statvfs(disk)
        if left.f_bavail:
            os.posix_fallocate(file.fileno(), file.tell(), left.f_bavail * left.f_frsize)
    return fill


async def test_on_a_full_disk_sound_takes_nothing_of_what_is_held_back_for_words(
    small_disk: Path, archive: Archive
) -> None:
    """More sound than the reserve has room for, and a neighbour that takes what it can get."""
    archive.error = ProfileUnavailable("down")
    spool = await started(small_disk, archive)
    filled(small_disk)
    for number in range(1, 301):
        kept = await spool.keep(turn(number))
        assert kept.words, number
        if number % 100 == 0:
            filled(small_disk)
    await spool.stop()


async def test_on_a_full_disk_words_are_kept_and_sound_again_when_there_is_room(
    small_disk: Path, archive: Archive
) -> None:
    archive.error = ProfileUnavailable("down")
    spool = await started(small_disk, archive)
    assert spool.has_reserve
    fill = filled(small_disk)
    outcomes = [await spool.keep(turn(number)) for number in range(1, 31)]
    assert all(kept.words for kept in outcomes)
    assert not all(kept.sound for kept in outcomes)
    assert not spool.has_reserve
    fill.unlink()
    assert (await spool.keep(turn(31))).sound
    archive.error = None
    await spool.flush(10)
    spool._file.hold_reserve()
    assert spool.has_reserve
    await spool.stop()
    assert [number for number, _, _ in archive.got] == list(range(1, 32))


async def test_what_was_delivered_on_a_full_disk_is_forgotten_when_there_is_room(
    tmp_path: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk takes no deletion either; and nothing that fails on it ends the deliveries."""
    monkeypatch.setattr("gateway.live.spool._RESERVE_EVERY_S", 0.05)
    spool = await started(tmp_path, archive)
    real = spool._file.forget_delivered
    refused = 0

    def full() -> None:
        nonlocal refused
        refused += 1
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(spool._file, "forget_delivered", full)
    await spool.keep(turn(1))
    await until(lambda: spool.pending == 0 and refused > 3)
    assert rows(tmp_path) == 1
    monkeypatch.setattr(spool._file, "forget_delivered", real)
    await until(lambda: rows(tmp_path) == 0)
    await spool.keep(turn(2))
    await until(lambda: spool.pending == 0)
    await spool.stop()
    assert archive.got == [(1, "closed", True), (2, "closed", True)]


def rows(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "spool-0.sqlite")) as file:
        count: int = file.execute("SELECT count(*) FROM turn").fetchone()[0]
        return count


async def test_a_kill_at_any_moment_loses_nothing_that_was_kept(
    tmp_path: Path, archive: Archive
) -> None:
    """A child says what it has kept; it is killed; the next spool has it."""
    program = textwrap.dedent("""
        import asyncio, sys
        from uuid import UUID
        from pathlib import Path
        sys.path.insert(0, sys.argv[2])
        import test_spool
        from avatar_contract.errors import ProfileUnavailable

        async def main():
            archive = test_spool.Archive()
            archive.error = ProfileUnavailable("down")
            spool = await test_spool.started(Path(sys.argv[1]), archive)
            number = 0
            while True:
                number += 1
                await spool.keep(test_spool.turn(number))
                print(number, flush=True)

        asyncio.run(main())
    """)
    command = [sys.executable, "-c", program, str(tmp_path), str(Path(__file__).parent)]
    last = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            last = int(line)
            if last == 20:
                child.send_signal(signal.SIGKILL)
    assert last >= 20
    spool = await started(tmp_path, archive)
    await spool.flush(10)
    await spool.stop()
    numbers = [number for number, _, _ in archive.got]
    assert numbers[:last] == list(range(1, last + 1))
    assert all(sound for _, _, sound in archive.got)
