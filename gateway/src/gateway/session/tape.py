"""The microphone's recent sound, by its place on the session's clock of sound."""

from __future__ import annotations

from avatar_contract.audio import pcm_bytes, pcm_ms

LOOKBACK_MS = 1500.0
"""Kept while nobody speaks: more than the padding stt puts before a first syllable."""


class Tape:
    """16 kHz mono ``pcm_s16le`` since the session began, in ms; old sound is forgotten."""

    def __init__(self) -> None:
        self._pcm = bytearray()
        self._from_ms = 0.0
        self._held_from: float | None = None
        self.unsent_ms: float | None = None
        """From here on no recogniser has reported on it; None: one hears all."""
        self.understood_ms = 0.0
        """What came before here has had its ending, or is to be forgotten: no other recogniser is
        to hear it."""
        self.offset = 0
        """Client samples that the server has."""
        self.fed_at = 0.0
        """When the last chunk came, ms of the session's clock."""

    @property
    def from_ms(self) -> float:
        """Where what is kept begins."""
        return self._from_ms

    @property
    def end_ms(self) -> float:
        """Sound taken in so far."""
        return self._from_ms + pcm_ms(len(self._pcm))

    def append(self, pcm: bytes) -> None:
        """`pcm` was taken in."""
        self._pcm += pcm
        if pcm_ms(len(self._pcm)) > 2 * LOOKBACK_MS:
            self._forget()

    def hold(self, from_ms: float | None) -> None:
        """Forget nothing after `from_ms`; None: nobody speaks, and old sound isn't wanted."""
        self._held_from = from_ms
        self._forget()

    def keep_unsent(self, from_ms: float | None) -> None:
        """Likewise for a recogniser that is to hear it when there is one."""
        self.unsent_ms = from_ms
        self._forget()

    def cut(self, from_ms: float, to_ms: float) -> bytes:
        """The sound between two places."""
        start = max(0, pcm_bytes(from_ms - self._from_ms))
        return bytes(self._pcm[start : max(start, pcm_bytes(to_ms - self._from_ms))])

    def recent(self, ms: float) -> bytes:
        """The last `ms` of sound."""
        return bytes(self._pcm[-pcm_bytes(ms) :])

    def _forget(self) -> None:
        wanted = [place for place in (self._held_from, self.unsent_ms) if place is not None]
        before_ms = min([self.end_ms - LOOKBACK_MS, *wanted])
        count = min(max(0, pcm_bytes(before_ms - self._from_ms)), len(self._pcm))
        del self._pcm[:count]
        self._from_ms += pcm_ms(count)
