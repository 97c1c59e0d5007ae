"""The boxes of an mp4, as far as a stream needs them: its index must come before its sound.

Source: ISO/IEC 14496-12, 4.2 (boxes: u32 size with itself, four letters, u64 size where the first
says 1).
"""

import struct
from typing import Protocol

from avatar_contract.errors import BadAudio

_SOUND = {b"mdat", b"moof"}


class Gate(Protocol):
    """Looks at a stream's bytes before libav gets them."""

    def let_in(self, data: bytes) -> bytes:
        """What may go on, now that `data` came. Raises `BadAudio`."""


class OpenGate:
    """Lets all in."""

    def let_in(self, data: bytes) -> bytes:
        """`data` itself."""
        return data


class IndexFirst:
    """Lets an mp4 in once its index (`moov`) is whole; refuses one whose index is at its end.

    Without the index no sample can be found, so nothing could be heard before the file is over.
    Phones that record in pieces write fragments, which have it in front. libav gets it in one
    piece, because it steps back in it, which a stream can't.
    """

    def __init__(self) -> None:
        self._held = b""
        self._next = 0
        """Where the next box begins in `_held`."""
        self._indexed = False

    def let_in(self, data: bytes) -> bytes:
        """All that was held, when the index is whole. Raises `BadAudio`."""
        if self._indexed:
            return data
        self._held += data
        while len(self._held) >= self._next + 8:
            size, name = self._box()
            if name in _SOUND:
                raise BadAudio(
                    "This mp4 has its index (moov) at its end, so it can't be heard as it comes. "
                    "Record a fragmented one, as MediaRecorder does with a timeslice, or upload "
                    "the whole file to /v1/audio/transcriptions."
                )
            if len(self._held) < self._next + size:
                return b""
            self._next += size
            if name == b"moov":
                self._indexed = True
                held, self._held = self._held, b""
                return held
        return b""

    def _box(self) -> tuple[int, bytes]:
        """Size and name of the next box."""
        size, name = struct.unpack_from(">I4s", self._held, self._next)
        if size == 1 and len(self._held) >= self._next + 16:
            (size,) = struct.unpack_from(">Q", self._held, self._next + 8)
        elif size == 1:
            size = 16
        if size < 8:
            raise BadAudio("This mp4 is damaged: a box says that it has no room for its header.")
        return size, name
