"""Nothing is left over: real processes, real signals."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from avatar_cli.running import ports
from avatar_cli.running.restarts import GOOD_LIFE_S, WINDOW_S, Restarts

DRIVER = Path(__file__).with_name("supervised.py")


def until(what: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not what() and time.monotonic() < deadline:
        time.sleep(0.05)
    return what()


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=1).is_success
    except httpx.TransportError:
        return False


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
        self.family = {self.process.pid}
        self.note_family()

    def note_family(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            children = psutil.Process(self.process.pid).children(recursive=True)
            self.family |= {child.pid for child in children}

    def pid_file(self, name: str) -> Path:
        return self.folder / f"{name}.pid"

    def pid(self, name: str) -> int:
        return int(self.pid_file(name).read_text() or 0)

    def log(self) -> str:
        return (self.folder / "log" / "avatar.jsonl").read_text()

    def alive(self) -> list[int]:
        return [pid for pid in self.family if self.lives(pid)]

    @staticmethod
    def lives(pid: int) -> bool:
        try:
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

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
        each.note_family()
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


def test_a_dead_one_is_started_again(run: Callable[..., Run]) -> None:
    started = run("one=calm", "two=parent", "three=calm")
    before = {name: started.pid(name) for name in started.names}
    os.kill(before["two"], signal.SIGKILL)
    assert until(lambda: started.pid("two") not in (0, before["two"]))
    assert until(lambda: not started.lives(before["two-worker"]))
    assert started.pid("one") == before["one"]
    assert until(lambda: "two was killed by signal 9; it is started again" in started.log())
    started.note_family()
    started.process.send_signal(signal.SIGINT)
    assert "died: None" in started.output()
    assert until(started.all_gone)


def test_one_that_keeps_dying_ends_all(run: Callable[..., Run]) -> None:
    started = run("one=calm", "two=failing")
    output = started.output()
    assert "died: Death(name='two', code=1, times=3)" in output
    assert output.count("what is wrong") == 3
    assert until(started.all_gone)


def test_one_that_never_worked_ends_all_at_once(run: Callable[..., Run]) -> None:
    started = run("one=calm", f"two=failing@{ports.pick(1)[0]}")
    output = started.output()
    assert "died: Death(name='two', code=1, times=1)" in output
    assert output.count("what is wrong") == 1


def test_a_hung_one_is_killed_and_started_again(run: Callable[..., Run]) -> None:
    port = ports.pick(1)[0]
    started = run(f"one=web@{port}")
    assert until(lambda: answers(port))
    # The watchdog looks twice a second, and only minds who has answered it once.
    until(lambda: not answers(port), 1.5)
    before = started.pid("one")
    os.kill(before, signal.SIGSTOP)
    assert until(lambda: started.pid("one") not in (0, before))
    assert until(lambda: answers(port))
    assert until(lambda: "one works again" in started.log())
    assert "one has answered nothing for 1.5 s: it is killed" in started.log()
    started.note_family()


def test_a_killed_guard_leaves_no_second_copy(run: Callable[..., Run]) -> None:
    started = run("one=calm")
    before = started.pid("one")
    guard = psutil.Process(before).parent()
    assert guard is not None
    guard.kill()
    assert until(lambda: started.pid("one") not in (0, before))
    assert until(lambda: not started.lives(before))
    started.note_family()


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
    before = started.pid("one")
    os.kill(before, signal.SIGTERM)
    assert until(lambda: started.pid("one") not in (0, before))
    assert until(lambda: started.log().count("one started") == 2)
    started.note_family()
    started.process.send_signal(signal.SIGTERM)
    assert started.process.wait(timeout=20) is not None
    assert "two stopped" in started.log()
    assert until(started.all_gone)


def test_delays_double_and_end() -> None:
    restarts = Restarts(limit=6)
    delays = [restarts.after_death(now, now) for now in range(6)]
    assert delays[5] is None
    known = [delay for delay in delays if delay is not None]
    assert all(0.75 <= d / (0.2 * 2**n) <= 1.25 for n, d in enumerate(known))
    assert len({d / 2**n for n, d in enumerate(known)}) > 1


def test_a_good_life_is_a_fresh_start() -> None:
    restarts = Restarts(limit=2)
    assert restarts.after_death(0, 1) is not None
    assert restarts.after_death(2, 2 + GOOD_LIFE_S) is not None
    assert restarts.after_death(63, 64) is None


def test_old_deaths_do_not_count() -> None:
    restarts = Restarts(limit=2)
    assert restarts.after_death(0, 1) is not None
    assert restarts.after_death(WINDOW_S, WINDOW_S + 2) is not None


def test_no_limit_is_never_given_up() -> None:
    restarts = Restarts(limit=0)
    assert all(restarts.after_death(now, now) for now in range(1100))
