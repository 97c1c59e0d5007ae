"""`avatar up`: one copy of AVATAR on this machine, until Ctrl-C."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import httpx
import typer

from avatar_cli.commands import models
from avatar_cli.commands.containers import up_in_containers
from avatar_cli.home import Home, HomeTakenError, configured_port
from avatar_cli.models.packed import PackedError
from avatar_cli.models.store import Store
from avatar_cli.running import engines, logread, logview, ports, profiles, ready
from avatar_cli.running.plan import Service, plan, to_start
from avatar_cli.running.profiles import Chosen, MissingModelsError
from avatar_cli.settings import UpSettings
from avatar_cli.tongue import Tongue, of_locale

if TYPE_CHECKING:
    from avatar_cli.running.supervisor import Supervisor
from avatar_contract.health import Health
from avatar_contract.service import supervisor_tag

EXIT_CANNOT_START = 2
EXIT_DIED = 1
_LAST_LINES = 8


def up(
    containers: Annotated[
        bool, typer.Option("--compose", "--docker", help="In containers, with Postgres.")
    ] = False,
    profile: Annotated[
        str, typer.Option(envvar="AVATAR_PROFILE", help="Engines: embedded, small or cpu.")
    ] = "embedded",
    overlay: Annotated[
        list[str] | None, typer.Option(help="With --compose: deploy/compose.NAME.yml too.")
    ] = None,
) -> None:
    """Start everything on this machine and print the address. Ctrl-C stops all.

    With --compose it starts containers and returns; `avatar down --compose` stops them.
    Settings: AVATAR_PORT (8000), AVATAR_HOME (./var); all others are in docs/settings.md.
    """
    tongue = of_locale()
    began = time.monotonic()
    if containers:
        raise typer.Exit(up_in_containers(overlay or [], tongue, began))
    home = Home.of_environment()
    try:
        port = configured_port()
        chosen = profiles.choose(profile, os.environ, home.models)
        with home.locked():
            models.prepare(chosen.packaged, Store(home.models))
            raise typer.Exit(_run(home, port, chosen, tongue, began))
    except MissingModelsError as missing:
        _fail(_models_missing(missing, tongue))
    except (ValueError, profiles.UnknownProfileError, PackedError) as problem:
        _fail(str(problem))
    except HomeTakenError as taken:
        _fail(_home_taken(taken, tongue))
    except OSError as problem:
        if not _is_below(problem.filename, home):
            raise
        _fail(_home_unwritable(problem, home, tongue))


def _run(home: Home, port: int, way: Chosen, tongue: Tongue, began: float) -> int:
    # Signals that Windows doesn't have; doctor still has to run there to say so.
    from avatar_cli.running.supervisor import Supervisor

    settings = UpSettings()
    if port and not ports.is_free(port):
        _fail(_port_taken(port, tongue))
    parts = to_start(way.environment)
    chosen = dict(zip([p.name for p in parts], ports.pick(len(parts)), strict=True))
    chosen["gateway"] = port or chosen["gateway"]
    tag = supervisor_tag(os.getpid())
    services = plan(way.environment, home.path, chosen, tag, way.model_server)
    files = logview.LogFiles(home.logs)
    home.write_ports(chosen)

    def watch(supervisor: "Supervisor") -> None:
        _announce(supervisor, services, home, tongue, began)

    supervisor = Supervisor(
        services,
        files,
        when_started=watch,
        restart_limit=settings.restart_limit,
        hang_s=settings.hang_s,
    )
    try:
        supervisor.run()
    finally:
        files.close()
    return _farewell(supervisor, home, tongue)


def _announce(
    supervisor: "Supervisor", services: list[Service], home: Home, tongue: Tongue, began: float
) -> None:
    def waiting(late: Mapping[str, Health | None]) -> None:
        words = [f"{n} {ready.loading_of(h)}".strip() for n, h in late.items()]
        supervisor.say(tongue("still waiting for: ", "還在等：") + "; ".join(words))

    health = ready.wait(services, stopped=lambda: supervisor.stopping, waiting=waiting)
    if health is None:
        return
    gateway = next(s for s in services if s.name == "gateway")
    seconds = time.monotonic() - began
    text = engines.banner(gateway.url, seconds, str(home.path), health["gateway"], tongue)
    supervisor.say(
        text + "\n  " + tongue("Ctrl-C stops everything.", "按 Ctrl-C 全部停止。") + "\n"
    )


def _farewell(supervisor: "Supervisor", home: Home, tongue: Tongue) -> int:
    death = supervisor.died
    if death is None:
        typer.echo(tongue("AVATAR has stopped.", "AVATAR 已停止。"))
        return 0
    name, code, times = death.name, death.code, death.times
    how = (
        tongue(f"was killed by signal {-code}", f"被訊號 {-code} 終止")
        if code < 0
        else tongue(f"ended with exit code {code}", f"以代碼 {code} 結束")
    )
    again = (
        tongue(f" (the {times}th time within 2 minutes)", f"（兩分鐘內第 {times} 次）")
        if times > 1
        else ""
    )
    for _, line in logread.last(home.logs, [name], _LAST_LINES):
        fields = logview.parse(line)
        typer.echo("  " + (logview.render(fields) if fields else line), err=True)
    typer.echo(
        tongue(
            f"{name} {how}{again}, so all the others were stopped too. Above are the last lines "
            f"of its log; more: avatar logs {name} (in {home.logs}). Put right what they say and "
            "start again; avatar doctor looks at this machine.",
            f"{name} {how}{again}，其他服務也都停止了。上面是它最後的紀錄；更多：avatar logs {name}"
            f"（在 {home.logs}）。請依紀錄修正後再啟動；avatar doctor 可以檢查這台機器。",
        ),
        err=True,
    )
    return EXIT_DIED


def _fail(text: str) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(EXIT_CANNOT_START)


def _home_taken(taken: HomeTakenError, tongue: Tongue) -> str:
    running = Home(taken.home).read_ports().get("gateway")
    address = f" http://127.0.0.1:{running}" if running else ""
    return tongue(
        f"A copy of AVATAR already runs on {taken.home} (process {taken.holder}){address}. "
        "Stop it, or give this one a folder and a port of its own: "
        "AVATAR_HOME=./var2 AVATAR_PORT=8001 avatar up",
        f"已經有一份 AVATAR 使用 {taken.home}（行程 {taken.holder}）{address}。"
        "請先停止它，或給這一份自己的資料夾和埠號：AVATAR_HOME=./var2 AVATAR_PORT=8001 avatar up",
    )


def _is_below(name: object, home: Home) -> bool:
    return isinstance(name, str | Path) and Path(name).is_relative_to(home.path)


def _home_unwritable(problem: OSError, home: Home, tongue: Tongue) -> str:
    return tongue(
        f"{problem.filename} can't be written ({problem.strerror}). AVATAR keeps everything in "
        f"{home.path}: make room there, mend its rights, or set AVATAR_HOME to a folder of yours.",
        f"無法寫入 {problem.filename}（{problem.strerror}）。AVATAR 的資料都在 {home.path}："
        "請清出空間或修正權限，或把 AVATAR_HOME 設成你自己的資料夾。",
    )


def _models_missing(missing: MissingModelsError, tongue: Tongue) -> str:
    names = ", ".join(f"{m.id} ({m.megabytes} MB)" for m in missing.models)
    packaged = all(m.packager for m in missing.models)
    return tongue(
        f"The profile {missing.profile} needs weights that are not here: {names}. Fetch them with: "
        f"avatar models download {missing.profile}"
        + (" (or `make run`, which installs them); or do without: --profile small" * packaged),
        f"設定組合 {missing.profile} 需要的模型還沒有下載：{names}。"
        f"下載：avatar models download {missing.profile}"
        + ("（或用 `make run` 安裝）；或改用 --profile small" * packaged),
    )


def _port_taken(port: int, tongue: Tongue) -> str:
    holder = ports.holder_of(port)
    who_en = f" by process {holder.pid} ({holder.command or holder.name})" if holder else ""
    who_zh = f"（行程 {holder.pid}：{holder.command or holder.name}）" if holder else ""
    if _is_avatar(port):
        who_en, who_zh = who_en + ", which is another AVATAR", who_zh + "，那是另一份 AVATAR"
    return tongue(
        f"Port {port} is taken{who_en}. Stop that program, or choose another port: "
        f"AVATAR_PORT={port + 1 if port < 65535 else 8000} avatar up",
        f"埠號 {port} 已被使用{who_zh}。請停止那個程式，或換一個埠號："
        f"AVATAR_PORT={port + 1 if port < 65535 else 8000} avatar up",
    )


def _is_avatar(port: int) -> bool:
    with httpx.Client(trust_env=False) as client:
        health = ready.health_of(client, f"http://127.0.0.1:{port}", timeout_s=1.0)
    return health is not None and health.service == "gateway"
