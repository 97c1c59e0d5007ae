"""What the service does by itself, round by round: retention, and agreement of files and rows."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from avatar_contract.errors import AvatarError
from avatar_contract.service.logs import get_logger
from profile_service.database import UNHURRIED, Database
from profile_service.reindex import refold
from profile_service.repository import audio, conversations, sessions
from profile_service.turns import drop_turns, give_up
from profile_service.vault import Change, Vault

log = get_logger(__name__)

_BATCH = 200
_SPOOL_DAYS = 90
"""No gateway's spool is older: a deletion need not be remembered longer."""

_GIVEN_UP_AFTER = timedelta(hours=1)
"""Far longer than a gateway holds a turn open; what comes later after all replaces it."""

_MEND_EVERY = timedelta(hours=6)


@dataclass(frozen=True)
class Retention:
    """How long and how much is kept; 0: without end."""

    audio_days: float = 0
    audio_bytes: int = 0
    turn_days: float = 0


class Housekeeper:
    """Runs rounds until it is cancelled."""

    def __init__(self, database: Database, vault: Vault, retention: Retention) -> None:
        self._database = database
        self._vault = vault
        self._retention = retention
        self._mended_at: datetime | None = None

    async def run(self, every_s: float) -> None:
        """A round now, and one after each `every_s` seconds."""
        while True:
            try:
                await self.round(datetime.now(UTC))
            except (AvatarError, OSError) as error:
                log.error("housekeeping.failed", exc=error)
            await asyncio.sleep(every_s)

    async def round(self, now: datetime) -> None:
        """One round, as of `now`."""
        if self._mended_at is None or now - self._mended_at >= _MEND_EVERY:
            self._mended_at = now
            await self._vault.mend()
        await self._vault.empty_trash()
        await self._give_up_turns(now - _GIVEN_UP_AFTER)
        if folded := await refold(self._database):
            log.info("housekeeping.search_folded_anew", entries=folded)
        if self._retention.turn_days:
            await self._remove_turns(now - timedelta(days=self._retention.turn_days), now)
        if self._retention.audio_days:
            await self._remove_old_audio(now - timedelta(days=self._retention.audio_days), now)
        if self._retention.audio_bytes:
            await self._remove_excess(now)
        async with self._database.write() as connection:
            await conversations.forget_deleted(connection, now - timedelta(days=_SPOOL_DAYS))
            await sessions.drop_ended(connection, now)
        await self._vault.measure()

    async def _give_up_turns(self, before: datetime) -> None:
        while True:
            async with self._database.read() as connection:
                left = await conversations.open_turns_before(connection, before, _BATCH)
            if not left:
                return
            async with self._database.write(patient=UNHURRIED) as connection:
                for row in left:
                    await give_up(connection, row, before)
            log.info("housekeeping.turns_given_up", turns=len(left))

    async def _remove_old_audio(self, before: datetime, now: datetime) -> None:
        while True:
            async with self._database.read() as connection:
                oldest = await audio.oldest_of_turns(connection, _BATCH, before)
            if not oldest:
                return
            await self._drop_audio([key for key, _ in oldest], now)

    async def _remove_excess(self, now: datetime) -> None:
        async with self._database.read() as connection:
            total = await audio.total_bytes(connection, of_turns_only=True)
        while total > self._retention.audio_bytes:
            async with self._database.read() as connection:
                oldest = await audio.oldest_of_turns(connection, _BATCH)
            dropped = []
            for key, size in oldest:
                if total <= self._retention.audio_bytes:
                    break
                dropped.append(key)
                total -= size
            if not dropped:
                return
            await self._drop_audio(dropped, now)

    async def _drop_audio(self, keys: Sequence[str], now: datetime) -> None:
        async def work() -> None:
            async with self._changing() as (change, connection):
                change.drop(await audio.drop(connection, keys, now))

        await self._vault.finding_room(work, deletes=True)
        log.info("retention.audio_removed", files=len(keys))

    async def _remove_turns(self, before: datetime, now: datetime) -> None:
        while True:
            async with self._database.read() as connection:
                oldest = await conversations.turns_before(connection, before, _BATCH)
            if not oldest:
                return
            for owner, group in groupby(sorted(oldest), key=lambda turn: turn[0]):
                await self._remove(owner, [turn_id for _, turn_id in group], now)

    async def _remove(self, owner: str, turn_ids: list[UUID], now: datetime) -> None:
        async def work() -> None:
            async with self._changing() as (change, connection):
                rows = list(await conversations.turns_by_id(connection, turn_ids))
                await drop_turns(connection, owner, rows, change)
                await conversations.delete_empty(connection, {row["session_id"] for row in rows})

        await self._vault.finding_room(work, deletes=True)
        log.info("retention.turns_removed", turns=len(turn_ids))

    @asynccontextmanager
    async def _changing(self) -> AsyncIterator[tuple[Change, AsyncConnection]]:
        async with (
            self._vault.change() as change,
            self._database.write(patient=UNHURRIED) as connection,
        ):
            yield change, connection
