"""Nothing is left over: real processes, real signals."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

DRIVER = Path(__file__).with_name("supervised.py")


def until(what: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not what() and time.monotonic() < deadline:
        time.sleep(0.05)
    return what()


class Run:
    """A supervisor with its services; every process it starts is found by AVATAR_TEST_TAG."""

    def __init__(self, folder: Path, *kinds: str) -> None:
        self.folder = folder
        self.names = [pair.partition("=")[0] for pair in kinds]
        self.names += [f"{p.partition('=')[0]}-worker" for p in kinds if p.endswith("=parent")]
        self.process = subprocess.Popen(
            [sys.executable, str(DRIVER), str(folder), *kinds],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert until(lambda: all(self.pid_file(name).is_file() for name in self.names))
        assert until(lambda: all(self.pid_file(name).read_text() for name in self.names))
        self.family = [self.process.pid]
        self.family += [c.pid for c in psutil.Process(self.process.pid).children(recursive=True)]

    def pid_file(self, name: str) -> Path:
        return self.folder / f"{name}.pid"

    def pid(self, name: str) -> int:
        return int(self.pid_file(name).read_text())

    def alive(self) -> list[int]:
        return [
            pid
            for pid in self.family
            if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        ]

    def all_gone(self) -> bool:
        self.process.poll()
        return not self.alive()

    def output(self) -> str:
        return self.process.communicate(timeout=20)[0]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def begin(*kinds: str) -> Run:
        runs.append(Run(tmp_path, *kinds))
        return runs[-1]

    yield begin
    for each in runs:
        for pid in each.alive():
            os.kill(pid, signal.SIGKILL)
        each.process.communicate(timeout=20)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_asked_to_stop(run: Callable[..., Run], signum: signal.Signals) -> None:
    started = run("one=calm", "two=parent")
    os.killpg(started.process.pid, signum)
    output = started.output()
    assert "died: None" in output
    assert "SIGKILL" not in output
    assert until(started.all_gone)


def test_one_dies(run: Callable[..., Run]) -> None:
    started = run("one=calm", "two=parent", "three=calm")
    os.kill(started.pid("two"), signal.SIGKILL)
    output = started.output()
    assert "died: two" in output
    assert until(started.all_gone)


def test_supervisor_is_killed(run: Callable[..., Run]) -> None:
    started = run("one=calm", "two=parent")
    os.kill(started.process.pid, signal.SIGKILL)
    assert until(started.all_gone)


def test_second_signal_kills_the_deaf(run: Callable[..., Run]) -> None:
    started = run("one=deaf")
    started.process.send_signal(signal.SIGINT)
    log = started.folder / "log" / "avatar.jsonl"
    # Two equal signals at once would count as one.
    assert until(lambda: "sending SIGTERM to one" in log.read_text())
    started.process.send_signal(signal.SIGINT)
    started.output()
    assert until(started.all_gone)


def test_lines_are_prefixed_and_kept(run: Callable[..., Run]) -> None:
    started = run("one=calm", "two=calm")
    log = started.folder / "log" / "one.jsonl"
    assert until(lambda: log.is_file() and "up" in log.read_text())
    started.process.send_signal(signal.SIGTERM)
    output = started.output()
    assert "one    | up" in output
    assert "all were started" in output.splitlines()
    assert "avatar | one started" in output


def test_closed_terminal_stops_nothing(run: Callable[..., Run]) -> None:
    started = run("one=calm", "two=calm")
    assert started.process.stdout is not None
    started.process.stdout.close()
    started.process.stdout = None
    os.kill(started.pid("one"), signal.SIGTERM)
    assert started.process.wait(timeout=20) is not None
    assert "two stopped" in (started.folder / "log" / "avatar.jsonl").read_text()
    assert until(started.all_gone)
