"""Answers of a service passed on as they come, and given up when the client hangs up.

client ──request──▶ gateway ──request──▶ service
       ◀──pieces─── as made ◀──pieces───
       ──hangs up─▶ closes  ──aborted──▶     closing is the cancel message
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from typing import Any

import httpx
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from avatar_contract.errors import AvatarError
from gateway.services.caller import Caller

FORWARDED_UP = ("accept", "content-type", "content-length", "if-none-match", "if-range", "range")
FORWARDED_DOWN = (
    "accept-ranges",
    "avatar-notice",
    "avatar-voice",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "etag",
    "last-modified",
)


def headers_up(request: Request) -> dict[str, str]:
    """The client's headers that mean something to a service."""
    return {name: request.headers[name] for name in FORWARDED_UP if name in request.headers}


class Upload:
    """A request's body as an iterator, which says when it has been read to its end."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self.sent = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._request.stream():
            if piece:
                yield piece
        self.sent.set()


class Relay(Response):
    """Calls `begin` when it is sent, and passes on what that opened at `upstream`.

    `upload` is the body when it is streamed through. `on_error` turns an error into an answer;
    without it the app's own handlers do.
    """

    def __init__(
        self,
        upstream: Caller,
        begin: Callable[[], Awaitable[httpx.Response]],
        *,
        upload: Upload | None = None,
        on_error: Callable[[AvatarError], Response] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(headers=headers)
        self._upstream = upstream
        self._begin = begin
        self._upload = upload
        self._on_error = on_error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run until the answer is out or the client has gone."""
        try:
            await while_connected(self._pump(send), receive, self._upload)
        except AvatarError as error:
            if self._on_error is None:
                raise
            await self._on_error(error)(scope, receive, send)

    async def _pump(self, send: Send) -> None:
        answer = await self._begin()
        try:
            await send(
                {
                    "type": "http.response.start",
                    "status": answer.status_code,
                    "headers": self._headers_down(answer),
                }
            )
            async for piece in self._upstream.pieces(answer):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await answer.aclose()

    def _headers_down(self, answer: httpx.Response) -> list[tuple[bytes, bytes]]:
        passed = {name: answer.headers[name] for name in FORWARDED_DOWN if name in answer.headers}
        own = {k: v for k, v in self.headers.items() if k != "content-length"}
        return [(k.encode("latin-1"), v.encode("latin-1")) for k, v in (passed | own).items()]


async def while_connected(
    work: Coroutine[Any, Any, None], receive: Receive, upload: Upload | None = None
) -> None:
    """Run `work`; cancel it when the client hangs up. While an upload runs, it is the watcher."""
    task = asyncio.create_task(work)
    watcher = asyncio.create_task(_hung_up(receive, upload))
    try:
        await asyncio.wait({task, watcher}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            _raise_failure(task)
    finally:
        watcher.cancel()
        task.cancel()
        await asyncio.gather(task, watcher, return_exceptions=True)


def _raise_failure(task: asyncio.Task[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, ClientDisconnect | OSError):
        raise error


async def _hung_up(receive: Receive, upload: Upload | None) -> None:
    if upload is not None:
        await upload.sent.wait()
    while (await receive())["type"] != "http.disconnect":
        continue
