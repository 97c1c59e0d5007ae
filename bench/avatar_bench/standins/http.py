"""As much HTTP/1.1 as the stand-in engines need, and no more: they share a core with the client."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

Handler = Callable[["Exchange"], Awaitable[None]]


class Exchange:
    """One request and its answer."""

    def __init__(self, transport: asyncio.Transport, path: str, body: bytes) -> None:
        self.path = path
        self.body = body
        self._transport = transport

    def start(self, content_type: str) -> None:
        """Begins a chunked answer."""
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n"
        self._transport.write((head + "Transfer-Encoding: chunked\r\n\r\n").encode())

    def piece(self, data: bytes) -> None:
        """A chunk of it."""
        self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))

    def end(self) -> None:
        """The last chunk."""
        self._transport.write(b"0\r\n\r\n")

    def json(self, value: Any, status: str = "200 OK") -> None:
        """A whole answer."""
        body = json.dumps(value).encode()
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
        self._transport.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)


class Connection(asyncio.Protocol):
    """Keeps the connection; one request at a time. A closed one cancels its request."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._got = b""
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._got += data
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._task is not None:
            self._task.cancel()

    def _next(self) -> None:
        if self._task is not None:
            return
        head, found, rest = self._got.partition(b"\r\n\r\n")
        if not found:
            return
        lines = head.decode("latin-1").split("\r\n")
        fields = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
        length = int(fields.get("content-length", 0))
        if len(rest) < length:
            return
        self._got = rest[length:]
        exchange = Exchange(self._transport, lines[0].split(" ")[1], rest[:length])
        self._task = asyncio.ensure_future(self._handler(exchange))
        self._task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if not task.cancelled():
            task.result()
            self._next()


async def serve(handler: Handler, port: int) -> asyncio.Server:
    """Listens on loopback."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: Connection(handler), "127.0.0.1", port, backlog=1024)
