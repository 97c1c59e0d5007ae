"""Starting, stopping and dying: nothing is left over, and what went wrong is said."""

import socket
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

Start = Callable[..., Any]


def test_ctrl_c_ends_everything(start: Start) -> None:
    stack = start()
    stack.wait_ready()
    assert len(stack.seen) >= 5
    stack.interrupt()
    assert stack.survivors() == []
    assert "Traceback" not in stack.log()


def test_killed_supervisor_leaves_nothing(start: Start) -> None:
    stack = start()
    stack.wait_ready()
    stack.process.kill()
    stack.process.wait()
    assert stack.survivors() == []


@pytest.mark.parametrize("service", ["stt_service", "gateway"])
def test_a_dead_service_is_started_again(stack: Any, service: str) -> None:
    dead = stack.named(service)
    dead.kill()
    killed_at = time.monotonic()
    name = service.removesuffix("_service")
    while not is_healthy(stack.service_url(name)):
        assert time.monotonic() - killed_at < 20, stack.log()
        time.sleep(0.05)
    assert stack.named(service).pid != dead.pid
    assert f"{name} was killed by signal 9; it is started again" in stack.log()
    stack.wait_ready()


def test_a_wrong_setting_ends_at_once(start: Start) -> None:
    stack = start(STT_BACKEND="nothing-of-the-kind")
    assert stack.process.wait(30) == 1
    assert "nothing-of-the-kind" in stack.log()
    assert "started again in" not in stack.log()
    assert stack.survivors() == []


def is_healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def test_two_copies_run_side_by_side(start: Start, stack: Any) -> None:
    other = start("second")
    other.wait_ready()
    for copy in (stack, other):
        assert httpx.get(f"{copy.url}/health", timeout=5).status_code == 200
    assert httpx.get(f"{other.url}/api/conversations", timeout=5).json()["items"] == []


def test_a_taken_port_is_said(start: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        stack = start(port=port)
        assert stack.process.wait(20) != 0
        log = stack.log()
    assert str(port) in log
    assert "AVATAR_PORT" in log
    assert "Traceback" not in log


def test_a_taken_home_is_said(start: Start, stack: Any) -> None:
    second = start(AVATAR_HOME=str(stack.home))
    assert second.process.wait(20) != 0
    assert "AVATAR_HOME" in second.log()
    assert httpx.get(f"{stack.url}/health", timeout=5).status_code == 200


def test_it_says_what_it_can_and_cannot(stack: Any) -> None:
    log = stack.log()
    assert stack.url in log
    assert "pocketsphinx" in log.lower()
    assert "language model" in log


def test_the_page_is_served(stack: Any) -> None:
    page = httpx.get(f"{stack.url}/chat", timeout=5)
    assert page.status_code == 200
    assert "<div" in page.text
    policy = page.headers["content-security-policy"]
    assert "unsafe-eval" not in policy
