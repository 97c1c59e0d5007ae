"""`avatar logs`: the last lines of all services in order, and those that follow."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from avatar_cli.main import app
from avatar_cli.running import logread


def line(second: int, event: str, **fields: object) -> str:
    stamp = f"2026-11-21T08:00:{second:02d}.000+00:00"
    return json.dumps({"timestamp": stamp, "level": "info", "event": event, **fields}) + "\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AVATAR_HOME", str(tmp_path))
    monkeypatch.setenv("AVATAR_LANG", "en")
    logs = tmp_path / "log"
    logs.mkdir()
    (logs / "stt.jsonl.1").write_text(line(1, "oldest"))
    (logs / "stt.jsonl").write_text(line(3, "third") + "Traceback\n")
    chatter = line(4, "Uvicorn running", logger="uvicorn.error")
    (logs / "tts.jsonl").write_text(line(2, "second") + chatter)
    return logs


def test_merged_by_time(folder: Path) -> None:
    result = CliRunner().invoke(app, ["logs"])
    assert result.exit_code == 0
    lines = result.output.splitlines()
    events = [text.split("| ")[1].split()[-1] for text in lines]
    assert events == ["oldest", "second", "third", "Traceback"]


def test_last_of_one(folder: Path) -> None:
    result = CliRunner().invoke(app, ["logs", "tts", "-n", "1"])
    assert result.output.endswith("tts     | info    second\n")
    raw = CliRunner().invoke(app, ["logs", "tts", "-n", "1", "--json"])
    assert json.loads(raw.output)["event"] == "Uvicorn running"


def test_unknown_service(folder: Path) -> None:
    result = CliRunner().invoke(app, ["logs", "sst"])
    assert result.exit_code == 2
    assert "these are: stt, tts" in result.output


def test_nothing_has_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["logs"], env={"AVATAR_HOME": str(tmp_path / "x")})
    assert result.exit_code == 2


def test_following_through_a_turnover(folder: Path) -> None:
    follower = logread.Follower(folder, ["stt"])
    path = folder / "stt.jsonl"
    with path.open("a") as file:
        file.write(line(5, "fifth") + '{"half')
    assert [text for _, text in follower.new()] == [line(5, "fifth").strip()]
    path.rename(folder / "stt.jsonl.1")
    path.write_text(line(6, "sixth"))
    assert [text for _, text in follower.new()][-1].endswith(line(6, "sixth").strip())
