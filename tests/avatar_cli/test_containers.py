"""The other way of running: which Compose commands are given. The program is a recorder."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from avatar_cli import compose
from avatar_cli.main import app

RECORDER = """
import os, sys
with open({calls!r}, "a") as file:
    print(" ".join(sys.argv[1:]), file=file)
if "port" in sys.argv:
    print("0.0.0.0:1")
if "version" in sys.argv:
    print("Docker Compose version v2.0")
if "ps" in sys.argv:
    print("abc")
sys.exit({code})
"""


@pytest.fixture
def avatar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    (tmp_path / "docker-compose.yml").write_text("services: {}\n")
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "compose.tls.yml").write_text("services: {}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AVATAR_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("AVATAR_LANG", "en")

    def run(*arguments: str, code: int = 0) -> Result:
        program = tmp_path / "recorder.py"
        program.write_text(RECORDER.format(calls=str(tmp_path / "calls"), code=code))
        monkeypatch.setenv("AVATAR_COMPOSE", f"{sys.executable} {program}")
        return CliRunner().invoke(app, list(arguments))

    return run


def calls(tmp_path: Path) -> list[str]:
    text = (tmp_path / "calls").read_text()
    return text.replace(str(tmp_path) + os.sep, "").splitlines()


def test_up_and_down(avatar: Callable[..., Result], tmp_path: Path) -> None:
    result = avatar("up", "--compose", "--overlay", "tls")
    assert result.exit_code == 0
    files = "-f docker-compose.yml -f deploy/compose.tls.yml"
    assert calls(tmp_path) == [f"{files} up --detach --wait", f"{files} port gateway 8000"]
    assert "docker compose ps" in result.output
    avatar("down", "--docker")
    assert calls(tmp_path)[-1] == "-f docker-compose.yml down"


def test_unhealthy_containers(avatar: Callable[..., Result]) -> None:
    result = avatar("up", "--compose", code=1)
    assert result.exit_code == 1
    assert "avatar logs --compose" in result.output


def test_logs_of_containers(avatar: Callable[..., Result], tmp_path: Path) -> None:
    assert avatar("logs", "gateway", "-n", "5").exit_code == 0
    assert calls(tmp_path)[-1] == "-f docker-compose.yml logs --tail 5 gateway"


def test_unknown_overlay_names_the_known(avatar: Callable[..., Result]) -> None:
    result = avatar("up", "--compose", "--overlay", "gpux")
    assert result.exit_code == 2
    assert "these are: tls" in result.output


def test_no_compose_file(avatar: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "docker-compose.yml").unlink()
    result = avatar("up", "--compose")
    assert result.exit_code == 2
    assert "avatar up" in result.output


def test_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(compose.NoComposeError, match="not found"):
        compose.program({})
    assert compose.program({"AVATAR_COMPOSE": "sudo docker compose"})[0] == "sudo"


def test_version(avatar: Callable[..., Result]) -> None:
    avatar("logs")
    assert compose.version() == "Docker Compose version v2.0"
