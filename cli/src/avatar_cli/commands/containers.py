"""Running in containers: what `up --compose` and `down --compose` do."""

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import typer

from avatar_cli import compose
from avatar_cli.running import engines, ready
from avatar_cli.tongue import Tongue

_NO_COMPOSE = 2
_GATEWAY_PORT = "8000"


def up_in_containers(overlays: Sequence[str], tongue: Tongue, began: float) -> int:
    """Starts the containers, waits until they are healthy, and prints what runs."""
    try:
        code = _compose(overlays, "up", "--detach", "--wait")
        address = _published(overlays) if code == 0 else None
    except compose.NoComposeError as problem:
        typer.echo(str(problem), err=True)
        return _NO_COMPOSE
    if code != 0:
        typer.echo(
            tongue(
                "Not everything became healthy. See: avatar logs --compose",
                "有服務沒有啟動成功，請看：avatar logs --compose",
            ),
            err=True,
        )
        return code
    _announce(address, tongue, time.monotonic() - began)
    return 0


def down_containers(overlays: Sequence[str]) -> int:
    """Stops and removes the containers; what they keep stays."""
    try:
        return _compose(overlays, "down")
    except compose.NoComposeError as problem:
        typer.echo(str(problem), err=True)
        return _NO_COMPOSE


def _compose(overlays: Sequence[str], *arguments: str) -> int:
    return subprocess.run(compose.command(Path.cwd(), overlays, *arguments), check=False).returncode


def _published(overlays: Sequence[str]) -> str | None:
    """The address that the gateway's port is published at."""
    command = compose.command(Path.cwd(), overlays, "port", "gateway", _GATEWAY_PORT)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    address = done.stdout.strip().replace("0.0.0.0", "127.0.0.1")
    return f"http://{address}" if done.returncode == 0 and address else None


def _announce(address: str | None, tongue: Tongue, seconds: float) -> None:
    health = None
    if address is not None:
        with httpx.Client(trust_env=False) as client:
            health = ready.health_of(client, address)
    where = tongue("the volumes of `docker compose`", "`docker compose` 的磁碟區")
    if address is None or health is None:
        typer.echo(tongue("The containers run: docker compose ps", "容器已啟動：docker compose ps"))
        return
    typer.echo(engines.banner(address, seconds, where, health, tongue))
    typer.echo("  " + tongue("Stop it with: avatar down --compose", "停止：avatar down --compose"))
