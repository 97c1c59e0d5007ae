"""All services as processes of their own with stand-in engines; what dies is started again."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from avatar_bench import stack
from avatar_bench.player import now_ms
from avatar_bench.standins.delays import Delays

ENGINES = ("stt", "llm", "tts")
SERVICES = ("gateway", *ENGINES, "profile")

DELAYS = Delays(recogniser_ms=60, first_token_ms=80, token_ms=10, first_byte_ms=50, char_ms=25)
"""A turn of two or three seconds, in which every stage takes its part."""

_LOOK_S = 0.05
_AGAIN_S = 0.2
_READY_S = 60


@dataclass(frozen=True)
class Service:
    """How a process is started."""

    command: list[str]
    env: dict[str, str]
    health: str = "/health"


class House(stack.Side):
    """One running copy, in `async with house.kept():`."""

    def __init__(
        self,
        *,
        database_url: str = "",
        gateways: int = 1,
        state: Path | None = None,
        **settings: str,
    ) -> None:
        super().__init__(server_core=None, client_core=None)
        self.state = state or self.home / "state"
        self.database_url = database_url or f"sqlite:///{self.state}/avatar.sqlite3"
        self.gateways = ["gateway", *(f"gateway{n}" for n in range(2, gateways + 1))]
        self.services = self._services(settings)
        self.down: set[str] = set()
        """What stays down until it is started again by name."""
        self.ends: list[tuple[str, int]] = []
        """What ended, and how."""

    def __exit__(self, *_: object) -> None:
        for name in self.processes:
            self.signal(name, signal.SIGCONT)
        super().__exit__()

    def _services(self, settings: dict[str, str]) -> dict[str, Service]:
        py = sys.executable
        delays = {"STANDIN_DELAYS": json.dumps(DELAYS.as_dict())}
        found = {
            name: Service(
                [
                    py,
                    "-m",
                    "avatar_bench.standins",
                    str(self.port(f"{name}-link")),
                    str(self.port(name)),
                ],
                delays,
            )
            for name in ("ears", "llm", "tts")
        }
        found["profile"] = Service(
            [py, "-m", "profile_service"],
            {"PROFILE_PORT": str(self.port("profile")), "PROFILE_DATABASE_URL": self.database_url},
        )
        found["stt"] = Service(
            [py, "-m", "avatar_bench.servers.stt"],
            {"STT_PORT": str(self.port("stt")), "STANDIN_PORT": str(self.port("ears-link"))},
        )
        for name in self.gateways:
            found[name] = Service(
                [py, "-m", "gateway"],
                {
                    "AVATAR_PORT": str(self.port(name)),
                    "MAX_SESSIONS": "60",
                    "SOCKETS_PER_S": "1000",
                    "REQUESTS_PER_S": "1000",
                    "STT_URL": self.url("stt"),
                    "LLM_URL": self.url("llm"),
                    "PROFILE_URL": self.url("profile"),
                    "TTS_FAST_URL": self.url("tts"),
                    "TTS_HQ_URL": self.url("tts"),
                    "LLM_BUSY_REQUESTS": "1000",
                },
            )
        return {
            name: Service(one.command, {**one.env, "AVATAR_HOME": str(self.state), **settings})
            for name, one in found.items()
        }

    def start_named(self, name: str) -> None:
        """Starts a service."""
        self.down.discard(name)
        one = self.services[name]
        self.start(name, one.command, one.env, None)

    def signal(self, name: str, number: signal.Signals) -> None:
        """Sends it to the service and its children."""
        with suppress(psutil.NoSuchProcess):
            main = psutil.Process(self.processes[name].pid)
            for process in (main, *main.children(recursive=True)):
                process.send_signal(number)

    def kill(self, name: str) -> float:
        """SIGKILL, its children included; returns when."""
        at = now_ms()
        self.signal(name, signal.SIGKILL)
        return at

    def take_down(self, name: str) -> None:
        """Kills it; it stays down."""
        self.down.add(name)
        self.kill(name)
        self.processes[name].wait()

    @asynccontextmanager
    async def kept(self) -> AsyncIterator["House"]:
        """Starts all, starts again what dies, and ends all."""
        with self:
            async with self._running():
                yield self

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        self.state.mkdir(parents=True, exist_ok=True)
        for name in self.services:
            self.start_named(name)
        for name in self.services:
            await self.ready(name)
        # The gateway came up while others still loaded.
        await self.until_ok()
        keeper = asyncio.ensure_future(self._keep())
        try:
            yield
        finally:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            for name, process in list(self.processes.items()):
                if process.poll() is not None and name not in self.down:
                    self.ends.append((name, process.returncode))
                    await asyncio.sleep(_AGAIN_S)
                    self.start_named(name)

    async def ready(self, name: str) -> float:
        """Until its /health answers 200; returns when it did. Raises RuntimeError."""
        end = time.monotonic() + _READY_S
        async with httpx.AsyncClient(timeout=2) as http:
            while time.monotonic() < end:
                if await _answers(http, self.url(name)):
                    return now_ms()
                await asyncio.sleep(_LOOK_S)
        raise RuntimeError(f"{name} is not ready:\n{self.log(name)}")

    async def back(self, name: str, old_pid: int) -> float:
        """Until a new process answers in the place of `old_pid`; returns when it did."""
        while self.processes[name].pid == old_pid:  # noqa: ASYNC110 (a process gives no event)
            await asyncio.sleep(_LOOK_S)
        return await self.ready(name)

    async def until_ok(self) -> None:
        """Until every gateway says that all parts are well."""
        for name in self.gateways:
            end = time.monotonic() + _READY_S
            while (await self.health(name)).get("status") != "ok":
                if time.monotonic() > end:
                    raise RuntimeError(f"{name} is not well:\n{self.log(name)}")
                await asyncio.sleep(_LOOK_S)

    async def health(self, name: str) -> dict[str, object]:
        """What it says of itself; empty when it does not answer."""
        async with httpx.AsyncClient(timeout=5) as http:
            try:
                answer: dict[str, object] = (await http.get(self.url(name) + "/health")).json()
            except (httpx.HTTPError, ValueError):
                return {}
            return answer

    async def waiting(self) -> int:
        """Records that are not delivered yet, at all gateways."""
        count = 0
        for name in self.gateways:
            load = (await self.health(name)).get("load")
            count += int(load["records_waiting"]) if isinstance(load, dict) else 1
        return count

    async def delivered(self, within_s: float) -> float | None:
        """Seconds until no record waits; None: some still do after `within_s`."""
        began = time.monotonic()
        while time.monotonic() - began < within_s:
            if await self.waiting() == 0:
                return time.monotonic() - began
            await asyncio.sleep(_LOOK_S)
        return None

    def ws_url(self, name: str = "gateway") -> str:
        """Where a client connects."""
        return f"ws://127.0.0.1:{self.port(name)}/ws/chat"


async def _answers(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(url + "/health")).status_code == 200
    except httpx.HTTPError:
        return False


class Postgres:
    """A server of one's own that can be stopped, started, paused and resumed."""

    def __init__(self) -> None:
        keeper = stack.ROOT / "tests" / "profile_service" / "pg_keeper.py"
        self._keeper = subprocess.Popen(
            [sys.executable, str(keeper)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
        )
        assert self._keeper.stdout is not None
        self.url = self._keeper.stdout.readline().strip()

    def __call__(self, command: str) -> None:
        """`stop`, `start`, `pause` or `resume`."""
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        self._keeper.stdin.write(command + "\n")
        self._keeper.stdin.flush()
        if self._keeper.stdout.readline() != "done\n":
            raise RuntimeError(f"Postgres: {command} failed")

    def __enter__(self) -> "Postgres":
        return self

    def __exit__(self, *_: object) -> None:
        assert self._keeper.stdin is not None
        self._keeper.stdin.close()
        self._keeper.wait(60)
