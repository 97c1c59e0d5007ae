"""Time limits for clients that send slowly or not at all.

uvicorn 0.54 has one limit of this kind, `timeout_keep_alive`, and it starts only after a first
answer. Without these two, a connection that never sends a request, and a body that comes by one
byte a minute, stay open for as long as the client likes.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, ClassVar

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from avatar_contract.errors import BadMessage
from avatar_contract.service.problems import problem_response

BODY_GAP_S = 10.0
"""The longest wait for the next piece of a request's body, s."""

BODY_FREE_S = 20.0
"""A body may take so long whatever its size, s."""

BODY_MIN_RATE = 1024.0
"""After that it must have come at this rate on average, bytes a second."""


class BodyTimeMiddleware:
    """Answers 408 to a request whose body comes too slowly, and closes its connection.

    The code is BAD_MESSAGE: what came is no whole message. AUDIO_TIMEOUT is the only code whose own
    status is 408, but it speaks of an open utterance, and most bodies are not audio.
    """

    def __init__(
        self,
        app: ASGIApp,
        gap_s: float = BODY_GAP_S,
        free_s: float = BODY_FREE_S,
        min_rate: float = BODY_MIN_RATE,
    ) -> None:
        self._app = app
        self._gap_s = gap_s
        self._free_s = free_s
        self._min_rate = min_rate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(scope, receive, send, self._gap_s, self._free_s, self._min_rate)
        try:
            await self._app(scope, body.receive, body.send)
        except ClientDisconnect:
            if not body.refused:
                raise


class _Body:
    """One request. Only the time that the application waits for its client counts."""

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        gap_s: float,
        free_s: float,
        min_rate: float,
    ) -> None:
        self.refused = False
        self._scope, self._receive, self._send = scope, receive, send
        self._gap_s, self._free_s, self._min_rate = gap_s, free_s, min_rate
        self._whole = False
        self._answering = False
        self._bytes = 0
        self._waited_s = 0.0

    async def receive(self) -> Message:
        if self.refused:
            return {"type": "http.disconnect"}
        if self._whole:
            return await self._receive()
        left_s = self._free_s + self._bytes / self._min_rate - self._waited_s
        began = time.monotonic()
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, min(self._gap_s, left_s)))
        except TimeoutError:
            return await self._refuse()
        self._waited_s += time.monotonic() - began
        self._bytes += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if self.refused:
            return
        self._answering = True
        await self._send(message)

    async def _refuse(self) -> Message:
        """To the application the client has gone, which ends it in the way it has for that."""
        if not self._answering:
            error = BadMessage("The request's body came too slowly; send it again, faster.")
            answer = problem_response(error, 408)
            answer.headers["Connection"] = "close"
            await answer(self._scope, self._receive, self._send)
        self.refused = True
        return {"type": "http.disconnect"}


class TimedHttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which closes a connection that sends no whole request head in time.

    The limit holds from the connection's first moment, and again from each byte that comes while
    no request is open: such bytes end uvicorn's keep-alive timer. They are the head of a next
    request, or the rest of a body whose request has been answered already.
    """

    head_s: ClassVar[float] = 10.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._request_is_open() and self.transport.get_protocol() is self:
            self._expect_head()

    def on_headers_complete(self) -> None:
        self._forget_head()
        super().on_headers_complete()

    def handle_websocket_upgrade(self) -> None:
        self._forget_head()
        super().handle_websocket_upgrade()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_head()
        super().connection_lost(exc)

    def _request_is_open(self) -> bool:
        # uvicorn starts it as None, whatever its annotation says.
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _expect_head(self) -> None:
        if self._head_timer is None and not self.transport.is_closing():
            self._head_timer = self.loop.call_later(self.head_s, self._head_is_late)

    def _forget_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if not self._request_is_open():
            self.transport.close()


def timed_protocol(head_s: float) -> type[TimedHttpProtocol]:
    """`TimedHttpProtocol` with a limit of `head_s`; uvicorn takes a class, not an object."""
    return type("TimedHttpProtocol", (TimedHttpProtocol,), {"head_s": head_s})
