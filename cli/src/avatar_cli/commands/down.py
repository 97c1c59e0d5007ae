"""`avatar down`: stops what `avatar up` started elsewhere."""

import os
import signal
from typing import Annotated

import psutil
import typer

from avatar_cli.commands.containers import down_containers
from avatar_cli.home import Home
from avatar_cli.tongue import of_locale

_WAIT_S = 20.0


def down(
    containers: Annotated[
        bool, typer.Option("--compose", "--docker", help="Stop the containers.")
    ] = False,
    overlay: Annotated[
        list[str] | None, typer.Option(help="The overlays that `up` was given.")
    ] = None,
) -> None:
    """Stop the copy that runs on AVATAR_HOME, or the containers. What it keeps stays."""
    if containers:
        raise typer.Exit(down_containers(overlay or []))
    tongue, home = of_locale(), Home.of_environment()
    pid = home.holder()
    if pid is None:
        typer.echo(tongue(f"Nothing runs on {home.path}.", f"沒有 AVATAR 在使用 {home.path}。"))
        return
    supervisor = psutil.Process(pid)
    os.kill(pid, signal.SIGTERM)
    gone, _ = psutil.wait_procs([supervisor], timeout=_WAIT_S)
    if not gone:
        typer.echo(tongue(f"Process {pid} does not end.", f"行程 {pid} 沒有結束。"), err=True)
        raise typer.Exit(1)
    typer.echo(tongue("AVATAR has stopped.", "AVATAR 已停止。"))
