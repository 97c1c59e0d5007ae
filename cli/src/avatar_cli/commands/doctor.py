"""`avatar doctor`: what this machine is, what is missing, and what to do about it."""

import json as json_module
from typing import Annotated

import typer

from avatar_cli.checks import machine, network, profile, software
from avatar_cli.checks.finding import Finding, blocks
from avatar_cli.checks.profile import Machine
from avatar_cli.home import Home
from avatar_cli.tongue import Tongue, of_locale

_MARKS = {"ok": "ok     ", "note": "note   ", "warning": "WARNING", "problem": "PROBLEM"}
_COLOURS = {"ok": "green", "note": "blue", "warning": "yellow", "problem": "red"}


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print a JSON list of findings.")] = False,
) -> None:
    """Check this machine: system, engines, ports, disk. Exit code 1 when something blocks.

    Supported are Linux, macOS, and Windows through WSL2.
    """
    tongue = of_locale()
    findings = examine(Home.of_environment(), tongue)
    if json:
        typer.echo(json_module.dumps([f.plain() for f in findings], ensure_ascii=False, indent=2))
    else:
        _show(findings, tongue)
    raise typer.Exit(1 if blocks(findings) else 0)


def examine(home: Home, tongue: Tongue) -> list[Finding]:
    """Looks at everything; changes nothing and starts nothing."""
    findings = [
        machine.system(tongue),
        machine.python(tongue),
        machine.memory(tongue),
        profile.fitting(Machine.this(running=_runs(home)), tongue),
        machine.disk(home.path, tongue),
        machine.graphics(tongue),
        software.services(tongue),
        *software.engines(tongue),
        software.weights(home.models, tongue),
        software.model_server(tongue),
        software.page(tongue),
        software.docker(tongue),
        network.port(home, tongue),
        network.microphone(tongue),
    ]
    around = network.proxy(tongue)
    return findings if around is None else [*findings, around]


def _runs(home: Home) -> bool:
    """Whether AVATAR runs on this folder, as far as its file of ports tells."""
    try:
        return bool(home.read_ports())
    except ValueError:
        return False  # `network.port` tells what is wrong with it


def _show(findings: list[Finding], tongue: Tongue) -> None:
    for finding in findings:
        mark = typer.style(_MARKS[finding.verdict], fg=_COLOURS[finding.verdict])
        typer.echo(f"{mark} {finding.subject:<13} {finding.what}")
        if finding.remedy:
            typer.echo(f"{'':<21} → {finding.remedy}")
    verdict = (
        tongue(
            "Something keeps AVATAR from running; see PROBLEM above.",
            "有問題需要先解決，見上方 PROBLEM。",
        )
        if blocks(findings)
        else tongue("AVATAR can run here: avatar up", "可以執行 AVATAR：avatar up")
    )
    typer.echo(verdict)
