"""How parent and worker talk over pipes: ``u32 length, u8 operation, payload``, little-endian.

The parent writes operations; the worker answers with JSON payloads, in order for each worker.
"""

import json
import os
import queue
import struct
import sys
import threading
from typing import Any, BinaryIO

HEADER = struct.Struct("<IB")
MAX_FRAME_BYTES = 1 << 28

Operation = tuple[int, bytes]


def pack(operation: int, payload: bytes = b"") -> bytes:
    """One frame."""
    return HEADER.pack(len(payload), operation) + payload


def pack_json(operation: int, value: dict[str, Any]) -> bytes:
    """One frame with a JSON payload."""
    return pack(operation, json.dumps(value, ensure_ascii=False).encode())


def read_frame(stream: BinaryIO) -> Operation | None:
    """The next frame; None at the end of the pipe, also when it ends inside a frame."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    length, operation = HEADER.unpack(header)
    payload = stream.read(length)
    return None if len(payload) < length else (operation, payload)


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
        """Begins to read."""
        threading.Thread(target=self._read, name="inbox", daemon=True).start()

    def _read(self) -> None:
        while (frame := read_frame(sys.stdin.buffer)) is not None:
            self.operations.put(frame)
        os._exit(0)

    def answer(self, value: dict[str, Any], operation: int = 0) -> None:
        """Writes one answer."""
        with self._lock:
            self._out.write(pack_json(operation, value))
            self._out.flush()
