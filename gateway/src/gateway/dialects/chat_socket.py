"""``WS /ws/chat``: one socket, one session.

::

    socket ─▶ admission ─▶ session message ─▶ read loop ─▶ reducer
    socket ◀─ write loop ◀─ outbox ◀─ encoder ◀─ domain events
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.websockets import WebSocket, WebSocketDisconnect

from avatar_contract import wire
from avatar_contract.errors import AvatarError, BadMessage
from avatar_contract.service import get_logger
from gateway.dialects.chat import ChatEncoder, Frame, chunk_format, to_input
from gateway.edge.admission import CLOSE_CODE
from gateway.session import outputs as out
from gateway.session.factory import LiveSession, SessionFactory

log = get_logger(__name__)

_OUTBOX_BYTES = 16 * 2**20
"""What a client may leave unread before it counts as gone."""

_SLOW_CLIENT = 1008
_LOADING_EVERY_S = 1.0


class Outbox:
    """Frames on their way to a client, written by one task, in order."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self._ready = asyncio.Event()
        self.overflowed = False

    def put(self, frames: list[Frame]) -> None:
        """Never waits."""
        for frame in frames:
            self._frames.append(frame)
            self._bytes += len(frame)
        self.overflowed = self.overflowed or self._bytes > _OUTBOX_BYTES
        self._ready.set()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """Writes meanwhile."""
        task = asyncio.ensure_future(self.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def run(self) -> None:
        """Writes until cancelled, the client is gone, or it reads too slowly."""
        try:
            while not self.overflowed:
                await self._ready.wait()
                self._ready.clear()
                await self._write_all()
            await self._socket.close(_SLOW_CLIENT, "this client reads too slowly")
        except (WebSocketDisconnect, RuntimeError):
            # How Starlette says that the socket closed before this frame; the reader knows too.
            log.debug("session.unsent", frames=len(self._frames))

    async def _write_all(self) -> None:
        while self._frames and not self.overflowed:
            frame = self._frames.popleft()
            self._bytes -= len(frame)
            if isinstance(frame, bytes):
                await self._socket.send_bytes(frame)
            else:
                await self._socket.send_text(frame)


async def serve_chat(socket: WebSocket, sessions: SessionFactory) -> None:
    """Serves one client until its socket closes."""
    await socket.accept(subprotocol=_subprotocol(socket))
    session_id = sessions.new_id()
    session = sessions.open(session_id)
    c = session.conversation
    encoder = ChatEncoder(lambda: c.config)
    outbox = Outbox(socket)

    def queued(position: int) -> None:
        outbox.put([encoder.queued(position)])

    try:
        async with outbox.writing():
            slot = await sessions.admission.enter(str(session_id), queued)
    except AvatarError as full:
        await socket.send_text(str(encoder.error(full)))
        await socket.close(CLOSE_CODE, full.code)
        return
    try:
        await _converse(socket, sessions, session, encoder, outbox)
    finally:
        slot.release()


async def _converse(
    socket: WebSocket,
    sessions: SessionFactory,
    session: LiveSession,
    encoder: ChatEncoder,
    outbox: Outbox,
) -> None:
    c = session.conversation

    def tell(output: out.Output) -> None:
        outbox.put(encoder.encode(output))

    session.connect(tell)
    token = secrets.token_urlsafe(24)
    outbox.put([encoder.session(c.session_id, token, c.limits, sessions.engines_info())])
    for notice in sessions.notices:
        tell(notice)
    log.info("session.opened", session_id=str(c.session_id))
    loops = [
        asyncio.ensure_future(outbox.run()),
        asyncio.ensure_future(_serve(socket, sessions, session, encoder, outbox)),
    ]
    try:
        done, _ = await asyncio.wait(loops, return_when=asyncio.FIRST_COMPLETED)
        for loop in done:
            loop.result()
    finally:
        for loop in loops:
            loop.cancel()
        await asyncio.wait(loops)
        await session.close()
        log.info("session.closed", session_id=str(c.session_id), turns=c.next_number - 1)


async def _serve(
    socket: WebSocket,
    sessions: SessionFactory,
    session: LiveSession,
    encoder: ChatEncoder,
    outbox: Outbox,
) -> None:
    """Waits for the engines, then takes what the client says."""
    while (progress := sessions.loading()) is not None:
        outbox.put([encoder.loading(progress)])
        await asyncio.sleep(_LOADING_EVERY_S)
    session.start()
    await _read(socket, session)


async def _read(socket: WebSocket, session: LiveSession) -> None:
    """Takes one frame after another, in order."""
    while True:
        frame = await socket.receive()
        if frame["type"] == "websocket.disconnect":
            return
        try:
            if frame.get("bytes") is not None:
                await _binary(session, frame["bytes"])
            else:
                await _message(session, wire.parse_client(frame.get("text") or ""))
        except AvatarError as error:
            session.tell(out.Failed(error))


async def _binary(session: LiveSession, data: bytes) -> None:
    audio = session.conversation.config.audio_in
    await session.intake.chunk(data, audio, utterance_id=None, binary=True)


async def _message(session: LiveSession, message: wire.ClientMessage) -> None:
    match message:
        case wire.AudioChunk():
            audio = chunk_format(message, session.conversation.config.audio_in)
            named = message.utterance_id
            await session.intake.chunk(message.payload(), audio, utterance_id=named, binary=False)
        case wire.AudioStart():
            session.intake.announce(message.utterance_id, message.sample)
        case wire.AudioEnd():
            await session.intake.end(message.utterance_id)
        case wire.Resume():
            raise BadMessage("This server can't resume a conversation yet: start a new one.")
        case _:
            event = to_input(message)
            if event is not None:
                session.post(event)


def _subprotocol(socket: WebSocket) -> str | None:
    """Browsers close a socket whose offered subprotocol isn't echoed."""
    offered = socket.scope.get("subprotocols") or []
    return "avatar.v1" if "avatar.v1" in offered else None
