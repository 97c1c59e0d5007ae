"""Fetching files from a hub that speaks Hugging Face's addresses, resuming what was begun."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx

from avatar_cli.models.catalogue import Model, ModelFile
from avatar_cli.models.store import Manifest, Store, StoredFile, sha256_of

DEFAULT_ENDPOINT = "https://huggingface.co"
PAUSE_S = 1.0
"""Before the second attempt, s; doubles with each further one."""

_ATTEMPTS = 5
_SHA256 = re.compile("^[0-9a-f]{64}$")

Progress = Callable[[str, int, int | None], None]
"""Is told the file, the bytes so far, and the whole size when it is known."""


class FetchError(Exception):
    """A file could not be fetched; the message says why and what to do."""


@dataclass
class Hub:
    """A hub at an address, `HF_ENDPOINT` for a mirror."""

    client: httpx.Client
    endpoint: str = DEFAULT_ENDPOINT
    token: str | None = None

    def fetch(self, model: Model, store: Store, progress: Progress) -> Manifest:
        """Fetches what is missing of a model, checks it, and records it.

        Raises:
            FetchError: not reachable, not there, or not what it should be.
        """
        folder = store.folder(model)
        folder.mkdir(parents=True, exist_ok=True)
        stored, commit = [], None
        for file in model.files:
            one, told = self._file(model, file, folder, progress)
            stored.append(one)
            commit = told or commit
        manifest = Manifest(
            id=model.id,
            folder=model.folder,
            repository=model.repository,
            revision=commit or model.revision,
            licence=model.licence,
            files=stored,
        )
        store.record(manifest)
        return manifest

    def url(self, model: Model, file: ModelFile) -> str:
        """Where a file is."""
        if file.url:
            return file.url
        revision, path = quote(model.revision, safe=""), quote(file.path)
        return f"{self.endpoint.rstrip('/')}/{model.repository}/resolve/{revision}/{path}"

    def _file(
        self, model: Model, file: ModelFile, folder: Path, progress: Progress
    ) -> tuple[StoredFile, str | None]:
        part = folder / f"{file.name}.part"
        told = _Told()
        for attempt in range(_ATTEMPTS):
            try:
                self._download(self.url(model, file), part, file.name, told, progress)
                break
            except httpx.TransportError as cause:
                if attempt + 1 == _ATTEMPTS:
                    raise FetchError(self._unreachable(cause)) from cause
                time.sleep(PAUSE_S * 2**attempt)
        digest = sha256_of(part)
        expected = file.sha256 or told.sha256
        if expected and digest != expected:
            part.unlink()
            raise FetchError(
                f"{file.name} is not what it should be (SHA-256 {digest}, expected {expected}). "
                "It was removed; run the command again, or use another mirror."
            )
        path = folder / file.name
        part.replace(path)
        return StoredFile(name=file.name, size=path.stat().st_size, sha256=digest), told.commit

    def _download(self, url: str, part: Path, name: str, told: "_Told", progress: Progress) -> None:
        """Adds to `part` what is missing at its end (RFC 9110 §14)."""
        have = part.stat().st_size if part.is_file() else 0
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        with self.client.stream("GET", url, headers=headers, follow_redirects=True) as answer:
            for each in [*answer.history, answer]:
                told.note(each)
            if answer.status_code == 416 and have:
                return
            self._refuse(answer, url)
            resumed = answer.status_code == 206
            have = have if resumed else 0
            length = answer.headers.get("content-length")
            whole = have + int(length) if length else None
            with part.open("ab" if resumed else "wb") as out:
                for block in answer.iter_bytes(2**18):
                    out.write(block)
                    have += len(block)
                    progress(name, have, whole)
        if whole is not None and have < whole:
            raise httpx.RemoteProtocolError("The connection ended before the file did.")

    def _refuse(self, answer: httpx.Response, url: str) -> None:
        if answer.status_code in (200, 206):
            return
        if answer.status_code in (401, 403):
            raise FetchError(
                f"{url} asks for permission: accept its licence at the hub, then set HF_TOKEN."
            )
        if answer.status_code == 404:
            raise FetchError(f"{url} is not there. Is HF_ENDPOINT a whole mirror?")
        if answer.status_code >= 500 or answer.status_code == 429:
            raise httpx.RemoteProtocolError(f"status {answer.status_code}")
        raise FetchError(f"{url} answers with status {answer.status_code}.")

    def _unreachable(self, cause: httpx.TransportError) -> str:
        return (
            f"{self.endpoint} can't be reached ({cause}). What has arrived is kept: run the "
            "command again to go on. Behind a firewall set HF_ENDPOINT to a mirror, or carry a "
            "folder over with `avatar models export` and `import`."
        )


@dataclass
class _Told:
    """What the hub says of a file on its way to the bytes."""

    sha256: str | None = None
    commit: str | None = None

    def note(self, answer: httpx.Response) -> None:
        etag = answer.headers.get("x-linked-etag", "").removeprefix("W/").strip('"')
        if _SHA256.match(etag):
            self.sha256 = etag
        self.commit = answer.headers.get("x-repo-commit") or self.commit
