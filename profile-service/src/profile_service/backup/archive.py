"""A folder of backups: where things are in it, and how they are written so that they are whole."""

import fcntl
import gzip
import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from pydantic import BaseModel, Field, ValidationError

from avatar_contract.errors import BadMessage, Conflict, NotFound
from profile_service.backends.store import KINDS

FORMAT = 1
MANIFEST, ROWS, FILES = "manifest.json", "rows.jsonl.gz", "files.gz"

_STAMP = "%Y%m%dT%H%M%S%fZ"
_NAME = re.compile(r"\d{8}T\d{12}Z")
_PIECE = 1 << 20


class Manifest(BaseModel):
    """What a snapshot is."""

    format: int = Field(FORMAT, description="of this folder's layout")
    name: str = Field(description="the snapshot's name: when it was begun, UTC")
    created_at: datetime
    schema_revision: str = Field(description="of the database, as Alembic names it")
    source: str = Field(description="`sqlite` or `postgresql`")
    rows: dict[str, int] = Field(description="how many each table has")
    rows_sha256: str
    files: int = Field(description="audio files that it names")
    file_bytes: int
    new_files: int = Field(0, description="of these, how many this backup had to copy")
    damaged: list[str] = Field(
        default_factory=list, description="keys whose file was missing or not what it should be"
    )


@dataclass(frozen=True)
class Listed:
    """An audio file that a snapshot names."""

    key: str
    size: int
    sha256: str


class Archive:
    """A folder that holds snapshots and their audio. Blocking."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._snapshots = self.root / "snapshots"
        self._audio = self.root / "audio"

    def make(self) -> None:
        """Make the folder, readable by its owner only: what people said is in it."""
        for folder in (self.root, self._snapshots, self._audio):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Raises Conflict when another backup or prune is at work here."""
        handle = os.open(self.root / ".lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise Conflict("Another backup or prune is at work in this folder.") from error
        finally:
            os.close(handle)

    def names(self) -> list[str]:
        """The whole snapshots, oldest first."""
        if not self._snapshots.is_dir():
            return []
        return sorted(
            path.name
            for path in self._snapshots.iterdir()
            if _NAME.fullmatch(path.name) and (path / MANIFEST).is_file()
        )

    def manifest(self, name: str | None = None) -> Manifest:
        """The manifest of a snapshot, by default the newest.

        Raises:
            NotFound: there is no such snapshot.
            BadMessage: its manifest can't be read.
        """
        names = self.names()
        if not names or (name is not None and name not in names):
            raise NotFound(f"There is no backup {name or ''} in {self.root}.")
        path = self._snapshots / (name or names[-1]) / MANIFEST
        try:
            return Manifest.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise BadMessage(f"The manifest {path.name} is damaged.") from error

    @contextmanager
    def new_snapshot(self, now: datetime) -> Iterator[tuple[str, Path]]:
        """A name and a folder to fill; it becomes a snapshot when it is filled, or vanishes."""
        name = now.astimezone(UTC).strftime(_STAMP)
        folder = self._snapshots / f".{name}"
        folder.mkdir(mode=0o700)
        try:
            yield name, folder
            for path in folder.iterdir():
                _sync(path)
            _sync(folder)
            folder.rename(self._snapshots / name)
            _sync(self._snapshots)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def rows(self, name: str) -> Path:
        return self._snapshots / name / ROWS

    def listed(self, name: str) -> list[Listed]:
        """The audio files that a snapshot names."""
        with gzip.open(self._snapshots / name / FILES, "rt") as lines:
            found = [line.rstrip("\n").split("\t") for line in lines]
        return [Listed(key, int(size), digest) for size, digest, key in found]

    def has(self, file: Listed) -> bool:
        """Whether the file was copied before. Files never change, so its size says it."""
        try:
            return self._path(file.key).stat().st_size == file.size
        except FileNotFoundError:
            return False

    def add(self, file: Listed, source: BinaryIO) -> bool:
        """Copy a file in; False when it is not what it should be, and then it is left out."""
        target = self._path(file.key)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = target.with_name(target.name + ".part")
        digest = hashlib.sha256()
        with temporary.open("wb") as out:
            while piece := source.read(_PIECE):
                digest.update(piece)
                out.write(piece)
            out.flush()
            os.fsync(out.fileno())
        if digest.hexdigest() != file.sha256:
            temporary.unlink()
            return False
        temporary.rename(target)
        return True

    def read(self, file: Listed) -> bytes:
        """A file's bytes.

        Raises:
            NotFound: it is missing.
            BadMessage: it is not what it was.
        """
        try:
            data = self._path(file.key).read_bytes()
        except FileNotFoundError as error:
            raise NotFound(f"{file.key} is missing from the backup.") from error
        if hashlib.sha256(data).hexdigest() != file.sha256:
            raise BadMessage(f"{file.key} is damaged in the backup.")
        return data

    def prune(self, keep: int, older_than: timedelta | None, now: datetime) -> list[str]:
        """Remove all but the `keep` newest snapshots, or only those of them that are old.

        Then the audio that no snapshot names. Gives the names of those removed.
        """
        names = self.names()
        gone = names[: max(0, len(names) - max(1, keep))]
        if older_than is not None:
            gone = [name for name in gone if now - _begun(name) > older_than]
        for name in gone:
            # Without its manifest it is no snapshot: a crash leaves no half one.
            (self._snapshots / name / MANIFEST).unlink()
            shutil.rmtree(self._snapshots / name)
        self._remove_unnamed({file.key for name in self.names() for file in self.listed(name)})
        return gone

    def _remove_unnamed(self, keys: set[str]) -> None:
        for path in self._audio.rglob("*"):
            if path.is_file() and path.relative_to(self._audio).as_posix() not in keys:
                path.unlink()
        for left in self._snapshots.iterdir():
            if left.name not in self.names():
                shutil.rmtree(left, ignore_errors=True)

    def _path(self, key: str) -> Path:
        parts = PurePosixPath(key).parts
        if len(parts) < 2 or parts[0] not in KINDS or ".." in parts:
            raise BadMessage(f"The backup names a file that can't be: {key!r}")
        return self._audio.joinpath(*parts)


def write_listed(folder: Path, files: Iterable[Listed]) -> None:
    """Write which audio files a snapshot names."""
    with gzip.open(folder / FILES, "wt", compresslevel=6) as lines:
        lines.writelines(f"{file.size}\t{file.sha256}\t{file.key}\n" for file in files)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _begun(name: str) -> datetime:
    return datetime.strptime(name, _STAMP).replace(tzinfo=UTC)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
