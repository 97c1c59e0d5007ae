"""The whole of AVATAR as a person runs it: `avatar up`, real processes, real sockets."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import httpx
import numpy as np
import psutil
import pytest
import soxr
from websockets.asyncio.client import ClientConnection, connect

from avatar_contract.audio import read_wav
from avatar_contract.wire import AudioResponse, Playback, ServerMessage, parse_server

ROOT = Path(__file__).resolve().parents[2]
AVATAR = Path(sys.executable).with_name("avatar")
SPEECH = ROOT / "tests" / "data" / "speech"
READY_S = 90
STOP_S = 20


@dataclass
class Stack:
    """One running copy."""

    process: subprocess.Popen[bytes]
    port: int
    home: Path
    output: IO[bytes]
    seen: set[psutil.Process] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/chat"

    def service_url(self, name: str) -> str:
        """Address of an inner service, as `avatar up` wrote it down."""
        ports = json.loads((self.home / "run" / "ports.json").read_text(encoding="utf-8"))
        return f"http://127.0.0.1:{ports[name]}"

    def log(self) -> str:
        return Path(self.output.name).read_text(encoding="utf-8", errors="replace")

    def note_children(self) -> set[psutil.Process]:
        """Remember every process below the supervisor, for `survivors`."""
        with contextlib.suppress(psutil.NoSuchProcess):
            self.seen.update(psutil.Process(self.process.pid).children(recursive=True))
        return set(self.seen)

    def named(self, name: str) -> psutil.Process:
        """The process that runs `python -m NAME`."""
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if child.cmdline()[1:3] == ["-m", name]:
                    return child
        raise LookupError(f"no process runs {name}")

    def wait_ready(self) -> None:
        """Until /health of the whole answers 200."""

        def ready() -> bool:
            if self.process.poll() is not None:
                pytest.fail(f"avatar up ended with {self.process.returncode}:\n{self.log()}")
            try:
                return httpx.get(f"{self.url}/health", timeout=5).status_code == 200
            except httpx.HTTPError:
                return False

        assert until(ready, READY_S), f"not ready:\n{self.log()}"
        self.note_children()

    def interrupt(self) -> int:
        """Ctrl-C, as the terminal sends it: to the whole group. Returns the exit code."""
        self.note_children()
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(STOP_S)

    def survivors(self, within_s: float = STOP_S) -> list[psutil.Process]:
        """Processes of this copy that still run after so long."""
        gone_or_left = psutil.wait_procs(self.seen, timeout=within_s)
        return [child for child in gone_or_left[1] if child.status() != psutil.STATUS_ZOMBIE]


def until(check: Callable[[], bool], timeout_s: float, every_s: float = 0.1) -> bool:
    """Whether `check` came true in time."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if check():
            return True
        time.sleep(every_s)
    return check()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def launch(home: Path, port: int, **environment: str) -> Stack:
    """Start `avatar up` in a process group of its own."""
    home.parent.mkdir(parents=True, exist_ok=True)
    output = (home.parent / f"{home.name}.log").open("wb")
    kept = {key: value for key, value in os.environ.items() if not key.startswith("AVATAR_")}
    process = subprocess.Popen(
        [AVATAR, "up"],
        cwd=ROOT,
        env={
            **kept,
            "AVATAR_PORT": str(port),
            "AVATAR_HOME": str(home),
            "AVATAR_PROFILE": "small",
            "LANG": "C.UTF-8",
            **environment,
        },
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    return Stack(process, port, home, output)


def put_down(stack: Stack) -> None:
    """End a copy however it is, so that no test leaves one to the next."""
    stack.note_children()
    if stack.process.poll() is None:
        os.killpg(stack.process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            stack.process.wait(STOP_S)
    for child in stack.survivors(within_s=5):
        child.kill()
    if stack.process.poll() is None:
        stack.process.kill()
    stack.process.wait(STOP_S)
    stack.output.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    """Start copies of one's own; they are ended with the test."""
    stacks: list[Stack] = []

    def _start(name: str = "var", port: int | None = None, **environment: str) -> Stack:
        stack = launch(tmp_path / name, port or free_port(), **environment)
        stacks.append(stack)
        return stack

    yield _start
    for stack in stacks:
        put_down(stack)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One copy that many tests share."""
    running = launch(tmp_path_factory.mktemp("system") / "var", free_port())
    try:
        running.wait_ready()
        yield running
    finally:
        put_down(running)


@pytest.fixture(scope="session")
def avatar() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command `avatar` against a copy."""

    def run(stack: Stack, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "AVATAR_PORT": str(stack.port),
            "AVATAR_HOME": str(stack.home),
            "LANG": "C.UTF-8",
        }
        return subprocess.run(
            [AVATAR, *arguments],
            input=stdin,
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    return run


class Caller:
    """A client of `/ws/chat` that remembers everything, with the time it came."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.messages: list[ServerMessage] = []
        self.times: list[float] = []
        self.sound = bytearray()
        self.rate = 0
        self._played_ms = 0.0

    async def send(self, **fields: Any) -> None:
        await self.socket.send(json.dumps(fields))

    async def next(self, timeout_s: float = 30) -> ServerMessage:
        message = parse_server(await asyncio.wait_for(self.socket.recv(), timeout_s))
        self.messages.append(message)
        self.times.append(time.monotonic())
        if isinstance(message, AudioResponse) and message.data:
            self.sound += b64decode(message.data)
            self.rate = message.sample_rate
        return message

    async def until(self, kind: str, timeout_s: float = 30) -> ServerMessage:
        """The next message of a type; reports all sound as heard at once when it has ended."""
        end = time.monotonic() + timeout_s
        while True:
            message = await self.next(max(0.1, end - time.monotonic()))
            if isinstance(message, AudioResponse) and message.is_final and self.rate:
                self._played_ms = len(self.sound) / 2 / self.rate * 1000
                heard = Playback(
                    turn_id=message.turn_id, revision=message.revision, played_ms=self._played_ms
                )
                await self.socket.send(heard.model_dump_json())
            if message.type == kind:
                return message

    def of(self, kind: str) -> list[Any]:
        return [message for message in self.messages if message.type == kind]

    def when(self, kind: str, last: bool = False) -> float:
        """When the first, or the last, message of a type came."""
        times = [at for at, m in zip(self.times, self.messages, strict=True) if m.type == kind]
        return times[-1] if last else times[0]

    async def say(self, wav: Path, piece_ms: int = 100) -> None:
        """Push-to-talk: the whole file as chunks, then `audio_end`."""
        pcm, rate, _ = read_wav(wav.read_bytes())
        utterance, step = str(uuid4()), rate * piece_ms // 1000 * 2
        for at in range(0, len(pcm), step):
            data = b64encode(pcm[at : at + step]).decode()
            await self.send(type="audio_chunk", utterance_id=utterance, data=data, sr=rate)
        await self.send(type="audio_end", utterance_id=utterance)


@pytest.fixture
async def caller(stack: Stack) -> AsyncIterator[Caller]:
    """A client on the shared copy, after `session`."""
    async with connect(stack.ws_url, max_size=2**24) as socket:
        client = Caller(socket)
        assert (await client.next()).type == "session"
        yield client


@pytest.fixture(scope="session")
def recognise() -> Callable[[bytes, int], list[str]]:
    """What a recogniser of another maker than the voice hears: words in lower case."""
    from pocketsphinx import Decoder

    def words(pcm: bytes, rate: int) -> list[str]:
        # A new one each time: it adapts to what it has heard, and tests must not depend on order.
        decoder = Decoder(samprate=16_000, loglevel="FATAL")
        samples = np.frombuffer(pcm, dtype="<i2")
        resampled = soxr.resample(samples, rate, 16_000)
        decoder.start_utt()
        decoder.process_raw(resampled.astype("<i2").tobytes(), full_utt=True)
        decoder.end_utt()
        hypothesis = decoder.hyp()
        return hypothesis.hypstr.split() if hypothesis else []

    return words


@pytest.fixture(scope="session")
def speech() -> Path:
    return SPEECH
