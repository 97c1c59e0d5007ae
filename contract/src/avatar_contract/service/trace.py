"""The trace a piece of work belongs to: W3C Trace Context, level 1 (``traceparent``)."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

_FORM = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


class Trace(NamedTuple):
    """Ids as lower-case hex."""

    trace_id: str
    span_id: str
    flags: str = "01"


_current: ContextVar[Trace | None] = ContextVar("avatar_trace", default=None)


def new() -> Trace:
    """A fresh trace."""
    return Trace(secrets.token_hex(16), secrets.token_hex(8))


def parse(header: str | None) -> Trace | None:
    """The trace a ``traceparent`` names; None when it is absent or malformed (§3.2.2.3: ignore)."""
    found = _FORM.fullmatch(header or "")
    if not found or not found[1].strip("0") or not found[2].strip("0"):
        return None
    return Trace(found[1], found[2], found[3])


def enter(trace: Trace) -> None:
    """Everything this task and its children do from now on belongs to `trace`."""
    _current.set(trace)


def current() -> Trace | None:
    """The trace of this task."""
    return _current.get()


def headers() -> dict[str, str]:
    """Headers for a call to another service: the same trace, a span of its own."""
    trace = _current.get() or new()
    return {"traceparent": f"00-{trace.trace_id}-{secrets.token_hex(8)}-{trace.flags}"}


class TraceMiddleware:
    """Enters the caller's trace, or a fresh one, for each request and socket."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            caller = parse(Headers(scope=scope).get("traceparent"))
            trace_id = caller.trace_id if caller else secrets.token_hex(16)
            enter(Trace(trace_id, secrets.token_hex(8), caller.flags if caller else "01"))
        await self._app(scope, receive, send)
