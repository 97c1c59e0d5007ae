"""The breaker on a clock of its own, and a caller before a service that hangs and comes back."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from avatar_contract.errors import TtsUnavailable
from gateway.services.breaker import Breaker
from gateway.services.caller import Address, Caller, Patience

ADDRESS = Address("tts_fast", "tts-service", "http://tts", TtsUnavailable)
BRIEFLY = Patience(connect=0.2, silence=0.2)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def opened() -> tuple[Breaker, Clock]:
    clock = Clock()
    breaker = Breaker(failures=3, pause_s=2.0, clock=clock)
    for _ in range(3):
        assert breaker.allows()
        breaker.failed()
    return breaker, clock


def test_opens_after_failures_in_a_row_and_lets_one_probe_through() -> None:
    breaker, clock = opened()
    assert not breaker.allows()
    assert breaker.retry_after_s() == 2.0
    clock.now = 2.0
    assert [breaker.allows() for _ in range(3)] == [True, False, False]


def test_a_probe_that_fails_opens_it_again() -> None:
    breaker, clock = opened()
    clock.now = 2.0
    assert breaker.allows()
    breaker.failed()
    assert not breaker.allows()
    clock.now = 4.0
    assert breaker.allows()


def test_a_probe_that_never_ends_does_not_keep_it_open() -> None:
    breaker, clock = opened()
    clock.now = 2.0
    assert breaker.allows()
    clock.now = 4.0
    assert breaker.allows()


def test_an_answer_closes_it_and_forgets_failures() -> None:
    breaker, clock = opened()
    clock.now = 2.0
    assert breaker.allows()
    breaker.answered()
    breaker.failed()
    breaker.failed()
    assert breaker.allows()


async def test_a_hung_service_is_not_asked_again_at_once(caller: Any) -> None:
    """Its port takes connections and answers nothing, as under SIGSTOP."""
    connections = 0

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    async with server:
        tts: Caller = caller(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        for _ in range(5):
            with pytest.raises(TtsUnavailable) as refused:
                await tts.call("POST", "/v1/audio/speech", patience=BRIEFLY)
        assert connections == 3
        assert refused.value.retry_after_s


@pytest.mark.parametrize(("method", "asked"), [("GET", 3), ("POST", 1)])
async def test_only_what_is_safe_is_asked_again(method: str, asked: int) -> None:
    seen = 0

    def away(request: httpx.Request) -> httpx.Response:
        nonlocal seen
        seen += 1
        raise httpx.ConnectError("refused", request=request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(away)) as http:
        patient = Caller(http, ADDRESS, Breaker(failures=100))
        with pytest.raises(TtsUnavailable):
            await patient.call(method, "/x")
    assert seen == asked
