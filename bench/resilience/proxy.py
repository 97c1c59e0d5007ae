"""A wire between a client and a gateway that can be cut, or go silent."""

import asyncio
import socket
import struct
from contextlib import suppress

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of 0 s: closing sends RST, as a crashed peer or a lost route does."""


class Wire:
    """Listens on loopback, and passes on to `target`, which may be changed."""

    def __init__(self, target: int) -> None:
        self.target = target
        """The gateway's port."""
        self.port = 0
        self._server: asyncio.Server | None = None
        self._pairs: set[_Pair] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listens."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Ends all, and listens no more."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def cut(self) -> None:
        """TCP reset, both ways."""
        for pair in list(self._pairs):
            pair.reset()

    def hush(self) -> None:
        """Nothing passes any more, and nobody is told."""
        for pair in list(self._pairs):
            pair.silent = True
            # Who comes back gets a connection of their own.
            self._pairs.discard(pair)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            upstream = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        pair = _Pair(writer, upstream[1])
        self._pairs.add(pair)
        try:
            await asyncio.gather(
                pair.pass_on(reader, upstream[1]), pair.pass_on(upstream[0], writer)
            )
        except asyncio.CancelledError:
            # The wire is closed; a task of asyncio.start_server that is cancelled is logged.
            return
        finally:
            self._pairs.discard(pair)
            pair.reset()


class _Pair:
    """One client's connection and its continuation."""

    def __init__(self, *writers: asyncio.StreamWriter) -> None:
        self._writers = writers
        self.silent = False

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Bytes of one direction, until its end."""
        with suppress(ConnectionError):
            while data := await reader.read(2**16):
                if not self.silent:
                    writer.write(data)
                    await writer.drain()
        if not self.silent:
            writer.close()

    def reset(self) -> None:
        """Ends both sides at once."""
        for writer in self._writers:
            raw = writer.get_extra_info("socket")
            if raw is not None and not writer.is_closing():
                with suppress(OSError):
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                writer.transport.abort()
