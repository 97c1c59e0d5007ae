"""What one utterance may hold: bytes, chunks, seconds of audio, and seconds of nothing.

Pure: the clock is injected, nothing is awaited. The session opens the meter with the first chunk
(in hands-free with `speech_started`), counts each payload before it is decoded and each piece of
house audio after, and asks for `due_s` to set its timer.
"""

from collections.abc import Callable
from dataclasses import dataclass

from avatar_contract.audio import HOUSE_RATE, SAMPLE_BYTES
from avatar_contract.errors import AudioTimeout, BufferOverflow, TooManyChunks

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class UtteranceLimits:
    """Bounds of one utterance; each is a setting."""

    max_bytes: int = 10 * MIB
    """Payload bytes, after base64, before decoding."""

    max_chunks: int = 1000
    """`audio_chunk` messages; binary frames are not counted."""

    idle_s: float = 60.0
    """Seconds without a chunk while the utterance is open."""

    max_binary_s: float = 120.0
    """Seconds of decoded audio that came in binary frames."""


class UtteranceMeter:
    """Counts one utterance after the other; an error closes it and leaves it ready for the next."""

    def __init__(self, limits: UtteranceLimits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._open = False
        self._reset()

    @property
    def is_open(self) -> bool:
        """Whether an utterance is being counted."""
        return self._open

    def open(self) -> None:
        """A new utterance begins now; what was counted before is forgotten."""
        self._reset()
        self._open = True

    def close(self) -> None:
        """The utterance is over: the timer stops."""
        self._open = False

    def chunk(self, payload_bytes: int, *, binary: bool) -> None:
        """Count a payload as it came; opens the utterance when none is open.

        Raises:
            BufferOverflow: the utterance has more bytes than it may.
            TooManyChunks: it has more JSON chunks than it may.
            AudioTimeout: the payload came too late.
        """
        if not self._open:
            self.open()
        self.check_idle()
        self._last = self._clock()
        self._bytes += payload_bytes
        self._chunks += 0 if binary else 1
        if self._chunks > self._limits.max_chunks:
            self._fail()
            raise TooManyChunks(
                f"More than {self._limits.max_chunks} chunks in one utterance. "
                "Send longer chunks (100 ms are good), or binary frames."
            )
        if self._bytes > self._limits.max_bytes:
            self._fail()
            raise BufferOverflow(
                f"More than {self._limits.max_bytes / MIB:g} MiB in one utterance. "
                "Say it in shorter utterances, or send 16 kHz or Opus."
            )

    def decoded(self, house_bytes: int, *, binary: bool) -> None:
        """Count house audio (16 kHz mono s16le) that a payload became.

        Raises:
            BufferOverflow: a binary utterance lasts longer than it may.
        """
        if not binary or not self._open:
            return
        self._audio_bytes += house_bytes
        if self._audio_bytes > self._limits.max_binary_s * HOUSE_RATE * SAMPLE_BYTES:
            self._fail()
            raise BufferOverflow(
                f"More than {self._limits.max_binary_s:g} s of audio in one utterance. "
                "Say it in shorter ones."
            )

    @property
    def due_s(self) -> float | None:
        """Clock time at which `check_idle` will raise; None when no utterance is open."""
        return self._last + self._limits.idle_s if self._open else None

    def check_idle(self) -> None:
        """Raise `AudioTimeout` when an open utterance has had no chunk for `idle_s`."""
        due = self.due_s
        if due is not None and self._clock() >= due:
            self._fail()
            raise AudioTimeout(
                f"No audio for {self._limits.idle_s:g} s while an utterance was open: "
                "it is dropped. Send `audio_end` when the person has finished."
            )

    def _fail(self) -> None:
        self._open = False

    def _reset(self) -> None:
        self._bytes = self._chunks = self._audio_bytes = 0
        self._last = self._clock()
