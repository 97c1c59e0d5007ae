"""The compose files say what the services really take, and keep every promise of docs/deploy.md."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import settings_reference

ROOT = Path(__file__).resolve().parents[2]
BASE = ROOT / "docker-compose.yml"
OVERLAYS = sorted((ROOT / "deploy").glob("compose.*.yml"))
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
# What the images themselves, or the programs of others in them, read.
OTHERS = set(
    """
    DO_NOT_TRACK FORWARDED_ALLOW_IPS HEALTH HF_HUB_OFFLINE HOME POSTGRES_DB POSTGRES_PASSWORD
    POSTGRES_USER TLS_HOST VLLM_API_KEY VLLM_CACHE_ROOT VLLM_NO_USAGE_STATS XDG_CONFIG_HOME
    XDG_DATA_HOME
    """.split()
)
PORTS = {"gateway": 8000, "stt": 8010, "llm": 8020, "tts": 8030, "profile": 8040}


class Loader(yaml.SafeLoader):
    """YAML with Compose's own tags, which say how an overlay is laid over."""


def _tagged(loader: Loader, node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    return None


for tag in ("!override", "!reset"):
    Loader.add_constructor(tag, _tagged)


def load(path: Path) -> dict[str, Any]:
    return dict(yaml.load(path.read_text(encoding="utf-8"), Loader))


FILES = {path.name: load(path) for path in (BASE, *OVERLAYS)}
SERVICES: dict[str, dict[str, Any]] = FILES[BASE.name]["services"]
LASTING = {name: service for name, service in SERVICES.items() if service.get("restart") != "no"}
KNOWN = {name for _, rows in settings_reference.sections() for row in rows for name in row.names}


@pytest.mark.parametrize("name", SERVICES)
def test_hardened(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["init"] is True
    assert "no-new-privileges:true" in service["security_opt"]


@pytest.mark.parametrize("name", LASTING)
def test_comes_back_and_tells_its_health(name: str) -> None:
    assert LASTING[name]["restart"] == "unless-stopped"
    assert LASTING[name]["healthcheck"]["test"]


def test_only_the_gateway_is_published_on_loopback() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"gateway": ["127.0.0.1:${AVATAR_PORT:-8000}:8000"]}


def test_inner_services_have_no_way_out() -> None:
    assert FILES[BASE.name]["networks"]["inside"] == {"internal": True}
    outside = [name for name, service in SERVICES.items() if "outside" in service["networks"]]
    assert outside == ["gateway"]


@pytest.mark.parametrize(("name", "port"), PORTS.items())
def test_ports_and_health_paths_agree(name: str, port: int) -> None:
    environment = SERVICES[name]["environment"]
    assert environment["HEALTH"] == f"http://127.0.0.1:{port}/health"
    assert str(port) in {value for key, value in environment.items() if key.endswith("_PORT")}
    gateway = SERVICES["gateway"]["environment"].values()
    assert name == "gateway" or f"http://{name}:{port}" in gateway


@pytest.mark.parametrize("file", FILES)
def test_services_are_told_only_what_they_read(file: str) -> None:
    told = {
        name
        for service in FILES[file]["services"].values()
        for name in service.get("environment", {})
    }
    assert told - KNOWN - OTHERS == set()


@pytest.mark.parametrize("file", FILES)
def test_every_variable_is_explained(file: str) -> None:
    path = BASE if file == BASE.name else ROOT / "deploy" / file
    asked = set(re.findall(r"\$\{(\w+)", path.read_text(encoding="utf-8")))
    assert {name for name in asked if f"#{name}=" not in EXAMPLE} == set()


@pytest.mark.parametrize("file", FILES)
def test_images_have_a_tag(file: str) -> None:
    for service in FILES[file]["services"].values():
        image = service.get("image", "avatar-")
        if image.startswith("avatar-"):
            continue  # built here
        tag = image.removesuffix("}").rpartition(":")[2]
        assert tag
        assert tag != "latest"


@pytest.mark.parametrize("file", FILES)
def test_named_volumes_are_declared(file: str) -> None:
    declared = set(FILES[BASE.name]["volumes"]) | set(FILES[file].get("volumes", {}))
    used = {
        volume.split(":")[0]
        for service in FILES[file]["services"].values()
        for volume in service.get("volumes", [])
        if volume[0].isalpha()
    }
    assert used <= declared


@pytest.mark.parametrize("file", ["compose.lan.yml", "compose.tls.yml"])
def test_other_machines_need_a_key(file: str) -> None:
    environment = FILES[file]["services"]["gateway"]["environment"]
    assert environment["AUTH"] == "api_key"
    assert environment["AVATAR_API_KEY"].startswith("${AVATAR_API_KEY:?")


def test_model_and_voice_fit_one_gpu() -> None:
    services = FILES["compose.gpu.yml"]["services"]
    devices = {
        name: service["deploy"]["resources"]["reservations"]["devices"][0]
        for name, service in services.items()
        if "deploy" in service
    }
    assert {name: device["device_ids"] for name, device in devices.items()} == {
        "llm": ["${GPU_MODEL:-0}"],
        "tts": ["${GPU_SPEECH:-0}"],
    }
    command = services["llm"]["command"]
    assert command[command.index("--gpu-memory-utilization") + 1] == "${LLM_GPU_SHARE:-0.5}"
