"""How parent and worker talk over pipes, little-endian::

    parent ── u32 length, u8 operation, u32 ask, payload ─▶ worker
    parent ◀─ u32 length, u8 0,         u32 ask, JSON ───── worker

`ask` ties an answer to its question. `HELLO` is answered unasked when the worker is ready, and
`NOTE` carries news that answer nothing.
"""

import json
import os
import queue
import signal
import struct
import sys
import threading
from typing import Any, BinaryIO

HEADER = struct.Struct("<IBI")
HELLO, NOTE = 0, 0xFFFFFFFF
MAX_FRAME_BYTES = 1 << 28

Operation = tuple[int, int, bytes]
"""Operation, ask, payload."""


def pack(operation: int, ask: int, payload: bytes = b"") -> bytes:
    """One frame."""
    return HEADER.pack(len(payload), operation, ask) + payload


def read_frame(stream: BinaryIO) -> Operation | None:
    """The next frame; None at the end of the pipe, also when it ends inside a frame."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    length, operation, ask = HEADER.unpack(header)
    payload = stream.read(length)
    return None if len(payload) < length else (operation, ask, payload)


class Inbox:
    """The worker's side: a thread reads operations, and ends the process when the pipe closes.

    The parent may be killed without a word. Its end of the pipe is closed by the kernel then, so
    no worker outlives it, however busy it is.
    """

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "wb")
        # Libraries that print would corrupt the frames.
        os.dup2(2, 1)
        self._lock = threading.Lock()
        self.operations: queue.SimpleQueue[Operation] = queue.SimpleQueue()

    def start(self) -> None:
        """Begins to read. Ctrl-C reaches children too: the parent is the one to act on it."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        threading.Thread(target=self._read, name="inbox", daemon=True).start()

    def _read(self) -> None:
        while (frame := read_frame(sys.stdin.buffer)) is not None:
            self.operations.put(frame)
        os._exit(0)

    def answer(self, ask: int, value: dict[str, Any]) -> None:
        """Writes one answer; any thread may."""
        with self._lock:
            self._out.write(pack(0, ask, json.dumps(value, ensure_ascii=False).encode()))
            self._out.flush()
