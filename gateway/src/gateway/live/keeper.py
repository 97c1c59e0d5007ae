"""Who keeps turns: the seam between a session and the spool."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from avatar_contract.records import TurnRecord, TurnView


@dataclass(frozen=True, slots=True)
class SpooledTurn:
    """A record and its sounds."""

    record: TurnRecord
    user_pcm: bytes | None = None
    """16 kHz mono ``pcm_s16le``."""
    ai_pcm: bytes | None = None
    """Mono ``pcm_s16le`` at `ai_rate` Hz."""
    ai_rate: int = 0
    version: int = 0
    """Counts what was known of the turn; a later one replaces an earlier one."""

    @property
    def sound_bytes(self) -> int:
        return len(self.user_pcm or b"") + len(self.ai_pcm or b"")

    def without_sound(self) -> SpooledTurn:
        """The words alone."""
        return SpooledTurn(self.record, version=self.version)


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a record on this disk."""

    words: bool
    sound: bool


class Deliver(Protocol):
    """Where records go."""

    async def store(
        self, record: TurnRecord, user_pcm: bytes | None, ai_pcm: bytes | None, ai_rate: int
    ) -> TurnView:
        """Raises ProfileUnavailable, StorageFull or Conflict."""


class Keeper(Protocol):
    """Keeps turns on this machine until they are delivered."""

    def keep(
        self, turn: SpooledTurn, delivered: Callable[[TurnView], None] | None = None
    ) -> asyncio.Future[Kept]:
        """Writes a record; the future ends when it is on disk.

        Args:
            delivered: called with what profile-service answers to a closed record.
        """

    def find(self, utterance_id: UUID) -> TurnRecord | None:
        """A record that is not delivered yet."""

    async def flush(
        self,
        patience_s: float,
        *,
        token_hash: str | None = None,
        session_id: UUID | None = None,
    ) -> None:
        """Waits `patience_s` at most until records are delivered: all, or one session's."""
