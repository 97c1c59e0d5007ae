"""The seam that the session sees, and the bounds that every decoder keeps."""

from dataclasses import dataclass
from typing import Protocol

from avatar_contract.audio import HOUSE_RATE
from avatar_contract.errors import BadAudio, BufferOverflow

BYTES_PER_SAMPLE = 2


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """Bounds on memory and time of one decoder."""

    max_audio_s: float | None = 120.0
    """Seconds of decoded audio in the life of a decoder; None for one that lives with a socket."""

    max_feed_s: float = 120.0
    """Seconds of decoded audio that one call may yield: a few KiB of Opus can hold minutes."""

    step_timeout_s: float = 5.0
    """Wall seconds that one `feed` or `finish` may take before the input counts as bad."""

    max_silent_bytes: int = 256 * 1024
    """Bytes of a container that may pass before its first sample comes out."""


class Decoder(Protocol):
    """Turns one stream of payloads into 16 kHz mono s16le; calls must not overlap."""

    @property
    def passthrough(self) -> bool:
        """True when `feed` returns its argument: the caller may skip the call."""
        ...

    async def feed(self, data: bytes) -> bytes:
        """Take the next payload; return the house audio it completed, which may be empty.

        After an error the decoder is closed.

        Raises:
            BadAudio: it is no such audio.
            BufferOverflow: it is longer than `max_audio_s`.
        """
        ...

    async def finish(self) -> bytes:
        """The stream is over: return what was held back (filter tails, an open block)."""
        ...

    def close(self) -> None:
        """Let go of thread and buffers; may be called at any time, any number of times."""
        ...


class Meter:
    """Counts what a decoder puts out and stops it at its limits."""

    def __init__(self, limits: DecodeLimits) -> None:
        self._limits = limits
        self.total = 0
        """Bytes of house audio so far."""

    def add(self, n_bytes: int) -> None:
        """Count `n_bytes` of one call; raises `BufferOverflow` past a limit."""
        self.total += n_bytes
        seconds = BYTES_PER_SAMPLE * HOUSE_RATE
        longest = self._limits.max_audio_s
        if longest is not None and self.total > longest * seconds:
            raise BufferOverflow(
                f"This utterance holds more than {longest:g} s of audio. Send shorter ones."
            )
        if n_bytes > self._limits.max_feed_s * seconds:
            raise BufferOverflow(
                f"One chunk holds more than {self._limits.max_feed_s:g} s of audio. "
                "Send pieces of 20 to 300 ms."
            )


def require_bytes(data: bytes) -> None:
    """An empty payload is a client's mistake, never silence."""
    if not data:
        raise BadAudio("The audio chunk holds 0 bytes. Leave out empty chunks.")
