"""The models folder: what is in it, whether it is whole, and carrying it by hand.

Each model has a manifest beside its files, `.<id>.json`, with size and SHA-256 of every file as it
arrived. A model without its manifest is not there yet.
"""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from avatar_cli.models.catalogue import Model

_BLOCK = 2**20


class StoredFile(BaseModel):
    """One file as it arrived."""

    name: str
    size: int = Field(ge=0, description="bytes")
    sha256: str


class Manifest(BaseModel):
    """What was fetched."""

    id: str
    folder: str
    repository: str
    revision: str = Field(description="the commit when the hub told it, else what was asked for")
    licence: str
    files: list[StoredFile]


class BrokenModelError(Exception):
    """Files are missing or differ; the message says which and what to do."""


class Store:
    """A folder of models."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, model: Model) -> Path:
        """Where its files are."""
        return self.root / model.folder

    def manifest_path(self, folder: str, model_id: str) -> Path:
        """Where its manifest is."""
        return self.root / folder / f".{model_id}.json"

    def manifest(self, model: Model) -> Manifest | None:
        """What is there of it; None when it isn't there whole."""
        try:
            text = self.manifest_path(model.folder, model.id).read_text("utf-8")
            return Manifest.model_validate_json(text)
        except (FileNotFoundError, NotADirectoryError, ValidationError):
            return None

    def record(self, manifest: Manifest) -> None:
        """Writes a manifest: from now on the model is there."""
        path = self.manifest_path(manifest.folder, manifest.id)
        draft = path.with_suffix(".tmp")
        draft.write_text(manifest.model_dump_json(indent=2) + "\n", "utf-8")
        draft.replace(path)

    def all(self) -> list[Manifest]:
        """Every model that is there, known to the catalogue or not."""
        paths = sorted(self.root.glob("*/.*.json")) if self.root.is_dir() else []
        return [Manifest.model_validate_json(p.read_text("utf-8")) for p in paths]

    def verify(self, manifest: Manifest, progress: Callable[[int], None]) -> list[str]:
        """What is wrong with it, one line a file; empty when all is well."""
        complaints = []
        for file in manifest.files:
            path = self.root / manifest.folder / file.name
            if not path.is_file():
                complaints.append(f"{path}: missing")
            elif path.stat().st_size != file.size:
                complaints.append(f"{path}: {path.stat().st_size} bytes instead of {file.size}")
            elif sha256_of(path, progress) != file.sha256:
                complaints.append(f"{path}: its contents have changed")
        return complaints

    def copy_to(self, other: "Store", manifest: Manifest) -> None:
        """Copies a model with its manifest, and checks the copy.

        Raises:
            BrokenModelError: a file is missing or differs, here or in the copy.
        """
        source, target = self.root / manifest.folder, other.root / manifest.folder
        target.mkdir(parents=True, exist_ok=True)
        for file in manifest.files:
            if not (source / file.name).is_file():
                raise BrokenModelError(f"{source / file.name} is missing: copy the folder whole.")
            shutil.copyfile(source / file.name, target / file.name)
        complaints = other.verify(manifest, lambda _: None)
        if complaints:
            raise BrokenModelError("; ".join(complaints))
        other.record(manifest)


def sha256_of(path: Path, progress: Callable[[int], None] = lambda _: None) -> str:
    """Hex SHA-256 of a file; `progress` is told the bytes of each block."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            progress(len(block))
    return digest.hexdigest()
