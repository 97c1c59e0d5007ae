"""The client's side of the stand-in recogniser. Standard library only.

One connection a process; utterances share it. Frames: ``<IBxxxI`` (number, kind, length), bytes.
A look carries a number of its own (``<I``); its answer is a frame of kind LOOK with JSON.
"""

import asyncio
import json
import struct
from typing import Any

HEADER = struct.Struct("<IBxxxI")
LOOK_NUMBER = struct.Struct("<I")
FEED, LOOK, CLOSE = 0, 1, 2


class RecogniserLink:
    """Sends sound, asks for words."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._looks: dict[int, dict[int, asyncio.Future[dict[str, Any]]]] = {}
        self._count = 0
        self._look_count = 0

    async def connect(self) -> None:
        """Opens the connection."""
        reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._reading = asyncio.ensure_future(self._read(reader))

    def open(self) -> int:
        """A new utterance's number."""
        self._count += 1
        self._looks[self._count] = {}
        return self._count

    def feed(self, number: int, pcm: bytes) -> None:
        """More of its sound, 16 kHz mono ``pcm_s16le``."""
        self._send(number, FEED, pcm)

    async def look(self, number: int) -> dict[str, Any]:
        """The words in all its sound so far, after the set delay."""
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._look_count += 1
        self._looks[number][self._look_count] = answer
        self._send(number, LOOK, LOOK_NUMBER.pack(self._look_count))
        return await answer

    def forget(self, number: int) -> None:
        """The utterance is over."""
        for waiting in self._looks.pop(number, {}).values():
            waiting.cancel()
        self._send(number, CLOSE, b"")

    async def close(self) -> None:
        """Ends the connection."""
        if self._reading is not None:
            self._reading.cancel()
        if self._writer is not None:
            self._writer.close()

    def _send(self, number: int, kind: int, payload: bytes) -> None:
        if self._writer is None:
            raise RuntimeError("not connected")
        self._writer.write(HEADER.pack(number, kind, len(payload)) + payload)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while True:
            number, _, length = HEADER.unpack(await reader.readexactly(HEADER.size))
            answer = json.loads(await reader.readexactly(length))
            waiting = self._looks.get(number, {}).pop(answer["look"], None)
            if waiting is not None and not waiting.done():
                waiting.set_result(answer)
