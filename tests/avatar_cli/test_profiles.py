"""Which engines a profile brings, and what it says when weights are missing."""

import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from avatar_cli.main import app
from avatar_cli.models import catalogue
from avatar_cli.models.store import Manifest, Store
from avatar_cli.running import profiles
from avatar_cli.running.plan import plan, to_start


def pretend(models: Path, *ids: str) -> None:
    """Manifests without files: what `choose` looks at."""
    store = Store(models)
    for model in catalogue.load().resolve(list(ids)):
        store.folder(model).mkdir(parents=True, exist_ok=True)
        store.record(
            Manifest(
                id=model.id,
                folder=model.folder,
                repository=model.repository,
                revision="r",
                licence=model.licence,
                files=[],
            )
        )


def test_embedded_hears_with_packaged_weights(tmp_path: Path) -> None:
    chosen = profiles.choose("embedded", {"A": "1"}, tmp_path)
    assert chosen.environment["A"] == "1"
    assert chosen.environment["STT_BACKEND"] == "faster_whisper"
    assert "base" in [model.id for model in chosen.packaged]


@pytest.mark.parametrize(("environment", "packaged"), [({}, True), ({"TTS_ENGINE": "f5"}, False)])
def test_embedded_speaks_with_packaged_weights_unless_another_engine_does(
    tmp_path: Path, environment: dict[str, str], packaged: bool
) -> None:
    chosen = profiles.choose("embedded", environment, tmp_path)
    assert chosen.environment["TTS_ENGINE"] == environment.get("TTS_ENGINE", "kokoro")
    assert ("kokoro" in [model.id for model in chosen.packaged]) is packaged


def test_small_needs_no_weights(tmp_path: Path) -> None:
    chosen = profiles.choose("small", {}, tmp_path)
    assert chosen.environment["STT_BACKEND"] == "pocketsphinx"
    assert chosen.environment["TTS_ENGINE"] == "espeak"
    assert chosen.packaged == ()


def test_another_recogniser_needs_no_packaged_weights(tmp_path: Path) -> None:
    chosen = profiles.choose("embedded", {"STT_BACKEND": "openai"}, tmp_path)
    assert "base" not in [model.id for model in chosen.packaged]


def test_packages_that_are_not_installed_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles.packed, "installed", lambda _: False)
    environment = {"AVATAR_HOME": str(tmp_path), "AVATAR_LANG": "en", "TTS_ENGINE": "espeak"}
    result = CliRunner().invoke(app, ["up"], env=environment)
    assert result.exit_code == 2
    assert "base (148 MB)" in result.output
    assert "models download embedded" in result.output
    assert "--profile small" in result.output


def test_up_checks_the_weights_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise profiles.packed.PackedError("model.bin of base is not what its maker publishes")

    monkeypatch.setattr(profiles.packed, "prepare", refuse)
    environment = {"AVATAR_HOME": str(tmp_path), "AVATAR_LANG": "en", "TTS_ENGINE": "espeak"}
    result = CliRunner().invoke(app, ["up"], env=environment)
    assert result.exit_code == 2
    assert "not what its maker publishes" in result.output


def test_missing_weights_are_named_with_size_and_command(tmp_path: Path) -> None:
    environment = {"AVATAR_HOME": str(tmp_path), "AVATAR_LANG": "en"}
    result = CliRunner().invoke(app, ["up", "--profile", "cpu"], env=environment)
    assert result.exit_code == 2
    assert "small (487 MB)" in result.output
    assert "avatar models download cpu" in result.output
    unknown = CliRunner().invoke(app, ["up", "--profile", "tpu"], env=environment)
    assert unknown.exit_code == 2
    assert "embedded, small, cpu" in unknown.output


def test_cpu_sets_engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    pretend(tmp_path, "small", "piper-zh", "piper-en")
    chosen = profiles.choose("cpu", {"STT_SILENCE_MS": "300"}, tmp_path)
    assert chosen.environment["STT_BACKEND"] == "faster_whisper"
    assert chosen.environment["TTS_ENGINE"] == "piper"
    assert chosen.environment["STT_SILENCE_MS"] == "300"
    assert chosen.model_server is None


def test_what_the_user_set_wins_and_needs_no_weights(tmp_path: Path) -> None:
    own = {"STT_BACKEND": "openai", "TTS_ENGINE": "espeak", "LLM_URL": "http://10.0.0.1:8000"}
    chosen = profiles.choose("cpu", own, tmp_path)
    assert {k: chosen.environment[k] for k in own} == own


def test_llama_server_takes_the_place_of_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(tmp_path, "cpu")
    program = tmp_path / "bin" / "llama-server"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(program.parent))
    chosen = profiles.choose("cpu", {}, tmp_path)
    names = [p.name for p in to_start(chosen.environment)]
    chosen_ports = {name: 9000 + i for i, name in enumerate(names)}
    services = plan(chosen.environment, tmp_path, chosen_ports, "1:2", chosen.model_server)
    llm = next(s for s in services if s.name == "llm")
    assert llm.command[0] == str(program)
    assert llm.command[-2:] == ("--port", "9002")
    assert llm.command[2].endswith("qwen2.5-1.5b-instruct-q4_k_m.gguf")
