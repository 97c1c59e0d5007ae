"""`avatar doctor`: what it says of machines good and bad."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from avatar_cli.checks import machine, network, software
from avatar_cli.checks.finding import Finding, blocks
from avatar_cli.home import Home
from avatar_cli.main import app
from avatar_cli.tongue import Tongue

EN, ZH = Tongue("en"), Tongue("zh")


@pytest.mark.parametrize(
    ("name", "kernel", "verdict", "words"),
    [
        ("Linux", "6.1.0", "ok", "supported"),
        ("Darwin", "24.0", "ok", "supported"),
        ("Linux", "5.15.0-microsoft-standard-WSL2", "ok", "WSL2"),
        ("Windows", "11", "problem", "wsl --install"),
        ("FreeBSD", "14", "warning", "WSL2"),
    ],
)
def test_systems(name: str, kernel: str, verdict: str, words: str) -> None:
    finding = machine.system(EN, name, kernel)
    assert finding.verdict == verdict
    assert words in finding.what + finding.remedy


def test_old_python() -> None:
    assert machine.python(EN, (3, 10)).verdict == "problem"
    assert machine.python(EN).verdict == "ok"


def test_small_machine() -> None:
    assert machine.memory(EN, 1.0).verdict == "warning"
    assert "MAX_SESSIONS=1" in machine.memory(ZH, 1.0).remedy


def test_taken_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("AVATAR_PORT", str(server.getsockname()[1]))
        finding = network.port(Home(tmp_path), EN)
    assert finding.verdict == "problem"
    assert "AVATAR_PORT=" in finding.remedy
    monkeypatch.setenv("AVATAR_PORT", "nonsense")
    assert network.port(Home(tmp_path), EN).verdict == "problem"


def test_model_server_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_URL", "http://127.0.0.1:9")
    finding = software.model_server(EN)
    assert finding.verdict == "problem"
    assert "LLM_URL" in finding.remedy


def test_only_problems_block() -> None:
    assert not blocks([Finding("a", "warning", ""), Finding("b", "note", "")])
    assert blocks([Finding("a", "ok", ""), Finding("b", "problem", "")])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_command(language: str, tmp_path: Path) -> None:
    environment = {"AVATAR_LANG": language, "AVATAR_HOME": str(tmp_path), "AVATAR_PORT": "0"}
    result = CliRunner().invoke(app, ["doctor"], env=environment)
    assert result.exit_code == 0, result.output
    assert "localhost" in result.output
    found = json.loads(CliRunner().invoke(app, ["doctor", "--json"], env=environment).stdout)
    assert {"system", "python", "profile", "engines", "port", "microphone"} <= {
        f["subject"] for f in found
    }


def test_it_runs_without_the_signals_and_locks_of_unix(tmp_path: Path) -> None:
    """Windows itself is not supported, and doctor is what says so."""
    code = (
        "import sys, signal; sys.modules['fcntl'] = None; del signal.SIGHUP\n"
        "import platform; platform.system = lambda: 'Windows'\n"
        "from avatar_cli.main import app; app(['doctor'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "AVATAR_LANG": "en", "AVATAR_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "wsl --install" in done.stdout
