"""Tuned Pipecat on the engine processes of a running AVATAR, and the same people before both."""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
from avatar_bench import peers

from real.house import House, free_port

_READY_S = 60
_STOP_S = 10


@contextlib.contextmanager
def pipecat(home: House) -> Iterator[int]:
    """Serves on the port that is given."""
    port = free_port()
    command = [
        str(peers.environment()),
        str(peers.PEERS / "pipecat_real.py"),
        str(port),
        *(home.service(name) for name in ("stt", "llm", "tts")),
    ]
    log = Path(home.log).with_name("pipecat.log")
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    try:
        end = time.monotonic() + _READY_S
        while not _ready(port):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"Pipecat is not ready:\n{log.read_text('utf-8')}")
            time.sleep(0.2)
        yield port
    finally:
        process.terminate()
        process.wait(_STOP_S)


def _ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False
