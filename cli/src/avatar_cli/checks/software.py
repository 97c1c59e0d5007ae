"""What is installed: the services, their engines, the page, Docker."""

import importlib.util
import os
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import httpx

from avatar_cli import compose
from avatar_cli.checks.finding import Finding
from avatar_cli.models import catalogue
from avatar_cli.models.store import Store
from avatar_cli.running.plan import PARTS, page_folder
from avatar_cli.tongue import Tongue

_EMBEDDED = (("pocketsphinx", "pocketsphinx"), ("espeakng-loader", "espeak-ng"))
_REAL = (("faster-whisper", "faster-whisper"), ("piper-tts", "piper"), ("f5-tts", "F5-TTS"))


def services(tongue: Tongue) -> Finding:
    """Whether all services are installed in this environment."""
    absent = [p.module for p in PARTS if importlib.util.find_spec(p.module) is None]
    if absent:
        return Finding(
            "services",
            "problem",
            tongue("not installed: ", "未安裝：") + ", ".join(absent),
            tongue(
                "Run `make setup` in AVATAR's folder.", "請在 AVATAR 的資料夾執行 `make setup`。"
            ),
        )
    return Finding("services", "ok", ", ".join(p.module for p in PARTS))


def engines(tongue: Tongue) -> list[Finding]:
    """Which engines are installed, and which weights are there for the real ones."""
    absent = [name for package, name in _EMBEDDED if _version(package) is None]
    here = [f"{name} {_version(package)}" for package, name in _EMBEDDED if _version(package)]
    embedded = Finding(
        "engines",
        "problem" if absent else "ok",
        tongue("embedded: ", "隨附：") + ", ".join(here + [f"{n} (absent)" for n in absent]),
        tongue("Run `make setup`.", "請執行 `make setup`。") if absent else "",
    )
    real = [f"{name} {_version(package)}" for package, name in _REAL if _version(package)]
    what = ", ".join(real) or tongue("none installed", "都未安裝")
    return [embedded, Finding("real engines", "note", what)]


def weights(models: Path, tongue: Tongue) -> Finding:
    """Which weights have been downloaded."""
    store = Store(models)
    there = [m.id for m in catalogue.load().models if store.manifest(m) is not None]
    if there:
        return Finding("models", "ok", ", ".join(there))
    return Finding(
        "models",
        "note",
        tongue("none downloaded", "還沒有下載"),
        tongue(
            "The real engines need weights: `avatar models list` shows them with their sizes.",
            "真正的引擎需要模型：`avatar models list` 列出大小。",
        ),
    )


def model_server(tongue: Tongue) -> Finding:
    """Whether the model server of LLM_URL answers."""
    url = os.environ.get("LLM_URL", "")
    if not url:
        return Finding("model", "note", tongue("the demo responder", "示範回應程式"))
    try:
        key = os.environ.get("LLM_API_KEY")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        address = f"{url.rstrip('/')}/v1/models"
        answer = httpx.get(address, timeout=5, trust_env=False, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as cause:
        remedy = tongue("Start it, or correct LLM_URL.", "請啟動它，或更正 LLM_URL。")
        return Finding("model", "problem", f"{url}: {cause}", remedy)
    if answer.status_code != 200:
        remedy = tongue("Is LLM_API_KEY right?", "LLM_API_KEY 正確嗎？")
        return Finding("model", "problem", f"{url}: {answer.status_code}", remedy)
    names = [str(m.get("id")) for m in answer.json().get("data", [])]
    return Finding("model", "ok", f"{url}: {', '.join(names)}")


def page(tongue: Tongue) -> Finding:
    """Whether the web client is built."""
    index = page_folder(os.environ) / "index.html"
    if index.is_file():
        return Finding("page", "ok", str(index.parent))
    return Finding(
        "page",
        "warning",
        tongue(f"{index} is not there", f"沒有 {index}"),
        tongue(
            "Run `make web` in AVATAR's folder; the API works without it.",
            "請在 AVATAR 的資料夾執行 `make web`；沒有它仍可使用 API。",
        ),
    )


def docker(tongue: Tongue) -> Finding:
    """Whether AVATAR can also be run in containers here."""
    found = compose.version()
    if found is not None:
        return Finding("compose", "ok", found)
    engine = next((name for name in ("docker", "podman") if shutil.which(name)), None)
    remedy = tongue(
        "Only needed for `avatar up --compose`: install Docker with the Compose plugin.",
        "只有 `avatar up --compose` 需要：請安裝 Docker 和 Compose 外掛。",
    )
    what = tongue("Docker Compose was not found", "沒有找到 Docker Compose")
    return Finding("compose", "note", f"{what} ({engine})" if engine else what, remedy)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
