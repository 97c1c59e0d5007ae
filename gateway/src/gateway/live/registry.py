"""The sessions of this gateway: found by token, held while their client is away, taken over.

::

    connect ─▶ enter ─▶ a new session in a slot
    socket gone ─▶ leave ─▶ held for `detached_s`, or until somebody else needs the slot
    resume ─▶ a session that runs here, else one that profile-service knows (claimed), else NotFound
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import UUID, uuid4

from avatar_contract.errors import AvatarError, NotFound, ServerFull
from avatar_contract.records import ClaimedSession
from avatar_contract.service import get_logger
from avatar_contract.terms import NoticeCode
from gateway.live.admission import Admission, Slot
from gateway.live.factory import SessionFactory
from gateway.live.outbox import Line
from gateway.live.session import LiveSession, close_all
from gateway.live.tokens import epoch_of, hash_token, new_token, token_ends
from gateway.session.outputs import NoticeGiven, Output

log = get_logger(__name__)

RESUME_WAIT_S = 0.5
"""A full gateway waits so long for the `resume` of a session whose slot it still holds."""

RESTART = 1012
"""RFC 6455 registry, "Service Restart": come back."""

_DRAIN_LOOK_S = 0.05

_DELIVERY_S = 1.5
"""How long a token that is not known is looked for: its first record may be on its way."""

_FLUSH_S = 2.0
"""How long a claim waits for this gateway's own records of that session to be delivered."""


class SessionRegistry:
    """All live sessions."""

    def __init__(
        self, factory: SessionFactory, admission: Admission, *, detached_s: float = 60.0
    ) -> None:
        self.factory = factory
        self.admission = admission
        self._detached_s = detached_s
        self._sessions: dict[UUID, LiveSession] = {}
        self._ends: dict[UUID, asyncio.TimerHandle] = {}
        """When the sessions without a client end, oldest first."""
        self._closing: set[asyncio.Task[None]] = set()
        self.draining = False
        """Whether the gateway is about to stop: nobody is let in."""

    @property
    def sessions(self) -> list[LiveSession]:
        return list(self._sessions.values())

    @property
    def detached(self) -> int:
        """Sessions whose client is away."""
        return len(self._ends)

    # --- in ---------------------------------------------------------------------------------

    async def enter(self, on_position: Callable[[int], None] | None = None) -> LiveSession:
        """A new session. Raises ServerFull."""
        if self.draining:
            raise ServerFull("This server is being restarted.", retry_after_s=2)
        return self._add(self.factory.open(uuid4(), new_token()), await self._slot(on_position))

    async def make_room(self) -> LiveSession | None:
        """A new session in the place of one whose client is away; None where there is none."""
        if not self._ends or self.draining:
            return None
        oldest = self._sessions[next(iter(self._ends))]
        log.info("session.made_room", session_id=str(oldest.session_id))
        await self._end(oldest)
        return await self.enter()

    def find(self, token: str) -> LiveSession | None:
        """The session here that `token` resumes; none where another gateway has held it since."""
        wanted, epoch = hash_token(token), epoch_of(token)
        conversations = ((s, s.conversation) for s in self._sessions.values())
        found = (s for s, c in conversations if c.token_hash == wanted and c.epoch >= epoch)
        return next(found, None)

    async def claim(self, token: str, slot: Slot | None) -> LiveSession:
        """Takes a session over that does not run here, into `slot`.

        Raises:
            NotFound: nobody knows the token, or it has expired.
            ProfileUnavailable: who knows it can't be asked.
        """
        await self.factory.spool.flush(_FLUSH_S, token_hash=hash_token(token))
        claimed = await self._claimed(token)
        running = self._sessions.get(claimed.session_id)
        if running is not None:
            # Another gateway has held it since, or its history is gone on with by a second token.
            await self._end(running)
        return self._add(self.factory.restore(claimed, token), slot)

    # --- out --------------------------------------------------------------------------------

    async def leave(self, session: LiveSession, line: Line, *, for_good: bool) -> None:
        """The client of `line` is gone; `for_good`: it said so, and does not come back at once."""
        if not session.detach(line):
            return
        if for_good or not session.worth_holding or self.draining:
            await self._end(session)
            return
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._detached_s, self._end_soon, session)
        self._ends[session.session_id] = timer

    def held_again(self, session: LiveSession) -> None:
        """A client has come back to `session`."""
        timer = self._ends.pop(session.session_id, None)
        if timer is not None:
            timer.cancel()

    async def discard(self, session: LiveSession) -> None:
        """Ends a session at once."""
        await self._end(session)

    def tell_all(self, output: Output) -> None:
        """Tells every client that is there."""
        for session in self.sessions:
            if session.attached:
                session.tell(output)

    async def drain(self) -> None:
        """Lets nobody in, and lets go of each session when its turn is over.

        Clients are told to come back (1012); they resume here after the restart, or elsewhere.
        """
        self.draining = True
        self.tell_all(NoticeGiven(NoticeCode.GOING_AWAY, "This server is being restarted."))
        while self._sessions:
            for session in self.sessions:
                if session.is_resting or not session.attached:
                    session.send_away(RESTART)
                    await self._end(session)
            await asyncio.sleep(_DRAIN_LOOK_S)

    async def close(self) -> None:
        """Ends all sessions; open turns stay open in the records."""
        for session in self.sessions:
            session.send_away(RESTART)
        await close_all(self.sessions)
        for session in self.sessions:
            self._forget(session)
        if self._closing:
            await asyncio.wait(self._closing)

    # --- inside -----------------------------------------------------------------------------

    async def _claimed(self, token: str) -> ClaimedSession:
        """What profile-service knows; the gateway before may just be delivering it."""
        archive, life_s = self.factory.engines.archive, self.factory.settings.token_life_s
        loop = asyncio.get_running_loop()
        until = loop.time() + _DELIVERY_S
        while True:
            try:
                return await archive.claim(hash_token(token), token_ends(life_s))
            except NotFound as unknown:
                if loop.time() >= until:
                    text = "That conversation can't be resumed: its time is over."
                    raise NotFound(text) from unknown
            await asyncio.sleep(_DELIVERY_S / 5)

    async def _slot(self, on_position: Callable[[int], None] | None) -> Slot:
        return await self.admission.enter(on_position)

    def _add(self, session: LiveSession, slot: Slot | None) -> LiveSession:
        session.slot = slot
        self._sessions[session.session_id] = session
        return session

    def _end_soon(self, session: LiveSession) -> None:
        task = asyncio.ensure_future(self._end(session))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _end(self, session: LiveSession) -> None:
        self._forget(session)
        try:
            await session.close()
        except AvatarError as error:
            log.error("session.close_failed", exc=error)
        c = session.conversation
        log.info("session.closed", session_id=str(c.session_id), turns=c.next_number - 1)

    def _forget(self, session: LiveSession) -> None:
        self.held_again(session)
        if self._sessions.get(session.session_id) is session:
            del self._sessions[session.session_id]
