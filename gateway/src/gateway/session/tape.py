"""The microphone's recent sound, by its place on stt's clock."""

from __future__ import annotations

from avatar_contract.audio import pcm_bytes, pcm_ms

LOOKBACK_MS = 1500.0
"""Kept while nobody speaks: more than the padding stt puts before a first syllable."""


class Tape:
    """16 kHz mono ``pcm_s16le`` since stt's socket opened; old sound is forgotten."""

    def __init__(self) -> None:
        self._pcm = bytearray()
        self._from_ms = 0.0
        self._held_from: float | None = None
        self.offset = 0
        """Client samples that the server has."""
        self.fed_at = 0.0
        """When the last chunk came, ms of the session's clock."""

    @property
    def end_ms(self) -> float:
        """Sound sent to stt so far, ms from its socket's opening."""
        return self._from_ms + pcm_ms(len(self._pcm))

    def append(self, pcm: bytes) -> None:
        """`pcm` was sent to stt."""
        self._pcm += pcm
        if self._held_from is None and pcm_ms(len(self._pcm)) > 2 * LOOKBACK_MS:
            self._forget(self.end_ms - LOOKBACK_MS)

    def hold(self, from_ms: float) -> None:
        """Forget nothing after `from_ms` until it is cut or let go."""
        self._held_from = from_ms

    def cut(self, from_ms: float, to_ms: float) -> bytes:
        """The sound between two places, and lets go."""
        start = max(0, pcm_bytes(from_ms - self._from_ms))
        sound = bytes(self._pcm[start : max(start, pcm_bytes(to_ms - self._from_ms))])
        self.let_go()
        return sound

    def recent(self, ms: float) -> bytes:
        """The last `ms` of sound."""
        return bytes(self._pcm[-pcm_bytes(ms) :])

    def let_go(self) -> None:
        """The held sound isn't wanted."""
        self._held_from = None
        self._forget(self.end_ms - LOOKBACK_MS)

    def restart(self) -> None:
        """stt has a new socket: its clock is at 0 again."""
        self._pcm.clear()
        self._from_ms = 0.0
        self._held_from = None

    def _forget(self, before_ms: float) -> None:
        count = min(max(0, pcm_bytes(before_ms - self._from_ms)), len(self._pcm))
        del self._pcm[:count]
        self._from_ms += pcm_ms(count)
