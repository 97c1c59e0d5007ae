"""The folder, its lock, and ports."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from avatar_cli.commands.up import EXIT_CANNOT_START
from avatar_cli.home import Home, HomeTakenError, configured_port, default_url
from avatar_cli.main import app
from avatar_cli.running import ports
from avatar_cli.running.plan import page_folder, plan, to_start
from avatar_cli.tongue import of_locale


def test_home_of_environment(tmp_path: Path) -> None:
    assert Home.of_environment({"AVATAR_HOME": str(tmp_path / "x")}).path == tmp_path / "x"
    assert Home.of_environment({}).path == Path("var").resolve()


@pytest.mark.parametrize(("language", "words"), [("en", "can't be written"), ("zh", "無法寫入")])
def test_a_home_that_cannot_be_written_ends_the_start_in_words(language: str, words: str) -> None:
    """Of the kernel's, because root may write to any folder of its own."""
    environment = {"AVATAR_LANG": language, "AVATAR_HOME": "/sys/kernel/avatar", "AVATAR_PORT": "0"}
    result = CliRunner().invoke(app, ["up", "--profile", "small"], env=environment)
    assert result.exit_code == EXIT_CANNOT_START
    assert words in result.stderr
    assert "/sys/kernel/avatar" in result.stderr
    assert "AVATAR_HOME" in result.stderr


def test_second_copy_is_kept_out(tmp_path: Path) -> None:
    code = (
        "import sys; from avatar_cli.home import Home; from pathlib import Path\n"
        "with Home(Path(sys.argv[1])).locked(): print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with pytest.raises(HomeTakenError) as taken, Home(tmp_path).locked(patience_s=0.3):
            pass
        assert taken.value.holder == str(first.pid)
        first.kill()
    with Home(tmp_path).locked(patience_s=0):
        pass


def test_ports_file_lasts_as_long_as_the_lock(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with home.locked():
        home.write_ports({"gateway": 8123})
        assert json.loads(home.ports_file.read_text()) == {"gateway": 8123}
        assert default_url({"AVATAR_HOME": str(tmp_path)}) == "http://127.0.0.1:8123"
    assert home.read_ports() == {}
    assert default_url({"AVATAR_HOME": str(tmp_path), "AVATAR_PORT": "81"}).endswith(":81")


@pytest.mark.parametrize("text", ["x", "-1", "70000", "80.5"])
def test_bad_port(text: str) -> None:
    with pytest.raises(ValueError, match="AVATAR_PORT"):
        configured_port({"AVATAR_PORT": text})


def test_taken_port_names_its_holder() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not ports.is_free(port)
        holder = ports.holder_of(port)
        assert holder is not None
        assert "python" in holder.command
    assert ports.is_free(port)
    assert ports.holder_of(port) is None


def test_picked_ports_differ() -> None:
    assert len(set(ports.pick(20))) == 20


def test_plan_wires_addresses(tmp_path: Path) -> None:
    names = ["profile", "stt", "llm", "tts", "gateway"]
    assert [p.name for p in to_start({})] == names
    chosen = {name: 9000 + i for i, name in enumerate(names)}
    services = {s.name: s for s in plan({"MAX_SESSIONS": "2"}, tmp_path, chosen, "1:2")}
    gateway = services["gateway"].environment
    assert gateway["AVATAR_PORT"] == "9004"
    assert gateway["TTS_FAST_URL"] == gateway["TTS_HQ_URL"] == "http://127.0.0.1:9003"
    assert gateway["MAX_SESSIONS"] == "2"
    assert gateway["AVATAR_SUPERVISOR"] == "1:2"
    assert services["stt"].environment["STT_PORT"] == "9001"


def test_own_model_server_replaces_the_demo(tmp_path: Path) -> None:
    environment = {"LLM_URL": "http://10.0.0.2:8000"}
    parts = to_start(environment)
    assert "llm" not in [p.name for p in parts]
    services = plan(environment, tmp_path, {p.name: 9000 for p in parts}, "1:2")
    assert all(s.environment["LLM_URL"] == "http://10.0.0.2:8000" for s in services)


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "zh_TW.UTF-8"}, "zh"),
        ({"LANG": "zh_TW.UTF-8", "LC_ALL": "en_US.UTF-8"}, "en"),
        ({"AVATAR_LANG": "zh-TW", "LC_ALL": "C"}, "zh"),
        ({}, "en"),
    ],
)
def test_language_of_the_terminal(environment: dict[str, str], language: str) -> None:
    assert of_locale(environment).language == language


def test_page_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert page_folder({"WEB_DIST": str(tmp_path)}) == tmp_path
    built = tmp_path / "web" / "dist"
    built.mkdir(parents=True)
    (built / "index.html").write_text("<html>")
    monkeypatch.chdir(tmp_path)
    assert page_folder({}) == built
