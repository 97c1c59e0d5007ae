"""An audio store in a folder: ``raw/``, ``tts/``, ``profiles/`` and ``staging/`` under one root.

Each process stages in a folder of its own, which it holds locked (flock, so the lock dies with the
process): an unlocked one belongs to a process that is dead.
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from uuid import uuid4

from avatar_contract.errors import StorageFull
from profile_service.backends.store import KINDS, PROFILES, StoredFile

_LOCK, _REMOVALS = ".lock", ".removals"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class FolderStore:
    """An `AudioStore` under `root`, which may be shared by several processes of one machine."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._staging = self._root / "staging"
        self._own = self._staging / uuid4().hex
        self._lock_fd: int | None = None

    def open(self) -> None:
        if self._lock_fd is not None:
            return
        for name in (*KINDS, "staging"):
            (self._root / name).mkdir(parents=True, exist_ok=True)
        with self._locked(self._staging / _LOCK, fcntl.LOCK_EX):
            self._own.mkdir(exist_ok=True)
            self._lock_fd = os.open(self._own / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX)
        # On a full disk nothing can be made, and removing must not need it.
        (self._staging / _REMOVALS).touch(mode=0o600)
        _sync_folder(self._staging)
        _sync_folder(self._root)

    def close(self) -> None:
        if self._lock_fd is None:
            return
        os.close(self._lock_fd)
        self._lock_fd = None
        left = [path for path in self._own.iterdir() if path.name != _LOCK]
        if not left:
            _remove_folder(self._own)

    def stage(self, key: str, data: bytes) -> None:
        path = self._own / _flat(key)
        try:
            _write_durably(path, data)
        except OSError as error:
            with suppress(FileNotFoundError):
                path.unlink()
            if error.errno in _FULL:
                raise StorageFull(
                    "The disk for audio is full: free some space, or delete conversations."
                ) from error
            raise

    def publish(self, keys: Iterable[str]) -> None:
        self._publish(self._own, keys)

    def discard(self, keys: Iterable[str]) -> None:
        for key in keys:
            (self._own / _flat(key)).unlink(missing_ok=True)

    def read(self, key: str) -> BinaryIO:
        published = self._path(key)
        with suppress(FileNotFoundError):
            return published.open("rb")
        # Between commit and publication a file is in its writer's staging folder only.
        for folder in self._writers():
            with suppress(FileNotFoundError):
                return (folder / _flat(key)).open("rb")
        return published.open("rb")

    def remove(self, keys: Iterable[str]) -> None:
        with self._locked(self._staging / _REMOVALS, fcntl.LOCK_SH):
            folders = set()
            for key in keys:
                path = self._path(key)
                with suppress(FileNotFoundError):
                    path.unlink()
                    folders.add(path.parent)
            for folder in folders:
                with suppress(FileNotFoundError):
                    _sync_folder(folder)
                if folder.parent.name == PROFILES:
                    _remove_if_empty(folder)

    def files(self) -> Iterator[StoredFile]:
        for kind in KINDS:
            yield from _walk(self._root / kind, kind)

    def recover(self, kept: Callable[[list[str]], set[str]]) -> None:
        with self._locked(self._staging / _LOCK, fcntl.LOCK_EX):
            for folder in self._writers():
                if folder != self._own:
                    self._recover_writer(folder, kept)

    def free_bytes(self) -> int:
        return shutil.disk_usage(self._root).free

    @contextmanager
    def removals_held(self) -> Iterator[None]:
        with self._locked(self._staging / _REMOVALS, fcntl.LOCK_EX):
            yield

    def _recover_writer(self, folder: Path, kept: Callable[[list[str]], set[str]]) -> None:
        lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        else:
            staged = [_key(path.name) for path in folder.iterdir() if path.name != _LOCK]
            self._publish(folder, sorted(kept(staged)))
            _remove_folder(folder)
        finally:
            os.close(lock)

    def _publish(self, folder: Path, keys: Iterable[str]) -> None:
        touched = set()
        for key in keys:
            staged, target = folder / _flat(key), self._path(key)
            # The folder of a voice may vanish with its last file while this one arrives.
            while staged.exists():
                with suppress(FileNotFoundError):
                    _make_folder(target.parent)
                    staged.rename(target)
            touched.add(target.parent)
        for changed in touched:
            with suppress(FileNotFoundError):
                _sync_folder(changed)

    def _writers(self) -> list[Path]:
        return [path for path in self._staging.iterdir() if path.is_dir()]

    def _path(self, key: str) -> Path:
        parts = PurePosixPath(key).parts
        if len(parts) < 2 or parts[0] not in KINDS or ".." in parts:
            raise ValueError(f"not a key of an audio file: {key!r}")
        return self._root.joinpath(*parts)

    @contextmanager
    def _locked(self, path: Path, how: int) -> Iterator[None]:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, how)
            yield
        finally:
            os.close(lock)


def _flat(key: str) -> str:
    return key.replace("/", "~")


def _key(flat: str) -> str:
    return flat.replace("~", "/")


def _write_durably(path: Path, data: bytes) -> None:
    """Temporary name, fsync, rename, fsync of the folder: there whole or not at all."""
    temporary = path.with_name(path.name + ".part")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).rename(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        _sync_folder(folder.parent)


def _remove_if_empty(folder: Path) -> None:
    """A voice's folder has its id in its name: nothing of a deleted one stays."""
    try:
        folder.rmdir()
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
            raise


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove_folder(folder: Path) -> None:
    # The lock goes last: a folder without it could not be told from one that is being made.
    for path in folder.iterdir():
        if path.name != _LOCK:
            path.unlink(missing_ok=True)
    (folder / _LOCK).unlink(missing_ok=True)
    folder.rmdir()


def _walk(folder: Path, prefix: str) -> Iterator[StoredFile]:
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        name = f"{prefix}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), name)
            continue
        with suppress(FileNotFoundError):
            yield StoredFile(name, entry.stat(follow_symlinks=False).st_size)
