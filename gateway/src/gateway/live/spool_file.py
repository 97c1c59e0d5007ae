"""The spool's file: turn records on this machine's disk until profile-service has them.

SQLite in write-ahead mode with ``synchronous=FULL``: a commit returns when the log is on disk. A
record's words and its two sounds are one row; a newer record of the same turn takes its row. One
thread uses an object of this class at a time.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path
from typing import IO
from uuid import UUID

from avatar_contract.records import TurnRecord
from gateway.live.keeper import SpooledTurn

_SCHEMA = """
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS turn (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    turn_id TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    record TEXT NOT NULL,
    user_pcm BLOB,
    ai_pcm BLOB,
    ai_rate INTEGER NOT NULL,
    set_aside TEXT
);
"""

_PUT = """
INSERT INTO turn (turn_id, version, record, user_pcm, ai_pcm, ai_rate) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (turn_id) DO UPDATE SET version = excluded.version, record = excluded.record,
    user_pcm = excluded.user_pcm, ai_pcm = excluded.ai_pcm, ai_rate = excluded.ai_rate
"""

_TAKE_OVER = """
INSERT OR IGNORE INTO turn (turn_id, version, record, user_pcm, ai_pcm, ai_rate, set_aside)
    SELECT turn_id, version, record, user_pcm, ai_pcm, ai_rate, set_aside FROM other.turn
"""

_MOST_GATEWAYS = 64
"""On one machine, in one home."""

_RESERVE_BYTES = 4 * 2**20
"""Held back so that words are still kept when the disk is full."""

_SLICE_BYTES = 2**18
_CHECKPOINT_PAGES, _USUAL_CHECKPOINT_PAGES = 64, 1000

_SHRINK_ABOVE_PAGES = 4096
"""Free pages after which an empty spool gives room back to the disk."""


class SpoolFullError(Exception):
    """There is no room on the disk, not even for words."""


class SpoolFile:
    """Rows of one file."""

    def __init__(self, path: Path, lock: IO[str]) -> None:
        """Opens `path`; `lock` is held until it is closed."""
        self._path = path
        self._lock = lock
        self._reserve = path.with_suffix(".reserve")
        self._delivered: list[tuple[str, int]] = []
        """Turns that are delivered and still have their row: a full disk takes no deletion."""
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        os.chmod(path, 0o600)  # noqa: PTH101 (beside the connection that it is about)
        self._db.executescript(_SCHEMA)
        self.hold_reserve()

    @classmethod
    def open(cls, folder: Path) -> SpoolFile:
        """This process's spool in `folder`: the first file that no other gateway holds.

        What gateways that are gone have left in the others is taken over.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for number in range(_MOST_GATEWAYS):
            path = folder / f"spool-{number}.sqlite"
            lock = _locked(path)
            if lock is not None:
                spool = cls(path, lock)
                spool._take_over(p for p in folder.glob("spool-*.sqlite") if p != path)
                return spool
        raise OSError(f"{_MOST_GATEWAYS} gateways share {folder}: give this one its own home")

    def close(self) -> None:
        """Ends the connection; what was put stays."""
        self._db.close()
        self._lock.close()

    def _take_over(self, others: Iterable[Path]) -> None:
        for path in others:
            lock = _locked(path)
            if lock is None:
                continue
            with lock:
                self._db.execute("ATTACH ? AS other", (str(path),))
                self._db.execute(_TAKE_OVER)
                self._db.execute("DETACH other")
                for ending in (".sqlite", ".sqlite-wal", ".sqlite-shm", ".reserve"):
                    path.with_suffix(ending).unlink(missing_ok=True)

    def put(self, turns: list[SpooledTurn]) -> list[bool]:
        """Writes all in one commit; returns for each whether its sound was kept too.

        Raises:
            SpoolFullError: there is no room, not even for their words.
        """
        # Without the whole reserve, what room there is is for words.
        if not self.hold_reserve():
            return self._put_words(turns)
        try:
            self._write(turns)
        except sqlite3.OperationalError:
            return self._put_words(turns)
        return [True] * len(turns)

    def _put_words(self, turns: list[SpooledTurn]) -> list[bool]:
        words = [turn.without_sound() for turn in turns]
        kept = [not turn.sound_bytes for turn in turns]
        while True:
            try:
                self._write(words)
            except sqlite3.OperationalError as full:
                if not self._give_way():
                    raise SpoolFullError(str(full)) from full
            else:
                return kept

    def _give_way(self) -> bool:
        """A slice of the reserve makes room for words; False when none is left.

        In slices, because others write to this disk too: what is free at once, they take.
        """
        try:
            left = self._reserve.stat().st_size - _SLICE_BYTES
        except FileNotFoundError:
            return False
        # The log is written back early: it may not grow to the size of the reserve.
        self._db.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}").fetchall()
        if left > 0:
            os.truncate(self._reserve, left)
        else:
            self._reserve.unlink()
        return True

    def _write(self, turns: Iterable[SpooledTurn]) -> None:
        rows = [
            (
                str(turn.record.turn_id),
                turn.version,
                turn.record.model_dump_json(),
                turn.user_pcm,
                turn.ai_pcm,
                turn.ai_rate,
            )
            for turn in turns
        ]
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany(_PUT, rows)
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def get(self, turn_id: UUID) -> SpooledTurn | None:
        """A turn with its sounds."""
        query = "SELECT record, user_pcm, ai_pcm, ai_rate, version FROM turn WHERE turn_id = ?"
        with closing(self._db.execute(query, (str(turn_id),))) as found:
            row = found.fetchone()
        return _turn(row) if row else None

    def pending(self) -> list[SpooledTurn]:
        """All that wait, oldest first, without their sounds."""
        query = (
            "SELECT record, NULL, NULL, 0, version FROM turn WHERE set_aside IS NULL ORDER BY place"
        )
        with closing(self._db.execute(query)) as found:
            return [_turn(row) for row in found]

    def sound_bytes(self) -> int:
        """Sound that waits, bytes."""
        query = (
            "SELECT coalesce(sum(coalesce(length(user_pcm), 0) + coalesce(length(ai_pcm), 0)), 0)"
            " FROM turn"
        )
        with closing(self._db.execute(query)) as found:
            return int(found.fetchone()[0])

    def delivered(self, turn_id: UUID, version: int) -> None:
        """Forgets a turn, unless more became known of it meanwhile.

        On a full disk that is done later: until then it would be delivered again by the next
        process, which changes nothing.
        """
        self._delivered.append((str(turn_id), version))
        with suppress(sqlite3.OperationalError):
            self.forget_delivered()

    def forget_delivered(self) -> None:
        """Deletes what was delivered. Raises sqlite3.OperationalError: the disk is full."""
        delivered = list(self._delivered)
        if delivered:
            self._db.executemany("DELETE FROM turn WHERE turn_id = ? AND version = ?", delivered)
            del self._delivered[: len(delivered)]

    def set_aside(self, turn_id: UUID, why: str) -> None:
        """Keeps a turn that profile-service refuses, and offers it no more."""
        self._db.execute("UPDATE turn SET set_aside = ? WHERE turn_id = ?", (why, str(turn_id)))

    def shrink(self) -> None:
        """Gives room back to the disk after a long backlog."""
        with closing(self._db.execute("PRAGMA freelist_count")) as found:
            free = int(found.fetchone()[0])
        if free > _SHRINK_ABOVE_PAGES:
            self._db.execute("PRAGMA incremental_vacuum").fetchall()
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    @property
    def has_reserve(self) -> bool:
        """Whether the whole room for words is held back."""
        try:
            return self._reserve.stat().st_size == _RESERVE_BYTES
        except FileNotFoundError:
            return False

    def hold_reserve(self) -> bool:
        """Takes the room for words again, when the disk has it; says whether it is held."""
        if self.has_reserve:
            return True
        disk = os.statvfs(self._path.parent)
        if disk.f_bavail * disk.f_frsize < 2 * _RESERVE_BYTES:
            return False
        half = self._reserve.with_suffix(".half")
        try:
            with half.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, _RESERVE_BYTES)
            half.replace(self._reserve)
            self._db.execute(f"PRAGMA wal_autocheckpoint = {_USUAL_CHECKPOINT_PAGES}").fetchall()
        except OSError:
            half.unlink(missing_ok=True)
            return False
        return True


def _locked(path: Path) -> IO[str] | None:
    """A lock on a spool; None while another process holds it."""
    lock = path.with_suffix(".lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def new_version() -> int:
    """A number that is higher than any given before, also before a restart."""
    return time.time_ns()


def _turn(row: tuple[str, bytes | None, bytes | None, int, int]) -> SpooledTurn:
    record, user_pcm, ai_pcm, ai_rate, version = row
    return SpooledTurn(TurnRecord.model_validate_json(record), user_pcm, ai_pcm, ai_rate, version)
