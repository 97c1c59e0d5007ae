"""A session that runs: the reducer, its effects, its microphone, and the attached client."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from uuid import UUID

from avatar_contract.audio import AudioFormat
from avatar_contract.errors import AvatarError
from avatar_contract.records import TurnView
from gateway.live.admission import Slot
from gateway.live.intake import Intake
from gateway.live.outbox import Frame, Line, Outbox
from gateway.live.runner import SessionRunner
from gateway.session import effects as do
from gateway.session import inputs as on
from gateway.session import microphone
from gateway.session import outputs as out
from gateway.session.state import Conversation

if TYPE_CHECKING:
    from gateway.live.factory import SessionFactory

Encode = Callable[[out.Output], list[Frame]]


class LiveSession:
    """One session, with or without a client."""

    def __init__(
        self, conversation: Conversation, shared: SessionFactory, token: str | None = None
    ) -> None:
        self.conversation = conversation
        self.token = token
        """The secret that resumes it."""
        self.slot: Slot | None = None
        self.reopened: TurnView | None = None
        """The turn that another gateway left open."""
        self.outbox = Outbox()
        self.encode: Encode = lambda _: []
        """The dialect's; numbers what it makes in the order of the outbox."""
        self.dialect: object = None
        """What the dialect keeps with the session between two sockets."""
        self._figures = shared.figures
        self._started = False
        self._ended = False
        self._runner = SessionRunner(
            conversation, shared.engines, shared.spool, self.tell, self._reset_microphone
        )
        self._intake = Intake(
            conversation,
            self._runner.send_audio,
            lambda audio: shared.decoder(audio, hands_free=conversation.free_mode),
            shared.meter(),
        )

    @property
    def session_id(self) -> UUID:
        return self.conversation.session_id

    @property
    def attached(self) -> bool:
        """Whether a client is there."""
        return self.outbox.line is not None

    @property
    def worth_holding(self) -> bool:
        """Whether there is something that a client could come back to."""
        c = self.conversation
        return c.next_number > 1 or c.listening.busy or c.typed is not None

    @property
    def is_resting(self) -> bool:
        """Whether nothing is being said or answered."""
        c = self.conversation
        return c.turn is None and not c.listening.busy and c.typed is None

    def tell(self, output: out.Output) -> None:
        """Says `output`."""
        if isinstance(output, out.TurnEnded):
            self._figures(output.timings, interrupted=output.interrupted)
        self.outbox.put(self.encode(output))

    def post(self, event: on.Input) -> None:
        """Takes `event`, and all that follows from it."""
        self._runner.post(event)

    def start(self) -> None:
        """Connects the engines; a second call does nothing."""
        if not self._started:
            self._started = True
            self._runner.start()

    # --- microphone -------------------------------------------------------------------------

    def announce(self, utterance_id: UUID | None, sample: int) -> None:
        """`audio_start`: the client's next frame begins at its sample number `sample`."""
        self.post(on.UtteranceAnnounced(utterance_id, sample))
        self._intake.expect(sample)

    async def hear(
        self, data: bytes, audio: AudioFormat, *, utterance_id: UUID | None, binary: bool
    ) -> None:
        """A piece of microphone sound as the client sent it."""
        c = self.conversation
        if not microphone.wants(c, utterance_id):
            self.post(on.ChunkArrived(utterance_id))
        c.tape.fed_at = c.tools.clock()
        if microphone.wants(c, utterance_id):
            await self._take_in(self._intake.take(data, audio, binary=binary))

    async def end_utterance(self, utterance_id: UUID | None) -> None:
        """`audio_end`: what the decoder still holds goes first."""
        c = self.conversation
        mine = c.utterance and utterance_id in {None, c.utterance.utterance_id}
        if mine and not c.free_mode and not await self._take_in(self._intake.finish()):
            return
        self.post(on.UtteranceEnded(utterance_id))

    async def _take_in(self, work: Awaitable[None]) -> bool:
        """Whether the bytes were good; else they are forgotten, and the conversation is told."""
        try:
            await work
        except AvatarError as error:
            self._intake.refused(error)
            self.post(on.IntakeFailed(error))
            return False
        return True

    def _reset_microphone(self, _: do.ResetMicrophone) -> None:
        self._intake.reset()

    # --- clients ----------------------------------------------------------------------------

    def attach(self, line: Line, *, event: on.ClientAttached | None = None) -> None:
        """A client is there; an earlier one is sent away."""
        old, self.outbox.line = self.outbox.line, line
        if old is not None and old is not line:
            old.close(DISPLACED, "the conversation goes on in another place")
        if event is not None:
            # A container begins anew with its socket.
            self._intake.reset()
            self.post(event)

    def detach(self, line: Line) -> bool:
        """The client of `line` is gone; False when another one has taken its place."""
        if self.outbox.line is not line:
            return False
        self.outbox.line = None
        self.post(on.ClientDetached())
        return True

    def send_away(self, code: int) -> None:
        """Closes the client's socket with `code`, after all that was said."""
        if self.outbox.line is not None:
            self.outbox.line.close(code, "come back")

    async def close(self) -> None:
        """Ends everything; a turn that was open stays open in the records."""
        if self._ended:
            return
        self._ended = True
        self._intake.reset()
        try:
            await self._runner.close()
        finally:
            if self.slot is not None:
                self.slot.release()


DISPLACED = 4001
"""Close code, of RFC 6455's private range: another socket took the conversation over."""


async def close_all(sessions: list[LiveSession]) -> None:
    """Ends sessions side by side."""
    await asyncio.gather(*(session.close() for session in sessions))
