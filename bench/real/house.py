"""The whole product with its default engines, started as `make run` starts it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from avatar_cli.home import Home

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "bench" / "real"
MODELS = CACHE / "models"
AVATAR = Path(sys.executable).with_name("avatar")
_READY_S = 180
_STOP_S = 30


@dataclass
class House:
    """A running copy."""

    home: Path
    port: int
    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def service(self, name: str) -> str:
        """Address of one service's OpenAI routes."""
        return f"http://127.0.0.1:{Home(self.home).read_ports()[name]}/v1"

    def cpu_s(self) -> float:
        """Processor time of all its processes so far, seconds."""
        return sum(sum(one.cpu_times()[:2]) for one in self._processes())

    def memory_mib(self) -> float:
        """Memory of all its processes, MiB; what they share counts once."""
        return sum(one.memory_full_info().pss for one in self._processes()) / 2**20

    def _processes(self) -> list[psutil.Process]:
        whole = psutil.Process(self.process.pid)
        return [whole, *whole.children(recursive=True)]


@contextlib.contextmanager
def running(**settings: str) -> Iterator[House]:
    """Starts it and waits until it is ready. Raises RuntimeError with its log when it is not."""
    MODELS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="avatar-real-") as folder:
        home, log = Path(folder) / "var", Path(folder) / "up.log"
        home.mkdir()
        (home / "models").symlink_to(MODELS)
        port = free_port()
        env = {**os.environ, "AVATAR_PORT": str(port), "AVATAR_HOME": str(home), **settings}
        with log.open("wb") as out:
            process = subprocess.Popen(
                [AVATAR, "up"],
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        house = House(home, port, process, log)
        try:
            _wait(house)
            yield house
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(_STOP_S)


def _wait(house: House) -> None:
    end = time.monotonic() + _READY_S
    while not _ready(house.url):
        if house.process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"AVATAR is not ready:\n{house.log.read_text('utf-8')}")
        time.sleep(0.2)


def _ready(url: str) -> bool:
    try:
        health = httpx.get(f"{url}/health", timeout=5)
    except httpx.HTTPError:
        return False
    return health.status_code == 200 and health.json().get("status") == "ok"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
