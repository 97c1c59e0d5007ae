"""Tests of the real engines, each in an environment of its own: `make test-engines` runs them.

They are not collected otherwise: `make test` needs nothing that it does not install itself.
"""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

collect_ignore_glob = [] if os.environ.get("AVATAR_ENGINES") else ["test_*.py"]

ROOT = Path(__file__).resolve().parents[2]
START_S = 300


def _python(engine: str) -> Path:
    named = os.environ.get(f"AVATAR_{engine.upper()}_PYTHON")
    return Path(named) if named else ROOT / f".venv-{engine}" / "bin" / "python"


@pytest.fixture(scope="session")
def f5_python() -> Path:
    return _python("f5")


@pytest.fixture(scope="session")
def f5_models(f5_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny F5-TTS and Vocos, made by tools/tiny_f5.py."""
    folder = tmp_path_factory.mktemp("models")
    subprocess.run([f5_python, ROOT / "tools" / "tiny_f5.py", folder], check=True)
    return folder


@pytest.fixture(scope="session")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Qwen2, made by tools/tiny_qwen.py."""
    folder = tmp_path_factory.mktemp("qwen")
    subprocess.run([_python("vllm"), ROOT / "tools" / "tiny_qwen.py", folder], check=True)
    return folder


@pytest.fixture(scope="session")
def vllm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a real vLLM on the CPU: AVATAR_VLLM_URL, or one that is started here."""
    if running := os.environ.get("AVATAR_VLLM_URL"):
        yield running
        return
    qwen = request.getfixturevalue("qwen")
    env = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "OMP_NUM_THREADS": "2",
    }
    options = ["--served-model-name", "tiny", "--max-model-len", "1024", "--max-num-seqs", "4"]
    options += ["--dtype", "float32", "--enforce-eager"]
    command = ["-m", "vllm.entrypoints.openai.api_server", "--model", str(qwen / "hf"), *options]
    log = tmp_path_factory.mktemp("vllm") / "log"
    yield from _serving([str(_python("vllm")), *command], env, log, "/health")


@pytest.fixture(scope="session")
def llama(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Address of a real llama.cpp server: AVATAR_LLAMA_URL, or one that is started here."""
    if running := os.environ.get("AVATAR_LLAMA_URL"):
        yield running
        return
    qwen = request.getfixturevalue("qwen")
    command = ["-m", "llama_cpp.server", "--model", str(qwen / "tiny.gguf")]
    command += ["--interrupt_requests", "false", "--n_ctx", "1024"]
    log = tmp_path_factory.mktemp("llama") / "log"
    yield from _serving([str(_python("llama")), *command], dict(os.environ), log, "/v1/models")


def _serving(command: list[str], env: dict[str, str], log: Path, path: str) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [*command, "--port", str(port)], env=env, stdout=out, stderr=out, start_new_session=True
        )
    try:
        _wait_until_ready(server, url + path, log)
        yield url
    finally:
        server.terminate()
        server.wait(30)


def _wait_until_ready(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if server.poll() is not None:
            break
        try:
            if httpx.get(url, timeout=2, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.5)
    pytest.fail(f"{url} did not come up:\n{log.read_text(errors='replace')[-4000:]}")
