"""Starting, stopping and dying: nothing is left over, and what went wrong is said."""

import os
import signal
import socket
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
def test_a_dead_service_ends_the_rest(start: Start, service: str) -> None:
    stack = start()
    stack.wait_ready()
    os.kill(stack.named(service).pid, signal.SIGKILL)
    assert stack.process.wait(20) != 0
    assert stack.survivors() == []
    assert "gateway" in stack.log()


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
