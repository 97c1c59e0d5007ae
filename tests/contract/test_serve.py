"""How a service stops, and how long it waits for its clients: real processes, real sockets."""

import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

DRIVER = Path(__file__).with_name("slowly.py")
LONG_S = 15


def until(what: Callable[[], bool], seconds: float = LONG_S) -> bool:
    deadline = time.monotonic() + seconds
    while not what() and time.monotonic() < deadline:
        time.sleep(0.01)
    return what()


class Running:
    """A service of `slowly.py`."""

    def __init__(self, folder: Path, **limits: float) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.folder = folder
        command = [sys.executable, str(DRIVER), str(self.port), str(folder)]
        command += [f"{name}={value}" for name, value in limits.items()]
        self.process = subprocess.Popen(command)
        assert until(lambda: self.health() == 200)

    def health(self) -> int:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/health").status_code
        except httpx.TransportError:
            return 0

    def noted(self, name: str) -> bool:
        return (self.folder / name).exists()

    def tell(self, name: str) -> None:
        (self.folder / name).touch()

    def open(self, sent: bytes = b"") -> socket.socket:
        opened = socket.create_connection(("127.0.0.1", self.port), timeout=LONG_S)
        opened.sendall(sent)
        return opened


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    all_of_them: list[Running] = []

    def start(**limits: float) -> Running:
        all_of_them.append(Running(tmp_path, **limits))
        return all_of_them[-1]

    yield start
    for each in all_of_them:
        each.process.kill()
        each.process.wait()


def all_read(connection: socket.socket) -> bytes:
    """What comes until the other side closes; fails when it stays open."""
    with connection:
        pieces = []
        while piece := connection.recv(65_536):
            pieces.append(piece)
    return b"".join(pieces)


def in_thread(what: Callable[[], object]) -> Callable[[], object]:
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(what()))
    thread.start()

    def result() -> object:
        thread.join(LONG_S)
        return found[0]

    return result


def test_a_request_and_a_socket_under_way_finish(running: Callable[..., Running]) -> None:
    service = running(stop_s=LONG_S)
    answer = in_thread(lambda: httpx.get(f"http://127.0.0.1:{service.port}/work", timeout=LONG_S))
    with connect(f"ws://127.0.0.1:{service.port}/socket") as client:
        client.send("begin")
        assert until(lambda: service.noted("socket") and service.noted("work"))
        service.process.terminate()
        assert until(lambda: service.health() == 503)
        service.tell("enough")
        assert client.recv(LONG_S) == "done"
    assert answer().json() == "done"  # type: ignore[attr-defined]
    service.process.wait(LONG_S)
    assert service.noted("closed")


def test_what_takes_too_long_is_cut_with_1012(running: Callable[..., Running]) -> None:
    service = running(stop_s=0.3)
    with connect(f"ws://127.0.0.1:{service.port}/socket") as client:
        client.send("begin")
        assert until(lambda: service.noted("socket"))
        service.process.terminate()
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(LONG_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    service.process.wait(LONG_S)
    assert service.noted("closed")


def test_drain_comes_before_closing_and_health_says_so(running: Callable[..., Running]) -> None:
    service = running(drain_s=LONG_S)
    service.process.terminate()
    assert until(lambda: service.noted("draining"))
    said = httpx.get(f"http://127.0.0.1:{service.port}/health")
    assert (said.status_code, said.json()["detail"]) == (503, "is stopping")
    service.tell("drained")
    service.process.wait(LONG_S)
    assert service.noted("closed")


def test_drain_is_bounded(running: Callable[..., Running]) -> None:
    service = running(drain_s=0.2)
    service.process.terminate()
    service.process.wait(LONG_S)
    assert service.noted("closed")


@pytest.mark.parametrize("limits", [{"drain_s": 600.0}, {"stop_s": 600.0}])
def test_a_second_signal_ends_at_once(
    running: Callable[..., Running], limits: dict[str, float]
) -> None:
    service = running(**limits)
    held = service.open(b"GET /work HTTP/1.1\r\nHost: a\r\n\r\n")
    assert until(lambda: service.noted("work"))
    os.kill(service.process.pid, signal.SIGTERM)
    assert until(lambda: service.health() == 503)
    os.kill(service.process.pid, signal.SIGTERM)
    began = time.monotonic()
    service.process.wait(LONG_S)
    assert time.monotonic() - began < 5
    held.close()


WITHOUT_A_REQUEST = {
    "nothing": b"",
    "half a head": b"GET /health HTTP/1.1\r\nHost: a",
    "idle afterwards": b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n",
    "half a second head": b"GET /health HTTP/1.1\r\nHost: a\r\n\r\nGET /hea",
    "an empty line": b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n\r\n",
}


def test_a_connection_without_a_request_is_closed(running: Callable[..., Running]) -> None:
    service = running(idle_s=0.5)
    opened = {name: service.open(sent) for name, sent in WITHOUT_A_REQUEST.items()}
    for name, connection in opened.items():
        try:
            all_read(connection)
        except TimeoutError:
            pytest.fail(f"{name}: still open")


def test_an_open_request_is_not_idle(running: Callable[..., Running]) -> None:
    service = running(idle_s=0.2)
    held = service.open(b"GET /work HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    closed = service.open()
    all_read(closed)
    service.tell("enough")
    assert b'"done"' in all_read(held)


def test_a_half_open_socket_is_closed(running: Callable[..., Running]) -> None:
    service = running(ping_s=0.2)
    head = (
        b"GET /quiet HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    # A plain socket answers no ping.
    assert struct.pack("!H", 1011) in all_read(service.open(head))
