"""Turn records on their way to profile-service, through this machine's disk.

::

    reducer ── Store ─▶ keep ─▶ thread: one commit for all that wait ─▶ kept: `turn_done` may go
                                   │
                                   └─▶ deliver, oldest first, one of a conversation at a time
                                         delivered ─▶ forgotten here
                                         away, full ─▶ again, later and later
                                         refused ───▶ set aside, and said in the log

A turn that was accepted is `open`; more becomes known of it, and what was not delivered yet is
replaced. Delivery is exactly once in effect: profile-service knows a turn by its ids.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from avatar_contract.errors import AvatarError, Conflict, Internal, StageError
from avatar_contract.records import TurnRecord, TurnView
from avatar_contract.service import get_logger
from gateway.live.keeper import Deliver, Kept, SpooledTurn
from gateway.live.spool_file import SpoolFile, SpoolFullError, new_version

log = get_logger(__name__)

T = TypeVar("T")

_AT_ONCE = 4
"""Conversations whose records are delivered side by side."""
_OPEN_WAITS_S = 0.15
"""An open record waits so long for more to become known: most turns are delivered once or twice."""
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 2.0
_DEFECTS = 5
"""Answers INTERNAL after which a record is set aside."""
_RESERVE_EVERY_S = 5.0
_SOUND_TRIES, _SOUND_WAIT_S = 30, 20.0
"""How often, and how far apart, sound is offered to a profile-service whose disk is full."""


@dataclass(slots=True)
class _Waiting:
    """A record that is not delivered."""

    record: TurnRecord
    version: int
    due: float
    delivered: Callable[[TurnView], None] | None = None
    defects: int = 0
    sound_tries: int = 0


class Spool:
    """One gateway's."""

    def __init__(self, file: SpoolFile, archive: Deliver, *, max_sound_bytes: int) -> None:
        self._file = file
        self._archive = archive
        self._max_sound_bytes = max_sound_bytes
        self._sound_bytes = 0
        self._waiting: dict[UUID, _Waiting] = {}
        self._under_way: dict[UUID, asyncio.Task[None]] = {}
        """Deliveries by conversation."""
        self._puts: list[tuple[SpooledTurn, asyncio.Future[Kept]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._wake = asyncio.Event()
        self._ended = asyncio.Event()
        self._loop_task: asyncio.Task[None] | None = None
        self._wait_s = 0.0
        self.words_lost = False
        """Whether the last record could not be kept at all."""

    # --- life -------------------------------------------------------------------------------

    async def start(self) -> None:
        """Takes up what an earlier process left, and begins to deliver."""
        for turn in await self._on_thread(self._file.pending):
            self._waiting[turn.record.turn_id] = _Waiting(turn.record, turn.version, 0.0)
        self._sound_bytes = await self._on_thread(self._file.sound_bytes)
        if self._waiting:
            log.info("spool.found", records=len(self._waiting))
        self._loop_task = asyncio.ensure_future(self._run())

    async def stop(self, patience_s: float = 3.0) -> None:
        """Delivers what it can within `patience_s`; the rest waits on disk for the next start."""
        await self.flush(patience_s)
        tasks = [*self._under_way.values(), *([self._loop_task] if self._loop_task else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._writing is not None:
            await asyncio.wait([self._writing])
        await self._on_thread(self._file.close)
        self._thread.shutdown()

    async def flush(
        self,
        patience_s: float,
        *,
        token_hash: str | None = None,
        session_id: UUID | None = None,
    ) -> None:
        """Waits `patience_s` at most until records are delivered: all, or one session's."""
        try:
            async with asyncio.timeout(patience_s):
                while any(_of(w.record, token_hash, session_id) for w in self._waiting.values()):
                    self._hasten()
                    await self._one_over()
        except TimeoutError:
            log.warning("spool.not_flushed", records=len(self._waiting))

    # --- in ---------------------------------------------------------------------------------

    def keep(
        self, turn: SpooledTurn, delivered: Callable[[TurnView], None] | None = None
    ) -> asyncio.Future[Kept]:
        """Writes a record; the future ends when it is on disk.

        Args:
            delivered: called with what profile-service answers to a closed record.
        """
        turn = replace(turn, version=new_version())
        if self._sound_bytes + turn.sound_bytes > self._max_sound_bytes:
            turn = replace(turn, user_pcm=None, ai_pcm=None)
        record = turn.record
        wait = _OPEN_WAITS_S if record.state == "open" else 0.0
        known = self._waiting.get(record.turn_id)
        due = asyncio.get_running_loop().time() + wait
        if known is not None and known.record.state == "open":
            due = min(due, known.due) if wait else due
        self._waiting[record.turn_id] = _Waiting(record, turn.version, due, delivered)
        self._sound_bytes += turn.sound_bytes
        kept: asyncio.Future[Kept] = asyncio.get_running_loop().create_future()
        self._puts.append((turn, kept))
        if self._writing is None:
            self._writing = asyncio.ensure_future(self._write())
        return kept

    def find(self, utterance_id: UUID) -> TurnRecord | None:
        """A record that is not delivered yet."""
        found = (w.record for w in self._waiting.values() if w.record.utterance_id == utterance_id)
        return next(found, None)

    @property
    def pending(self) -> int:
        """Records that wait."""
        return len(self._waiting)

    @property
    def complaint(self) -> str | None:
        """What is wrong with the disk, in words."""
        if self.words_lost:
            return "The disk is full: turns are not kept. Make room for AVATAR_HOME."
        if not self._file.has_reserve:
            return "The disk is nearly full: words are kept, sound is not. Make room."
        return None

    @property
    def has_reserve(self) -> bool:
        """Whether there is room for words."""
        return self._file.has_reserve

    async def _write(self) -> None:
        """One commit after another, each with all that came meanwhile."""
        while self._puts:
            puts, self._puts = self._puts, []
            turns = [turn for turn, _ in puts]
            try:
                sounds = await self._on_thread(self._file.put, turns)
                outcome = [Kept(words=True, sound=sound) for sound in sounds]
            except SpoolFullError as error:
                log.error("spool.full", exc=error)
                outcome = [Kept(words=False, sound=False)] * len(turns)
            self.words_lost = not outcome[-1].words
            for (turn, kept), how in zip(puts, outcome, strict=True):
                self._take_outcome(turn, kept, how)
        self._writing = None
        self._wake.set()

    def _take_outcome(self, turn: SpooledTurn, kept: asyncio.Future[Kept], how: Kept) -> None:
        if not how.sound:
            self._sound_bytes -= turn.sound_bytes
        if not how.words:
            # It may still be delivered from memory, as long as this process lives.
            log.error("spool.record_not_on_disk", turn_id=str(turn.record.turn_id))
        if not kept.done():
            kept.set_result(how)

    # --- out --------------------------------------------------------------------------------

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        reserve_at = loop.time() + _RESERVE_EVERY_S
        while True:
            pause = self._start_deliveries()
            if loop.time() >= reserve_at:
                reserve_at = loop.time() + _RESERVE_EVERY_S
                await self._on_thread(self._tidy)
            try:
                async with asyncio.timeout(min(pause, _RESERVE_EVERY_S)):
                    await self._wake.wait()
            except TimeoutError:
                continue
            self._wake.clear()

    def _start_deliveries(self) -> float:
        """Begins what is due; returns the seconds until something else is."""
        now = asyncio.get_running_loop().time()
        pause = _RESERVE_EVERY_S
        seen: set[UUID] = set()
        for turn_id, waiting in self._waiting.items():
            session = waiting.record.session_id
            if session in seen:
                continue
            seen.add(session)
            if session in self._under_way:
                continue
            if len(self._under_way) >= _AT_ONCE:
                break
            if waiting.due > now:
                pause = min(pause, waiting.due - now)
                continue
            task = asyncio.ensure_future(self._deliver(turn_id, waiting))
            self._under_way[session] = task
            task.add_done_callback(partial(self._over, session))
        return pause

    def _over(self, session: UUID, _: object) -> None:
        self._under_way.pop(session, None)
        self._ended.set()
        self._wake.set()

    async def _deliver(self, turn_id: UUID, waiting: _Waiting) -> None:
        record = waiting.record
        turn = await self._on_thread(self._file.get, turn_id)
        if turn is None or turn.version != waiting.version:
            turn = SpooledTurn(record, version=waiting.version)
        try:
            view = await self._archive.store(record, turn.user_pcm, turn.ai_pcm, turn.ai_rate)
        except StageError as error:
            self._later(error)
            return
        except Internal as error:
            waiting.defects += 1
            if waiting.defects < _DEFECTS:
                self._later(error)
                return
            await self._give_up(turn_id, waiting, error)
            return
        except AvatarError as error:
            await self._give_up(turn_id, waiting, error)
            return
        if self._wait_s:
            self._wait_s = 0.0
            self._hasten()
        if view.turn_id != turn_id:
            # The utterance is a turn of another conversation, by another gateway.
            log.warning("spool.superseded", turn_id=str(turn_id), by=str(view.turn_id))
            await self._forget(turn_id, turn)
            return
        if _sound_left_out(turn, view) and waiting.sound_tries < _SOUND_TRIES:
            self._offer_sound_later(turn_id, waiting)
            return
        await self._forget(turn_id, turn)
        if waiting.delivered is not None and record.state == "closed":
            waiting.delivered(view)

    def _offer_sound_later(self, turn_id: UUID, waiting: _Waiting) -> None:
        """The words were kept without their sound, for want of room. Other records go first."""
        if not self._is_current(turn_id, waiting.version):
            return
        pause = min(_SOUND_WAIT_S, 2.0**waiting.sound_tries)
        waiting.sound_tries += 1
        waiting.due = asyncio.get_running_loop().time() + pause
        del self._waiting[turn_id]
        self._waiting[turn_id] = waiting

    def _later(self, error: AvatarError) -> None:
        """profile-service is away or has no room: everything waits, later and later."""
        self._wait_s = min(_LONGEST_WAIT_S, max(_FIRST_WAIT_S, self._wait_s * 2))
        until = asyncio.get_running_loop().time() + self._wait_s * random.uniform(0.7, 1)
        log.warning("spool.waits", code=error.code, records=len(self._waiting))
        for waiting in self._waiting.values():
            waiting.due = max(waiting.due, until)

    async def _give_up(self, turn_id: UUID, waiting: _Waiting, error: AvatarError) -> None:
        """profile-service refuses the record itself: offering it again would change nothing."""
        if isinstance(error, Conflict):
            # Another gateway has done this turn since, or the client used an id twice.
            log.warning("spool.superseded", turn_id=str(turn_id))
            await self._forget(turn_id, SpooledTurn(waiting.record, version=waiting.version))
            return
        log.error("spool.refused", exc=error, turn_id=str(turn_id), code=error.code)
        if self._is_current(turn_id, waiting.version):
            del self._waiting[turn_id]
        await self._on_thread(self._file.set_aside, turn_id, error.code)

    async def _forget(self, turn_id: UUID, turn: SpooledTurn) -> None:
        if self._is_current(turn_id, turn.version):
            del self._waiting[turn_id]
        self._sound_bytes = max(0, self._sound_bytes - turn.sound_bytes)
        await self._on_thread(self._file.delivered, turn_id, turn.version)

    def _is_current(self, turn_id: UUID, version: int) -> bool:
        waiting = self._waiting.get(turn_id)
        return waiting is not None and waiting.version == version

    def _hasten(self) -> None:
        for waiting in self._waiting.values():
            waiting.due = 0.0
        self._wake.set()

    async def _one_over(self) -> None:
        """Waits until a delivery has ended, well or not."""
        self._ended.clear()
        await self._ended.wait()

    def _tidy(self) -> None:
        try:
            self._file.hold_reserve()
            self._file.forget_delivered()
            self._file.shrink()
        except sqlite3.Error as error:
            # The disk is full, most likely: there is another time.
            log.warning("spool.not_tidied", exc=error)

    async def _on_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, work, *arguments)


def _of(record: TurnRecord, token_hash: str | None, session_id: UUID | None) -> bool:
    if session_id is not None and record.session_id != session_id:
        return False
    session = record.session
    return token_hash is None or (session is not None and session.token_hash == token_hash)


def _sound_left_out(turn: SpooledTurn, view: TurnView) -> bool:
    """Whether profile-service took this very record, but not its sound."""
    record = turn.record
    if not record.store_audio or view.state != "closed" or view.revision != record.revision:
        return False
    if (view.ai_text, view.heard_text) != (record.ai_text, record.heard_text):
        return False
    said = bool(turn.user_pcm) and not record.typed and view.user_audio_ms is None
    return said or (bool(turn.ai_pcm) and view.ai_audio_ms is None)
