"""What a session says: frames on their way to a client, and the last of them for one that returns.

::

    session ─▶ Outbox ─┬─▶ Line ─▶ socket        the line of the client that is attached
                       └─▶ history               bounded; what a resumed client has missed
"""

from __future__ import annotations

import asyncio
from collections import deque

from starlette.websockets import WebSocket, WebSocketDisconnect

from avatar_contract.service import get_logger

log = get_logger(__name__)

Frame = str | bytes
"""A text or a binary WebSocket frame."""

_UNREAD_BYTES = 16 * 2**20
"""What a client may leave unread before it counts as gone."""

_HISTORY_BYTES = 2**20
"""Twenty seconds of sound: more than a client misses whose connection breaks for a moment."""

_SLOW_CLIENT = 1008


class Line:
    """Frames to one socket, written by one task, in order."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self._ready = asyncio.Event()
        self._closing: tuple[int, str] | None = None

    def put(self, frames: list[Frame]) -> None:
        """Never waits."""
        for frame in frames:
            self._frames.append(frame)
            self._bytes += len(frame)
        if self._bytes > _UNREAD_BYTES:
            self._frames.clear()
            self.close(_SLOW_CLIENT, "this client reads too slowly")
        self._ready.set()

    def close(self, code: int, reason: str) -> None:
        """Closes the socket after what was put."""
        self._closing = self._closing or (code, reason)
        self._ready.set()

    async def run(self) -> None:
        """Writes until cancelled, closed, or the client is gone."""
        try:
            while True:
                await self._ready.wait()
                self._ready.clear()
                await self._write_all()
                if self._closing is not None:
                    await self._socket.close(*self._closing)
                    return
        except (WebSocketDisconnect, RuntimeError):
            # How Starlette says that the socket closed before this frame; the reader knows too.
            log.debug("session.unsent", frames=len(self._frames))

    async def _write_all(self) -> None:
        while self._frames:
            frame = self._frames.popleft()
            self._bytes -= len(frame)
            if isinstance(frame, bytes):
                await self._socket.send_bytes(frame)
            else:
                await self._socket.send_text(frame)


class Outbox:
    """One session's; it outlives the lines of its clients. Frames are numbered from 1."""

    def __init__(self) -> None:
        self.line: Line | None = None
        self._history: deque[Frame] = deque()
        self._bytes = 0
        self._last = 0
        """The number of the newest frame."""

    def start_at(self, seq: int) -> None:
        """The client has had frames up to number `seq` elsewhere."""
        self._last = seq

    def put(self, frames: list[Frame]) -> None:
        """Says `frames`, each with the next number."""
        self._last += len(frames)
        for frame in frames:
            self._history.append(frame)
            self._bytes += len(frame)
        while self._bytes > _HISTORY_BYTES:
            self._bytes -= len(self._history.popleft())
        if self.line is not None:
            self.line.put(frames)

    def missed(self, last_seq: int) -> list[Frame] | None:
        """The frames after number `last_seq`; None when they are not kept any more, or were never
        said: then the client has to be told anew."""
        count = self._last - last_seq
        if last_seq <= 0 or not 0 <= count <= len(self._history):
            return None
        return list(self._history)[len(self._history) - count :]
