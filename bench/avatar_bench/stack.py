"""Starts the processes of one side, each on its core, and reads what they cost."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from avatar_bench.floor import Rolling
from avatar_bench.plan import Plan
from avatar_bench.standins.delays import FAST, Delays
from avatar_contract.service import SUPERVISOR_ENV, supervisor_tag

ROOT = Path(__file__).resolve().parents[2]
_READY_S = 60
SERVER_CORE, CLIENT_CORE = 0, 1


@dataclass
class Cost:
    """What a process has used so far."""

    cpu_s: float
    rss: int
    pss: int


@dataclass
class Side:
    """Processes that belong together. `with` ends them."""

    server_core: int | None = SERVER_CORE
    client_core: int | None = CLIENT_CORE
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    home: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="avatar-bench-")))

    def __enter__(self) -> "Side":
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self.processes.values()):
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(8)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    def port(self, name: str) -> int:
        """A free port for that name, the same each time."""
        if name not in self.ports:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.ports[name] = int(probe.getsockname()[1])
        return self.ports[name]

    def start(self, name: str, command: list[str], env: dict[str, str], core: int | None) -> None:
        """Starts a process; its output goes to a file in `home`."""
        pinned = (
            [*_nice(), *command]
            if core is None
            else [*_nice(), "taskset", "-c", str(core), *command]
        )
        shared = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("AVATAR_", "STT_", "LLM_", "TTS_", "PROFILE_"))
        }
        with (self.home / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                pinned,
                env={
                    **shared,
                    "PYTHONPATH": python_path(),
                    "AVATAR_HOME": str(self.home),
                    "LOG_LEVEL": "WARNING",
                    SUPERVISOR_ENV: supervisor_tag(os.getpid()),
                    "OMP_NUM_THREADS": "1",
                    "OPENBLAS_NUM_THREADS": "1",
                    **env,
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
            )

    def start_engines(self) -> None:
        """The stand-ins."""
        self.start(
            "standins",
            [
                sys.executable,
                "-m",
                "avatar_bench.standins",
                str(self.port("recogniser")),
                str(self.port("engines")),
            ],
            {},
            self.client_core,
        )
        self.wait("standins", self.url("engines") + "/health")

    def wait(self, name: str, url: str) -> None:
        """Until `url` answers 200. Raises RuntimeError with the log's end."""
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline:
            if self.processes[name].poll() is not None:
                break
            with suppress(OSError):
                if urllib.request.urlopen(url, timeout=2).status == 200:
                    return
            time.sleep(0.2)
        raise RuntimeError(f"{name} is not ready:\n{self.log(name)}")

    def log(self, name: str) -> str:
        """The end of a process's output."""
        return (self.home / f"{name}.log").read_text(errors="replace")[-4000:]

    def url(self, name: str) -> str:
        """Address of a port."""
        return f"http://127.0.0.1:{self.port(name)}"

    def engines(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Asks the stand-ins."""
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url("engines") + path, data=data)
        return json.loads(urllib.request.urlopen(request, timeout=20).read())

    def get(self, name: str, path: str) -> Any:
        """JSON from one of the processes."""
        return json.loads(urllib.request.urlopen(self.url(name) + path, timeout=20).read())

    def costs(self, names: Sequence[str]) -> dict[str, Cost]:
        """What processes have used, their children included."""
        return {name: self._cost(name) for name in names}

    def _cost(self, name: str) -> Cost:
        parent = psutil.Process(self.processes[name].pid)
        cost = Cost(0.0, 0, 0)
        for process in [parent, *parent.children(recursive=True)]:
            times, memory = process.cpu_times(), process.memory_full_info()
            cost.cpu_s += times.user + times.system
            cost.rss += memory.rss
            cost.pss += memory.pss
        return cost

    def run(self, plan: Plan, timeout_s: float = 600) -> dict[str, Any]:
        """Runs the client with a plan. Raises RuntimeError when it breaks."""
        pinned = _nice()
        if self.client_core is not None:
            pinned += ["taskset", "-c", str(self.client_core)]
        done = subprocess.run(
            [*pinned, sys.executable, "-m", "avatar_bench.client"],
            input=json.dumps(plan, default=vars),
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": python_path(), "OPENBLAS_NUM_THREADS": "1"},
            timeout=timeout_s,
            cwd=ROOT,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"the client broke:\n{done.stderr[-3000:]}")
        outcome: dict[str, Any] = json.loads(done.stdout)
        return outcome


def python_path() -> str:
    """bench/ is no installed package; what the caller put on the path stays on it."""
    given = os.environ.get("PYTHONPATH")
    return os.pathsep.join([str(ROOT / "bench"), *([given] if given else [])])


def _nice() -> list[str]:
    """``BENCH_NICE=-10``: on a machine that others use too, every process of a run goes first."""
    wanted = os.environ.get("BENCH_NICE")
    return ["nice", "-n", wanted] if wanted else []


AUDIO_PROCESSES = ["gateway", "stt"]
"""Ours that carry microphone or reply sound while a conversation runs."""


def avatar(
    *,
    delays: Delays = FAST,
    silence_ms: float | None = 200,
    always: bool = False,
    pinned: bool = True,
    answer: str = "short",
    rolling: Rolling | None = None,
) -> Side:
    """Our side, started. `silence_ms` None: the product's own endpointing."""
    side = Side(SERVER_CORE if pinned else None, CLIENT_CORE if pinned else None)
    try:
        side.start_engines()
        side.engines("/set", {"delays": delays.as_dict(), "answer": answer})
        _start_ours(side, silence_ms, rolling, always=always)
    except BaseException:
        side.__exit__()
        raise
    return side


def _start_ours(
    side: Side, silence_ms: float | None, rolling: Rolling | None, *, always: bool
) -> None:
    py, core = sys.executable, side.server_core
    profile = {"PROFILE_PORT": str(side.port("profile"))}
    # Storage carries no sound here, and so is not counted among those that share the core.
    side.start("profile", [py, "-m", "profile_service"], profile, side.client_core)
    listening = {
        "STT_PORT": str(side.port("stt")),
        "STANDIN_PORT": str(side.port("recogniser")),
        "SILERO_ALWAYS": "1" if always else "0",
    }
    if silence_ms is not None:
        listening |= {
            "STT_SILENCE_MS": str(silence_ms),
            "STT_UNFINISHED_SILENCE_MS": str(silence_ms),
        }
    if rolling is not None:
        listening |= {"STT_ROLLING_MS": "32", "STT_PAUSE_MS": str(rolling.pause_ms)}
    side.start("stt", [py, "-m", "avatar_bench.servers.stt"], listening, core)
    side.wait("profile", side.url("profile") + "/health")
    side.wait("stt", side.url("stt") + "/health")
    gateway = {
        "AVATAR_PORT": str(side.port("gateway")),
        "MAX_SESSIONS": "2000",
        # All people of a measurement come from one address.
        "SOCKETS_PER_S": "1000",
        "REQUESTS_PER_S": "1000",
        "STT_URL": side.url("stt"),
        "LLM_URL": side.url("engines"),
        "PROFILE_URL": side.url("profile"),
        "TTS_FAST_URL": side.url("engines"),
        "TTS_HQ_URL": side.url("engines"),
        # The stand-in model has no queue: nobody is kept waiting by a guess.
        "LLM_BUSY_REQUESTS": "100000",
    }
    side.start("gateway", [py, "-m", "gateway"], gateway, core)
    side.wait("gateway", side.url("gateway") + "/health")
