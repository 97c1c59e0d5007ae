"""What a worker and its service say to each other.

::

    worker  ── PROGRESS {fraction} …, READY {…} or FAIL ─▶ service    once, after loading
    service ── JOB {op, …} [blob] ─▶ worker
    service ◀─ PIECE [blob] … ── worker
    service ◀─ END {…} or FAIL {code, message} ── worker
    service ── CANCEL ─▶ worker                    any time; the worker still ends the job
    service ── TELL {op, …} [blob] ─▶ worker       no answer; in order with the jobs

A frame is a 13-byte little-endian header (u8 kind, u32 job, u32 bytes of JSON, u32 bytes of
blob), a JSON object and a blob.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, BinaryIO

HEADER = struct.Struct("<BIII")
MAX_FRAME_BYTES = 256 * 2**20


class Kind(IntEnum):
    """What a frame is."""

    JOB = 1
    CANCEL = 2
    TELL = 3
    PROGRESS = 4
    READY = 5
    PIECE = 6
    END = 7
    FAIL = 8


@dataclass(frozen=True, slots=True)
class Frame:
    """One message; `job` numbers the work it belongs to."""

    kind: Kind
    job: int = 0
    meta: Mapping[str, Any] = field(default_factory=dict)
    blob: bytes = b""

    def encode(self) -> bytes:
        """The frame as bytes."""
        meta = json.dumps(self.meta, ensure_ascii=False).encode() if self.meta else b""
        return HEADER.pack(self.kind, self.job, len(meta), len(self.blob)) + meta + self.blob


def body_bytes(header: bytes) -> int:
    """How many bytes follow `header`. Raises ValueError when it can't be a frame's."""
    _, _, meta, blob = HEADER.unpack(header)
    if meta + blob > MAX_FRAME_BYTES:
        raise ValueError("a frame larger than any that is sent")
    return int(meta + blob)


def decode(header: bytes, body: bytes) -> Frame:
    """The frame of a header and the body that follows it."""
    kind, job, meta, _ = HEADER.unpack(header)
    return Frame(Kind(kind), job, json.loads(body[:meta]) if meta else {}, body[meta:])


def read_frame(stream: BinaryIO) -> Frame | None:
    """The next frame; None at the end of the stream, also when it ends inside a frame."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    length = body_bytes(header)
    body = stream.read(length)
    return None if len(body) < length else decode(header, body)
