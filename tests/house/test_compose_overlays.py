"""Each way of running, with its overlay laid over the base, against the services themselves.

The settings classes read the containers' environment, the apps tell their routes, the catalogue its
folders: what a compose file says and a service does not take is found here, without containers.
"""

import importlib.util
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

import compose_files
import gateway.app
import gateway.settings
import llm_service.app
import llm_service.backends.registry
import llm_service.settings
import lock
import profile_service.app
import profile_service.settings
import settings_reference
import stt_service.app
import stt_service.settings
import tts_service.app
import tts_service.settings
from avatar_cli.models import catalogue
from avatar_contract.service import ServiceSettings
from tts_service.backends import ENGINES, f5

ROOT = compose_files.ROOT
WAYS: dict[str, tuple[str, ...]] = {
    "base": (),
    **{path.name: (path.name,) for path in compose_files.OVERLAYS},
    "gpu and tls": ("compose.gpu.yml", "compose.tls.yml"),
    "cpu and lan": ("compose.cpu.yml", "compose.lan.yml"),
}
GIVEN = {"AVATAR_API_KEY": "a long key", "LLM_API_KEY": "another long key"}
"""What `.env` must hold for some of them."""
CLASSES: dict[str, type[ServiceSettings]] = {
    "gateway": gateway.settings.Settings,
    "stt": stt_service.settings.SttSettings,
    "llm": llm_service.settings.Settings,
    "tts": tts_service.settings.TtsSettings,
    "profile": profile_service.settings.Settings,
    "migrate": profile_service.settings.Settings,
}
APPS: dict[str, Callable[[Any], FastAPI]] = {
    "gateway": gateway.app.make_app,
    "stt": stt_service.app.make_app,
    "llm": llm_service.app.make_app,
    "tts": tts_service.app.build_app,
    "profile": profile_service.app.build,
}
SHELL = {"HEALTH", "FORWARDED_ALLOW_IPS"}
"""Read by the image's health check, and by uvicorn."""
STATELESS = {"llm", "migrate"}
"""The demo keeps nothing, and the migration's place is the database."""
SMALLEST_24_GB_MIB = 22_700
"""A10, L4 and the like tell between 22.7 and 24.6 thousand MiB."""
CATALOGUE = catalogue.load()


def services(way: str, **environment: str) -> dict[str, dict[str, Any]]:
    """What would run, with its variables filled in."""
    found = compose_files.overlaid(*WAYS[way])["services"]
    return dict(compose_files.filled(found, GIVEN | environment))


def ours(way: str) -> dict[str, dict[str, Any]]:
    """Those that run our code."""
    found = services(way).items()
    return {name: one for name, one in found if one["image"].startswith("avatar-")}


CASES = [(way, name) for way in WAYS for name in ours(way)]


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], ServiceSettings]:
    """The settings of a service in a way of running, as its process would read them."""

    def read(way: str, name: str) -> ServiceSettings:
        for _, rows in settings_reference.sections():
            for variable in (variable for row in rows for variable in row.names):
                monkeypatch.delenv(variable, raising=False)
        for variable, value in ours(way)[name]["environment"].items():
            monkeypatch.setenv(variable, value)
        return CLASSES[name]()

    return read


def volumes(service: dict[str, Any]) -> dict[str, bool]:
    """Where something is mounted, and whether it may be written."""
    return {
        compose_files.target(one): not one.endswith(":ro") for one in service.get("volumes", [])
    }


def option(service: dict[str, Any], name: str) -> str:
    """What follows an option on a command line."""
    command = service["command"]
    return str(command[command.index(name) + 1])


@pytest.mark.parametrize(("way", "name"), CASES)
def test_the_settings_take_what_a_service_is_told(way: str, name: str, settings) -> None:
    read = settings(way, name)
    told = set(ours(way)[name]["environment"]) - SHELL
    taken = {
        variable
        for field, info in CLASSES[name].model_fields.items()
        for variable in settings_reference.environment_names(CLASSES[name], field, info)
    }
    assert told - taken == set(), f"{name} does not read these"
    if name != "migrate":
        assert read.host == "0.0.0.0"


@pytest.mark.parametrize(("way", "name"), [case for case in CASES if case[1] != "migrate"])
async def test_the_health_path_is_a_route_at_the_services_port(
    way: str, name: str, settings
) -> None:
    read = settings(way, name)
    health = re.fullmatch(
        r"http://127\.0\.0\.1:(\d+)(/\w+)", ours(way)[name]["environment"]["HEALTH"]
    )
    assert health is not None
    assert int(health[1]) == read.port
    # Nothing is started, so it is not ready; but it is there, and another path is not.
    unstarted = httpx.ASGITransport(APPS[name](read), raise_app_exceptions=False)
    host = f"http://127.0.0.1:{read.port}"
    async with httpx.AsyncClient(transport=unstarted, base_url=host) as client:
        assert (await client.get(health[2])).status_code != 404
        assert (await client.get(f"{health[2]}z")).status_code in {401, 404}
    assert ours(way)[name]["healthcheck"]["test"] == ["CMD", "avatar-health"]


@pytest.mark.parametrize("way", WAYS)
def test_the_gateway_looks_for_services_where_they_listen(way: str, settings) -> None:
    read = settings(way, "gateway")
    running = services(way)
    for field in ("stt_url", "llm_url", "tts_fast_url", "tts_hq_url", "profile_url"):
        host, port = re.fullmatch(r"http://(\w+):(\d+)", getattr(read, field)).groups()
        there = running[host]
        told = there.get("environment", {}) if host in ours(way) else {}
        listens = told.get(f"{host.upper()}_PORT") or option(there, "--port")
        assert port == listens, field
        assert f":{port}/health" in str(there["healthcheck"]["test"]) + str(told.get("HEALTH"))
        assert set(there["networks"]) & set(running["gateway"]["networks"]), field


@pytest.mark.parametrize(("way", "name"), [case for case in CASES if case[1] not in STATELESS])
def test_state_is_kept_in_a_volume_and_weights_are_mounted_where_they_are_looked_for(
    way: str, name: str, settings
) -> None:
    read, mounted = settings(way, name), volumes(ours(way)[name])
    assert mounted[str(read.home)] is True
    if name in {"stt", "tts"}:
        looked_for = read.models_dir if name == "stt" else read.models
        assert mounted[str(looked_for)] is False
    written = [where for where, writable in mounted.items() if writable]
    assert written == [str(read.home)], "nothing else survives a read-only root"


@pytest.mark.parametrize("way", WAYS)
def test_engines_that_are_named_exist(way: str, settings) -> None:
    source = (ROOT / "stt-service/src/stt_service/backends/registry.py").read_text("utf-8")
    assert f'"{settings(way, "stt").backend}"' in source
    assert settings(way, "tts").engine in ENGINES
    if "llm" in ours(way):
        assert settings(way, "llm").backend in llm_service.backends.registry.BACKENDS


@pytest.mark.parametrize("bundle", ["cpu", "gpu"])
def test_the_weights_of_an_overlay_are_those_that_the_command_downloads(
    bundle: str, settings
) -> None:
    way = f"compose.{bundle}.yml"
    downloaded = CATALOGUE.resolve([bundle])
    files = {f"{model.folder}/{file.name}" for model in downloaded for file in model.files}
    folders = {model.folder for model in downloaded}
    text = (ROOT / "deploy" / way).read_text("utf-8")
    assert f"avatar models download {bundle}" in text
    assert settings(way, "stt").model in folders
    tts = settings(way, "tts")
    if bundle == "cpu":
        assert {tts.piper_zh, tts.piper_en} <= files
    else:
        assert {f"{tts.f5_model}/model.safetensors", f"{tts.f5_model}/vocab.txt"} <= files
        assert {f"{tts.f5_vocoder}/config.yaml", f"{tts.f5_vocoder}/pytorch_model.bin"} <= files
    llm = services(way)["llm"]
    folder = "/models/"
    assert volumes(llm) == {folder.rstrip("/"): False}
    assert option(llm, "--model").removeprefix(folder) in (files if bundle == "cpu" else folders)
    ours_are_from = ours(way)["stt"]["volumes"][-1].split(":")[0]
    assert llm["volumes"][0].split(":")[0] == ours_are_from, "one folder for all"


def test_the_gateway_names_the_model_as_vllm_serves_it_and_shows_its_key(settings) -> None:
    vllm, read = services("compose.gpu.yml")["llm"], settings("compose.gpu.yml", "gateway")
    assert read.llm_model == option(vllm, "--served-model-name")
    assert read.llm_api_key.get_secret_value() == vllm["environment"]["VLLM_API_KEY"]
    with pytest.raises(KeyError, match="LLM_API_KEY"):
        compose_files.filled(compose_files.overlaid("compose.gpu.yml"), {})
    longest = int(option(vllm, "--max-model-len"))
    assert longest >= read.token_budget + read.llm_max_tokens


@pytest.mark.parametrize("way", WAYS)
def test_a_service_uses_a_gpu_where_it_is_given_one(way: str, settings) -> None:
    for name, one in services(way).items():
        devices = one.get("deploy", {}).get("resources", {}).get("reservations", {}).get("devices")
        if name in {"stt", "tts"}:
            # A container sees its one GPU as the first, whichever it is on the machine.
            assert (settings(way, name).device == "cuda:0") is bool(devices), name
        for device in devices or []:
            assert device["driver"] == "nvidia"
            assert len(device["device_ids"]) == 1, "one GPU, and a named one"
            assert device["device_ids"][0].isdigit()


def test_gpus_are_pinned_by_the_two_variables() -> None:
    def pinned(**environment: str) -> dict[str, list[str]]:
        return {
            name: one["deploy"]["resources"]["reservations"]["devices"][0]["device_ids"]
            for name, one in services("compose.gpu.yml", **environment).items()
            if "deploy" in one
        }

    assert pinned() == {"llm": ["0"], "tts": ["0"]}
    assert pinned(GPU_SPEECH="1") == {"llm": ["0"], "tts": ["1"]}
    assert pinned(GPU_MODEL="2", GPU_SPEECH="1") == {"llm": ["2"], "tts": ["1"]}


def test_what_shares_one_card_of_24_gb_fits() -> None:
    vllm = services("compose.gpu.yml")["llm"]
    share = float(option(vllm, "--gpu-memory-utilization"))
    speech = f5.NEEDS_MIB / SMALLEST_24_GB_MIB
    assert 0 < share < 1
    assert share + speech <= 1
    assert share + speech <= 0.9, "a driver, a desktop and two contexts want some too"
    weights = CATALOGUE.get("qwen2.5-7b-awq").megabytes * 1e6 / 2**20
    # Qwen2.5-7B: 28 layers, 4 heads of 128 for keys and values, both, in half precision.
    contexts = 4 * int(option(vllm, "--max-model-len")) * 28 * 4 * 128 * 2 * 2 / 2**20
    activations = 2048
    assert weights + contexts + activations <= share * SMALLEST_24_GB_MIB, "four people at once"
    page = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    assert share == 0.5
    assert "12 GB, half of the card" in page


@pytest.mark.parametrize(("way", "name"), CASES)
def test_images_are_built_from_what_is_there(way: str, name: str) -> None:
    build = ours(way)[name]["build"]
    stages = re.findall(r"(?m)^FROM \S+ AS (\w+)", (ROOT / build["dockerfile"]).read_text("utf-8"))
    assert build["target"] in stages
    arguments = build["args"]
    assert (ROOT / arguments["SERVICE"] / "pyproject.toml").is_file()
    assert importlib.util.find_spec(f"{arguments['PACKAGE']}.__main__") is not None
    locks = {entry.name for entry in lock.plan()}
    assert arguments.get("LOCK", arguments["SERVICE"]) in locks


def test_one_image_is_built_one_way() -> None:
    built: dict[str, set[str]] = {}
    for way, name in CASES:
        one = ours(way)[name]
        built.setdefault(one["image"], set()).add(str(one["build"]))
    assert {image: len(ways) for image, ways in built.items() if len(ways) > 1} == {}


def test_the_gpu_image_installs_the_torch_that_was_locked() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
    (version,) = re.findall(r"(?m)^ARG TORCH_VERSION=(\S+)", dockerfile)
    assert f"torch=={version}" == lock.TORCH
    assert "--require-hashes --no-deps -r /opt/f5.lock" in dockerfile


@pytest.mark.parametrize("path", compose_files.OVERLAYS, ids=lambda path: path.name)
def test_an_overlay_tells_how_it_is_used_and_only_changes_what_there_is(path) -> None:
    assert f"-f docker-compose.yml -f deploy/{path.name} up" in path.read_text("utf-8")
    assert f"`deploy/{path.name}`" in (ROOT / "docs" / "deploy.md").read_text("utf-8")
    base = compose_files.overlaid()["services"]
    for name, one in compose_files.load(path)["services"].items():
        assert name in base or {"image", "restart", "read_only", "cap_drop"} <= set(one), name


@pytest.mark.parametrize("way", WAYS)
def test_what_other_machines_reach_asks_for_a_key(way: str, settings) -> None:
    running = services(way)
    open_to_all = {
        name
        for name, one in running.items()
        if any(not port.startswith("127.0.0.1:") for port in one.get("ports", []))
    }
    assert open_to_all <= {"gateway", "tls"}
    read = settings(way, "gateway")
    if open_to_all:
        assert read.auth == "api_key"
        assert read.api_key.get_secret_value() == GIVEN["AVATAR_API_KEY"]
    assert read.published_on_loopback is ("gateway" not in open_to_all)


def test_the_example_tells_the_defaults_that_compose_takes() -> None:
    by_hand = (ROOT / "deploy" / "compose.env").read_text("utf-8")
    told = dict(re.findall(r"(?m)^#(\w+)=(.*)$", by_hand))
    files = [compose_files.BASE, *compose_files.OVERLAYS]
    text = "".join(path.read_text("utf-8") for path in files)
    taken: dict[str, set[str]] = {}
    for name, default in re.findall(r"\$\{(\w+):-([^${}]*)\}", text):
        taken.setdefault(name, set()).add(default)
    assert {name: {value} for name, value in told.items()} == {
        name: values for name, values in taken.items() if name in told
    }
