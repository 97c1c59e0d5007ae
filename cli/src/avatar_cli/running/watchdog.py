"""Notices a service that runs and answers nothing."""

import asyncio
import time
from collections.abc import Callable

import httpx

_TRIES = 3
_STARTING_POLL_S = 0.3
_POLL_S = 2.0


async def until_hung(
    url: str, hang_s: float, ready: Callable[[], None], starting_poll_s: float = _STARTING_POLL_S
) -> None:
    """Returns when a service that had been ready has answered no /health for `hang_s`.

    Any answer counts, 503 too. Three tries in a row must fail, each of which lasts a third of
    `hang_s`: a machine so busy that one answer is late is not a hung service. `ready` is called
    at the first answer below 500.
    """
    each_s = hang_s / _TRIES
    failed, was_ready = 0, False
    async with httpx.AsyncClient(trust_env=False, timeout=each_s) as client:
        while failed < _TRIES:
            began = time.monotonic()
            status = await _status(client, url)
            if status is not None and status < 500 and not was_ready:
                was_ready = True
                ready()
            if status is not None or not was_ready:
                failed = 0
                await asyncio.sleep(min(_POLL_S, each_s) if was_ready else starting_poll_s)
            else:
                failed += 1
                # A refused connection fails at once, and is no better than silence.
                await asyncio.sleep(max(0.0, each_s - (time.monotonic() - began)))


async def _status(client: httpx.AsyncClient, url: str) -> int | None:
    try:
        return (await client.get(f"{url}/health")).status_code
    except httpx.TransportError:
        return None
