"""``WS /ws/chat``: one socket, and the session that it is attached to.

::

    socket ─▶ slot ─▶ session message ─▶ read loop ─▶ live session ─▶ reducer
    socket ◀─ line ◀──────── outbox ◀─ encoder ◀─ domain events
    resume ─▶ the session that the token names takes the place of the one the socket began with
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.websockets import WebSocket

from avatar_contract import wire
from avatar_contract.errors import AvatarError, BadMessage, ServerFull
from avatar_contract.service import get_logger
from gateway.dialects.chat import ChatEncoder, chunk_format, to_input
from gateway.live.admission import CLOSE_CODE
from gateway.live.outbox import Line
from gateway.live.registry import RESTART, RESUME_WAIT_S, SessionRegistry
from gateway.live.session import LiveSession
from gateway.session import inputs as on
from gateway.session import outputs as out

log = get_logger(__name__)

_LOADING_EVERY_S = 1.0
_FIRST_WORD_S = 1.0
"""A session starts its engines with the client's first message, which may be a `resume`: then they
are another session's. A client that says nothing waits so long."""

_SAID_GOODBYE = 1000
"""RFC 6455: the client closed on purpose. A page that is left or reloaded says 1001."""

Frame = dict[str, Any]
"""A WebSocket event as ASGI has it."""


async def serve_chat(socket: WebSocket, sessions: SessionRegistry) -> None:
    """Serves one client until its socket closes."""
    await socket.accept(subprotocol=_subprotocol(socket))
    await ChatConnection(socket, sessions).serve()


class ChatConnection:
    """One client's socket."""

    def __init__(self, socket: WebSocket, sessions: SessionRegistry) -> None:
        self._socket = socket
        self._sessions = sessions
        self._line = Line(socket)
        self._encoder = ChatEncoder()
        self._session: LiveSession | None = None
        self._unread: Frame | None = None
        """A frame that was read before there was a session."""
        self._close_code = 0

    async def serve(self) -> None:
        """Until the socket closes."""
        loops = [
            asyncio.ensure_future(self._line.run()),
            asyncio.ensure_future(self._converse()),
        ]
        try:
            done, _ = await asyncio.wait(loops, return_when=asyncio.FIRST_COMPLETED)
            for loop in done:
                loop.result()
        finally:
            for loop in loops:
                loop.cancel()
            await asyncio.wait(loops)
            if self._session is not None:
                for_good = self._close_code == _SAID_GOODBYE
                await self._sessions.leave(self._session, self._line, for_good=for_good)

    # --- the session ------------------------------------------------------------------------

    async def _converse(self) -> None:
        try:
            await self._enter()
        except ServerFull as full:
            if self._sessions.draining:
                self._line.close(RESTART, "come back")
            else:
                self._line.put([self._encoder.error(full)])
                self._line.close(CLOSE_CODE, full.code)
            await asyncio.Event().wait()
        await self._resume_first()
        while (progress := self._sessions.factory.loading()) is not None:
            self._live.outbox.put([self._encoder.loading(progress)])
            await asyncio.sleep(_LOADING_EVERY_S)
        self._live.start()
        while True:
            frame = await self._receive()
            if frame["type"] == "websocket.disconnect":
                return
            await self._take(frame)

    async def _enter(self) -> None:
        """A session in a slot of its own. Raises ServerFull."""
        sessions = self._sessions
        if not sessions.admission.full or sessions.draining:
            self._begin(await sessions.enter(self._tell_place))
            return
        await self._peek(RESUME_WAIT_S)
        resume = self._as_resume(self._unread)
        held = sessions.find(resume.resume_token) if resume else None
        if resume is not None and held is not None:
            self._unread = None
            self._attach(held, resume)
            return
        self._begin(await sessions.make_room() or await self._queue())

    async def _queue(self) -> LiveSession:
        """Waits for a slot, as long as the client does."""
        entering = asyncio.ensure_future(self._sessions.enter(self._tell_place))
        peeking = asyncio.ensure_future(self._peek(None))
        try:
            await asyncio.wait({entering, peeking}, return_when=asyncio.FIRST_COMPLETED)
            gone = peeking.done() and (self._unread or {})["type"] == "websocket.disconnect"
            if gone and not entering.done():
                raise ServerFull("The client left the queue.")
            return await entering
        finally:
            await _cancelled(entering, peeking)

    def _begin(self, session: LiveSession) -> None:
        """A new session, told to the client."""
        self._session = session
        session.outbox.start_at(self._encoder.seq)
        self._adopt(session)
        session.attach(self._line)
        session.outbox.put([self._encoder.session(session, self._sessions, resumed=False)])
        for notice in self._sessions.factory.notices():
            session.tell(notice)
        log.info("session.opened", session_id=str(session.session_id))

    def _adopt(self, session: LiveSession) -> None:
        """This connection's encoder numbers and encodes what the session says."""
        self._encoder.config = lambda: session.conversation.config
        session.encode = self._encoder.encode
        session.dialect = self._encoder

    @property
    def _live(self) -> LiveSession:
        if self._session is None:
            raise AssertionError("no session was entered")
        return self._session

    # --- resume -----------------------------------------------------------------------------

    async def _resume_first(self) -> None:
        """The client's first message may name another session."""
        if self._unread is None:
            await self._peek(_FIRST_WORD_S)
        resume = self._as_resume(self._unread)
        if resume is not None:
            self._unread = None
            await self._resume(resume)

    async def _resume(self, message: wire.Resume) -> None:
        sessions, began = self._sessions, self._live
        held = sessions.find(message.resume_token)
        if held is began:
            raise BadMessage("This is the conversation that the token resumes.")
        try:
            if held is None:
                held = await sessions.claim(message.resume_token, began.slot)
                began.slot = None
        except AvatarError as error:
            log.info("session.not_resumed", code=error.code)
            began.tell(out.Failed(error))
            return
        began.outbox.line = None
        await sessions.discard(began)
        self._attach(held, message)

    def _attach(self, session: LiveSession, message: wire.Resume) -> None:
        """This socket takes the place of the session's last one."""
        self._session = session
        self._sessions.held_again(session)
        missed = None
        if isinstance(session.dialect, ChatEncoder):
            self._encoder = session.dialect
            missed = session.outbox.missed(message.last_seq)
        else:
            # Another gateway numbered what the client has had so far.
            self._encoder = ChatEncoder(message.last_seq)
            session.outbox.start_at(message.last_seq)
            self._adopt(session)
        retell = missed is None
        back = on.ClientAttached(message.turn_id, message.revision, message.played_ms, retell)
        if missed is not None:
            again = self._encoder.session_again(session, self._sessions, message.last_seq)
            self._line.put([again, *missed])
            session.attach(self._line, event=back)
        else:
            session.attach(self._line)
            session.outbox.put([self._encoder.session(session, self._sessions, resumed=True)])
            session.attach(self._line, event=back)
        for notice in self._sessions.factory.notices():
            session.tell(notice)
        self._reopen(session, message)
        log.info("session.resumed", session_id=str(session.session_id), retold=retell)

    def _reopen(self, session: LiveSession, message: wire.Resume) -> None:
        view, session.reopened = session.reopened, None
        if view is None:
            return
        session.start()
        named = message.turn_id == view.turn_id
        # A client that has its messages and names no turn has seen this one end: its closed record
        # is on its way. One that has lost them can't know.
        wanted = named or message.last_seq == 0
        played = message.played_ms if named else None
        session.post(on.TurnReopened(view, played, wanted))

    @staticmethod
    def _as_resume(frame: Frame | None) -> wire.Resume | None:
        """The `resume` that a frame is, if it is one; other frames are read in their turn."""
        text = (frame or {}).get("text")
        if not text or '"resume"' not in text:
            return None
        try:
            message = wire.parse_client(text)
        except BadMessage:
            return None
        return message if isinstance(message, wire.Resume) else None

    # --- frames -----------------------------------------------------------------------------

    async def _peek(self, patience_s: float | None) -> None:
        """Reads one frame ahead, if one comes in time."""
        if self._unread is None:
            try:
                async with asyncio.timeout(patience_s):
                    self._unread = dict(await self._socket.receive())
            except TimeoutError:
                return

    async def _receive(self) -> Frame:
        frame, self._unread = self._unread, None
        frame = frame or dict(await self._socket.receive())
        if frame["type"] == "websocket.disconnect":
            self._close_code = int(frame.get("code") or 0)
        return frame

    async def _take(self, frame: Frame) -> None:
        """One frame after another, in order."""
        try:
            if frame.get("bytes") is not None:
                await self._binary(frame["bytes"])
            else:
                await self._message(wire.parse_client(frame.get("text") or ""))
        except AvatarError as error:
            self._live.tell(out.Failed(error))

    async def _binary(self, data: bytes) -> None:
        audio = self._live.conversation.config.audio_in
        await self._live.hear(data, audio, utterance_id=None, binary=True)

    async def _message(self, message: wire.ClientMessage) -> None:
        session = self._live
        match message:
            case wire.AudioChunk():
                audio = chunk_format(message, session.conversation.config.audio_in)
                named = message.utterance_id
                await session.hear(message.payload(), audio, utterance_id=named, binary=False)
            case wire.AudioStart():
                session.announce(message.utterance_id, message.sample)
            case wire.AudioEnd():
                await session.end_utterance(message.utterance_id)
            case wire.Resume():
                await self._resume(message)
                self._live.start()
            case _:
                event = to_input(message)
                if event is not None:
                    session.post(event)

    def _tell_place(self, position: int) -> None:
        self._line.put([self._encoder.queued(position)])


async def _cancelled(*tasks: asyncio.Future[Any]) -> None:
    """Cancels what is not done, and waits for its end."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def _subprotocol(socket: WebSocket) -> str | None:
    """Browsers close a socket whose offered subprotocol isn't echoed."""
    offered = socket.scope.get("subprotocols") or []
    return "avatar.v1" if "avatar.v1" in offered else None
