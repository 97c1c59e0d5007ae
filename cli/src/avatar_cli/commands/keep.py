"""`avatar backup`, `restore` and `prune`: what is kept, kept twice.

profile-service does the work in a process of its own (`python -m profile_service.backup`), here or
in its container: the database is its business alone.
"""

import json as json_module
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from avatar_cli import compose
from avatar_cli.home import Home
from avatar_cli.tongue import Tongue, of_locale

MODULE = "profile_service.backup"
_INSIDE = "/backup"
_DAMAGED = 3

Folder = Annotated[Path, typer.Argument(help="Where backups are kept: another disk, if you can.")]
Snapshot = Annotated[str | None, typer.Option(help="Name of a backup; default: the newest.")]
Containers = Annotated[
    bool, typer.Option("--compose", help="Of the containers' database and sound.")
]


def backup(
    folder: Folder,
    list_: Annotated[bool, typer.Option("--list", help="Show the backups there.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Read a backup whole.")] = False,
    snapshot: Snapshot = None,
    containers: Containers = False,
) -> None:
    """Back up conversations, voices and their sound, also while AVATAR runs.

    Sound that a backup there has already is not copied again. Exit code 3: something is damaged.
    """
    tongue = of_locale()
    if list_:
        _, made = _work(["list"], folder, containers)
        for one in made:
            typer.echo(_line(one))
        return
    if verify:
        code, answer = _work(["verify", *_named(snapshot)], folder, containers)
        for wrong in answer["wrong"]:
            typer.echo(wrong)
        typer.echo(tongue("damaged", "有損壞") if code else tongue("all is well", "完好"))
        raise typer.Exit(code)
    folder.mkdir(parents=True, exist_ok=True)
    code, answer = _work(["backup"], folder, containers)
    typer.echo(tongue("backed up: ", "已備份：") + _line(answer))
    raise typer.Exit(code)


def restore(folder: Folder, snapshot: Snapshot = None, containers: Containers = False) -> None:
    """Bring a backup back, into an AVATAR_HOME that is empty. AVATAR must not run on it."""
    tongue, home = of_locale(), Home.of_environment()
    if not containers and home.holder() is not None:
        _fail(
            tongue(
                f"AVATAR runs on {home.path}: stop it (`avatar down`), or name an empty folder "
                "with AVATAR_HOME.",
                f"AVATAR 正在使用 {home.path}：請先停止（`avatar down`），或用 AVATAR_HOME "
                "指定一個空的資料夾。",
            )
        )
    code, answer = _work(["restore", *_named(snapshot)], folder, containers)
    typer.echo(tongue("restored: ", "已還原：") + _line(answer))
    raise typer.Exit(code)


def prune(
    folder: Folder,
    keep: Annotated[int, typer.Option(min=1, help="The newest so many stay.")] = 7,
    days: Annotated[float | None, typer.Option(help="Only remove those older than this.")] = None,
    containers: Containers = False,
) -> None:
    """Remove old backups, and the sound that no other backup needs."""
    tongue: Tongue = of_locale()
    older = [] if days is None else ["--days", str(days)]
    _, answer = _work(["prune", "--keep", str(keep), *older], folder, containers)
    gone = ", ".join(answer["removed"]) or tongue("none", "無")
    typer.echo(
        tongue(f"removed: {gone}; kept: ", f"已移除：{gone}；保留：") + str(len(answer["kept"]))
    )


def _named(snapshot: str | None) -> list[str]:
    return [] if snapshot is None else ["--snapshot", snapshot]


def _line(manifest: dict[str, Any]) -> str:
    """Name and figures of a backup."""
    rows = manifest.get("rows", {})
    counts = ", ".join(f"{count} {table}" for table, count in rows.items() if count)
    size = manifest.get("file_bytes", 0) / 2**20
    files = f"{manifest.get('files', 0)} files, {size:.1f} MiB ({manifest.get('new_files', 0)} new)"
    return f"{manifest.get('name', '')}  {counts or '0'}; {files}"


def _work(arguments: list[str], folder: Path, containers: bool) -> tuple[int, Any]:
    """Runs profile-service's command; its exit code and its answer."""
    place = _INSIDE if containers else str(folder.resolve())
    action, *options = arguments
    inner = ["-m", MODULE, action, place, *options]
    try:
        command = _in_container(folder, inner) if containers else [sys.executable, *inner]
    except compose.NoComposeError as problem:
        _fail(str(problem))
    environment = {**os.environ, "AVATAR_HOME": str(Home.of_environment().path)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in (0, _DAMAGED):
        raise typer.Exit(done.returncode)
    return done.returncode, json_module.loads(done.stdout)


def _in_container(folder: Path, inner: list[str]) -> list[str]:
    volume = f"{folder.resolve()}:{_INSIDE}"
    ask = ["run", "--rm", "--no-deps", "-T", "-v", volume, "profile", "python", *inner]
    return compose.command(Path.cwd(), [], *ask)


def _fail(text: str) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(2)
