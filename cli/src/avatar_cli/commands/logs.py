"""`avatar logs`: what the services have written, in both ways of running."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from avatar_cli import compose
from avatar_cli.home import Home
from avatar_cli.running import logread, logview
from avatar_cli.tongue import of_locale


def logs(
    services: Annotated[
        list[str] | None, typer.Argument(help="Only these: gateway, stt, llm, tts, profile.")
    ] = None,
    lines: Annotated[int, typer.Option("-n", "--lines", help="How many of the last lines.")] = 100,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as they come.")] = False,
    json: Annotated[bool, typer.Option("--json", help="As they were written.")] = False,
    containers: Annotated[
        bool, typer.Option("--compose", help="Of the containers (also when only they run).")
    ] = False,
) -> None:
    """Show the services' logs."""
    home = Home.of_environment()
    there = logread.names(home.logs)
    if containers or (not there and compose.is_running(Path.cwd())):
        raise typer.Exit(_of_containers(services or [], lines, follow))
    wanted = services or there
    unknown = [name for name in wanted if name not in there]
    if not there or unknown:
        _nothing(home, unknown, there)
    for name, line in logread.last(home.logs, wanted, lines, chatter=json):
        _show(name, line, json)
    if follow:
        try:
            for name, line in logread.Follower(home.logs, wanted).lines():
                _show(name, line, json)
        except KeyboardInterrupt:
            raise typer.Exit(0) from None


def _show(name: str, line: str, json: bool) -> None:
    if json:
        typer.echo(line)
        return
    fields = logview.parse(line)
    if fields is None:
        typer.echo(f"{'':<8} {name:<8}| {line}")
    elif not logview.is_chatter(fields):
        text = logview.render(fields, sys.stdout.isatty())
        typer.echo(f"{logview.local_time(fields) or '':<8} {name:<8}| {text}")


def _of_containers(services: list[str], lines: int, follow: bool) -> int:
    arguments = ["logs", "--tail", str(lines), *(["--follow"] if follow else []), *services]
    try:
        return subprocess.run(compose.command(Path.cwd(), [], *arguments), check=False).returncode
    except compose.NoComposeError as problem:
        _fail(str(problem))
    except KeyboardInterrupt:
        return 0


def _nothing(home: Home, unknown: list[str], there: list[str]) -> NoReturn:
    tongue = of_locale()
    if not there:
        _fail(
            tongue(
                f"No logs in {home.logs}: AVATAR has not run on this AVATAR_HOME.",
                f"{home.logs} 裡沒有紀錄：AVATAR 還沒有在這個 AVATAR_HOME 執行過。",
            )
        )
    _fail(
        tongue(
            f"There is no log of {', '.join(unknown)}; these are: {', '.join(there)}.",
            f"沒有 {', '.join(unknown)} 的紀錄；現有：{', '.join(there)}。",
        )
    )


def _fail(text: str) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(2)
