"""Audio files beside database rows: the order of steps that keeps them in agreement.

::

    async with vault.change() as change:
        file = await change.add(RAW, turn_id, sound)     staged
        async with database.write() as connection:
            await audio.add(connection, owner, file, now)
            change.drop(await audio.drop(connection, [old_key], now))
                                                         committed
    (left)                                               published, old file removed
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import BinaryIO, ParamSpec, TypeVar
from uuid import UUID

from avatar_contract.errors import NotFound, ProfileUnavailable, StorageFull
from avatar_contract.service.logs import get_logger
from profile_service.audiofile import AudioFile, Sound, named
from profile_service.backends.store import PROFILES, AudioStore
from profile_service.database import UNHURRIED, Database
from profile_service.disk import Disk
from profile_service.repository import audio

P = ParamSpec("P")
T = TypeVar("T")

log = get_logger(__name__)

_QUOTA_USED = "The quota for audio is used up: delete conversations or raise it."
_NEARLY_FULL = "The disk for audio is nearly full: free some space, or delete conversations."
_WORDS_ONLY = " Until then turns are kept without their sound."

_SMALL = 1 << 18
"""A sound has about so many bytes."""

_MOST_LOST = 20
"""Files that may be missing before we think that all of them are elsewhere."""


class Change:
    """The files that one use case adds and drops."""

    def __init__(self, vault: "Vault") -> None:
        self._vault = vault
        self.added: list[AudioFile] = []
        self.dropped: list[str] = []

    async def add(self, kind: str, of: UUID, sound: Sound) -> AudioFile:
        """Stage `sound` as a file of the turn or profile `of`.

        Raises:
            StorageFull: the quota is used up, or the disk is full.
        """
        file = named(kind, of, sound)
        self._vault.check_room(file.size + sum(added.size for added in self.added))
        self.added.append(file)
        try:
            await self._vault.run(self._vault.store.stage, file.key, sound.data)
        except StorageFull:
            # Nothing is left of it: there is nothing to settle.
            self.added.remove(file)
            raise
        return file

    def drop(self, keys: Iterable[str]) -> None:
        """Remove these once the transaction is committed; their rows are gone with it."""
        self.dropped += keys


class Vault:
    """The store with its worker threads, its quota and its agreement with the database."""

    def __init__(
        self,
        store: AudioStore,
        database: Database,
        disk: Disk,
        *,
        quota_bytes: int = 0,
        min_free_bytes: int = 0,
    ) -> None:
        self.store = store
        self.disk = disk
        """Where the words are."""
        self._database = database
        self._quota = quota_bytes
        self._min_free = min_free_bytes
        self._used = 0
        self._low = False
        self._unsettled: list[AudioFile] = []
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="files")
        # Removals may have to wait for a backup: they must not keep writes waiting with them.
        self._removals = ThreadPoolExecutor(1, thread_name_prefix="removals")

    @property
    def used_bytes(self) -> int:
        """What all audio takes, as of the last count."""
        return self._used

    @property
    def trouble(self) -> str | None:
        """What there is no room for, and what to do, as of the last look."""
        if self._quota and self._used + _SMALL > self._quota:
            return _QUOTA_USED + _WORDS_ONLY
        return _NEARLY_FULL + _WORDS_ONLY if self._low or self.disk.gave_way else None

    async def look(self) -> None:
        """See what the disks have left, and do what had to wait for the database."""
        await self.run(self.disk.look)
        free = await self.run(self.store.free_bytes)
        self._low = free < max(self._min_free, _SMALL)
        if self._unsettled and self._database.answers:
            await self.settle_again()

    async def open(self) -> None:
        """Mend what a crash left, and be ready to write."""
        await self.run(self.store.open)
        loop = asyncio.get_running_loop()

        def kept(keys: list[str]) -> set[str]:
            return asyncio.run_coroutine_threadsafe(self._known_at_last(keys), loop).result()

        await self.run(self.store.recover, kept)
        await self.empty_trash()
        await self.measure()

    async def close(self) -> None:
        await self.run(self.store.close)
        self._pool.shutdown()
        self._removals.shutdown()

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do blocking `work` on a worker thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, lambda: work(*args, **kwargs))

    @asynccontextmanager
    async def change(self) -> AsyncIterator[Change]:
        """Add and drop files together with the transaction inside. See the module's head."""
        change, known = Change(self), True
        try:
            yield change
        except ProfileUnavailable:
            # Whether it was committed can't be asked now. What is staged can be read meanwhile.
            self._unsettled += change.added
            known = False
            raise
        finally:
            # A caller that goes away must not leave files and rows in disagreement.
            if known:
                await asyncio.shield(asyncio.ensure_future(self._settle(change)))

    async def finding_room(self, work: Callable[[], Awaitable[T]], *, deletes: bool = False) -> T:
        """Do `work`, and on a full disk again after each thing that makes room for it.

        Args:
            deletes: it frees room itself, and may use the reserve that is for that.

        Raises:
            StorageFull: there is not even a reserve left.
        """
        with suppress(StorageFull):
            return await work()
        await self._database.checkpoint()
        while True:
            try:
                return await work()
            except StorageFull:
                if not await self.run(self.disk.give_way, for_deleting=deletes):
                    raise
            await self._database.checkpoint()

    async def read(self, file: AudioFile) -> BinaryIO:
        """The open file.

        Raises:
            NotFound: it was removed meanwhile.
        """
        try:
            return await self.run(self.store.read, file.key)
        except FileNotFoundError as error:
            raise NotFound("This audio is no longer kept.") from error

    def check_room(self, size: int) -> None:
        """Refuse `size` more bytes before they are written.

        Raises:
            StorageFull: quota or disk has no room for them.
        """
        if self._quota and self._used + size > self._quota:
            raise StorageFull(_QUOTA_USED)
        if self._min_free and self.store.free_bytes() - size < self._min_free:
            raise StorageFull(_NEARLY_FULL)

    async def measure(self) -> int:
        """Count anew the bytes that all audio takes (other processes write too)."""
        async with self._database.read(patient=UNHURRIED) as connection:
            self._used = await audio.total_bytes(connection)
        return self._used

    async def empty_trash(self) -> None:
        """Remove the files whose rows are gone."""
        async with self._database.read() as connection:
            keys = await audio.trash(connection)
        if keys:
            await self._remove(keys)

    async def mend(self) -> tuple[int, int]:
        """Make files and rows agree after what no ordering can prevent, e.g. a lost disk.

        Returns:
            How many orphaned files were removed, and how many rows had lost their file.
        """
        await self.settle_again()
        # Files first: a published file had its row before, so one without a row lost it for good.
        files = await self.run(lambda: [file.key for file in self.store.files()])
        async with self._database.read(patient=UNHURRIED) as connection:
            rows = await audio.sizes(connection)
            trashed = set(await audio.trash(connection))
        orphans = [key for key in files if key not in rows]
        await self._unlink([key for key in orphans if key not in trashed])
        lost = [key for key in rows.keys() - set(files) if not await self._readable(key)]
        if orphans or lost:
            log.warning("audio.mended", orphans=len(orphans), lost=len(lost))
        if len(lost) <= max(_MOST_LOST, len(rows) // 10):
            await self._forget([key for key in lost if not key.startswith(PROFILES)])
        else:
            # So many at once means a disk that is not mounted: nothing must be forgotten for that.
            log.error("audio.missing", lost=len(lost), of=len(rows))
        return len(orphans), len(lost)

    async def _forget(self, keys: list[str]) -> None:
        if keys:
            async with self._database.write() as connection:
                await audio.drop(connection, keys, datetime.now(UTC))

    async def _readable(self, key: str) -> bool:
        try:
            (await self.run(self.store.read, key)).close()
        except FileNotFoundError:
            async with self._database.read() as connection:
                return not await audio.known(connection, [key])
        return True

    async def _settle(self, change: Change) -> None:
        if change.added:
            await self._settle_added(change.added)
        if change.dropped:
            await self._remove(change.dropped)

    async def _settle_added(self, added: list[AudioFile]) -> None:
        # The database says what became of the transaction: an exception does not, since a commit
        # may succeed although its answer was lost.
        keys = [file.key for file in added]
        try:
            committed = await self._known_at_last(keys)
        except Exception:
            self._unsettled += added
            raise
        await self.run(self.store.publish, [key for key in keys if key in committed])
        await self.run(self.store.discard, [key for key in keys if key not in committed])
        self._used += sum(file.size for file in added if file.key in committed)

    async def settle_again(self) -> None:
        """Publish or discard what could not be while the database was away."""
        waiting, self._unsettled = self._unsettled, []
        if waiting:
            await self._settle_added(waiting)

    async def _remove(self, keys: list[str]) -> None:
        async with self._database.read() as connection:
            gone = set(keys) - await audio.known(connection, keys)
            trashed = gone & set(await audio.trash(connection))
        await self._unlink(sorted(trashed))
        try:
            async with self._database.write() as connection:
                await audio.forget_trash(connection, sorted(trashed))
        except StorageFull:
            # They are gone, which is what was asked for. To forget them can wait for room.
            log.warning("audio.trash_kept", files=len(trashed))
        if self._quota:
            await self.measure()

    async def _unlink(self, keys: list[str]) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._removals, self.store.remove, keys)

    async def _known_at_last(self, keys: list[str]) -> set[str]:
        known = await self._known(keys)
        if len(known) == len(keys):
            return known
        # One may be missing because its commit is still under way.
        await self._database.after_writes()
        return await self._known(keys)

    async def _known(self, keys: list[str]) -> set[str]:
        async with self._database.read() as connection:
            return await audio.known(connection, keys)
