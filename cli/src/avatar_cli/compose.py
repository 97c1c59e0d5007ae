"""The other way of running: containers, through Compose v2 of Docker or podman."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

COMPOSE_FILE = "docker-compose.yml"


class NoComposeError(Exception):
    """There is no Compose here, or no compose file; the message says what to do."""


def program(environment: Mapping[str, str] = os.environ) -> list[str]:
    """The command that is Compose: AVATAR_COMPOSE, else `docker compose`, else `podman compose`.

    Raises:
        NoComposeError: none is there.
    """
    own = environment.get("AVATAR_COMPOSE")
    if own:
        return shlex.split(own)
    for engine in ("docker", "podman"):
        if shutil.which(engine):
            return [engine, "compose"]
    raise NoComposeError(
        "Docker with Compose v2 is needed for containers and was not found. Install it, or run "
        "without containers: avatar up"
    )


def version() -> str | None:
    """What Compose says of itself; None when there is none that works."""
    try:
        command = [*program(), "version"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=15, check=False)
    except (NoComposeError, OSError, subprocess.TimeoutExpired):
        return None
    lines = done.stdout.strip().splitlines()
    return lines[0] if done.returncode == 0 and lines else None


def find_file(start: Path) -> Path:
    """`docker-compose.yml` of `start` or of a folder above it.

    Raises:
        NoComposeError: there is none.
    """
    for folder in (start, *start.parents):
        if (folder / COMPOSE_FILE).is_file():
            return folder / COMPOSE_FILE
    raise NoComposeError(
        f"No {COMPOSE_FILE} here: run this in AVATAR's folder, or without containers: avatar up"
    )


def command(start: Path, overlays: Sequence[str], *arguments: str) -> list[str]:
    """A Compose command on AVATAR's file and its overlays.

    Args:
        start: where to look for the file.
        overlays: names (`tls` is deploy/compose.tls.yml) or paths.

    Raises:
        NoComposeError: Compose, the file or an overlay is not there.
    """
    base = find_file(start)
    files = [base, *(_overlay(base.parent, name) for name in overlays)]
    named = [part for file in files for part in ("-f", str(file))]
    return [*program(), *named, *arguments]


def _overlay(root: Path, name: str) -> Path:
    for path in (root / "deploy" / f"compose.{name}.yml", root / name, Path(name)):
        if path.is_file():
            return path
    known = sorted(p.name.split(".")[1] for p in (root / "deploy").glob("compose.*.yml"))
    raise NoComposeError(f"There is no overlay {name!r}; these are: {', '.join(known)}.")


def is_running(start: Path) -> bool:
    """Whether containers of AVATAR run here."""
    try:
        ask = command(start, [], "ps", "--quiet")
        done = subprocess.run(ask, capture_output=True, text=True, timeout=20, check=False)
    except (NoComposeError, OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and bool(done.stdout.strip())
