"""`avatar backup`, `restore` and `prune` with the real profile-service command on SQLite."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from avatar_cli.home import Home
from avatar_cli.main import app


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AVATAR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AVATAR_LANG", "en")
    monkeypatch.delenv("PROFILE_DATABASE_URL", raising=False)
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def avatar(*arguments: object):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_there_and_back(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate = [sys.executable, "-m", "profile_service.migrate"]
    subprocess.run(migrate, check=True, capture_output=True, timeout=60)
    folder = tmp_path / "backups"
    made = avatar("backup", folder)
    assert made.exit_code == 0, made.output
    assert made.output.startswith("backed up: ")
    assert len(avatar("backup", folder, "--list").output.splitlines()) == 1
    assert avatar("backup", folder, "--verify").output == "all is well\n"
    monkeypatch.setenv("AVATAR_HOME", str(tmp_path / "new"))
    back = avatar("restore", folder)
    assert back.exit_code == 0, back.output
    assert (tmp_path / "new" / "avatar.sqlite3").is_file()
    pruned = avatar("prune", folder, "--keep", 1)
    assert pruned.exit_code == 0
    assert pruned.output.endswith("kept: 1\n")


def test_a_running_copy_is_not_restored_over(home: Path, tmp_path: Path) -> None:
    with Home(home).locked():
        result = avatar("restore", tmp_path / "backups")
    assert result.exit_code == 2
    assert "avatar down" in result.output


def test_no_such_backup(home: Path, tmp_path: Path) -> None:
    assert avatar("restore", tmp_path / "nothing").exit_code == 1
