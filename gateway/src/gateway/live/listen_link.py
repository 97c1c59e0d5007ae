"""One session's way to the recogniser: connects, and says again what a lost one has not answered.

::

    socket lost ─▶ what it has not answered is unfinished ─▶ connect, at once and then ever rarer
      ├─ open again: the tape from the oldest unfinished utterance on, its `commit`, and then live
      └─ still not after `final_timeout_ms`: those utterances end in STT_UNAVAILABLE

The tape has one clock for the whole session, each socket has its own: reports are moved here.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from avatar_contract.audio import pcm_bytes
from avatar_contract.errors import AvatarError, SttUnavailable
from avatar_contract.listen import Clear, Cleared, Commit, ListenCommand, ListenEvent
from avatar_contract.service import get_logger
from gateway.session import inputs as on
from gateway.session.listening import Phase
from gateway.session.ports import Listener, Recogniser
from gateway.session.state import Conversation
from gateway.session.tape import LOOKBACK_MS

log = get_logger(__name__)

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 1.0
_PROVEN_MS = 5000.0
"""A socket that lasts so long is not lost to what it was told first."""
_AGAIN_MS = 1000.0
"""After giving up, sound of nobody in particular tries again so much later."""
_PIECE_BYTES = pcm_bytes(1000)
_CAUGHT_UP_MS = 10_000.0
"""So much later the recogniser has reported what it was told again, and the tape may forget it."""
_MOST_LOSSES = 2
"""Sockets in a row that did not last; then what nobody is known to have said is not said again."""


class ListenLink:
    """Takes a session's sound and commands; posts what is heard."""

    def __init__(
        self, conversation: Conversation, recogniser: Recogniser, post: Callable[[on.Input], None]
    ) -> None:
        self._c = conversation
        self._recogniser = recogniser
        self._post = post
        self._clock = conversation.tools.clock
        self._listener: Listener | None = None
        self._origin_ms = 0.0
        """Where the socket's sound begins on the tape."""
        self._connecting: asyncio.Task[None] | None = None
        self._lost_at = 0.0
        """Since when there is none that works, ms of the session's clock."""
        self._works_at = 0.0
        """When the socket that is open proves to work, if nothing is heard from it before."""
        self._losses = 0
        """Sockets in a row that were lost before they proved to work."""
        self._told_until_ms: float | None = None
        """How far on the tape it was told again; None: it has reported all of that."""
        self._wait_s = 0.0
        """Before the next try; grows until a socket works."""
        self._retry_at = 0.0
        self._closed = False

    def start(self) -> None:
        """Opens a socket, unless one is being opened."""
        if self._connecting is None and not self._closed:
            self._lost_at, self._wait_s = self._clock(), 0.0
            self._connect()

    def send_audio(self, pcm: bytes) -> None:
        """House audio; it is on the tape already."""
        if self._listener is not None:
            self._attempt(lambda listener: listener.send_audio(pcm))
            self._forget_told()
        elif self._c.listening.busy or self._clock() >= self._retry_at:
            self.start()

    def send(self, command: ListenCommand) -> None:
        """A command; without a socket it is done when there is one, or needs nothing."""
        if self._listener is not None:
            self._attempt(lambda listener: listener.send(command))
        elif isinstance(command, Clear):
            # Nobody has heard what is to be forgotten.
            nothing = Cleared(utterance=0, audio_ms=0)
            self._post(on.ListenReported(nothing, self._c.tape.end_ms))
        elif isinstance(command, Commit):
            self.start()

    def close(self) -> list[asyncio.Task[None]]:
        """Ends it; returns what is still ending."""
        self._closed = True
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        if self._connecting is None:
            return []
        self._connecting.cancel()
        return [self._connecting]

    # --- inside -----------------------------------------------------------------------------

    def _connect(self) -> None:
        self._c.tape.keep_unsent(self._unsent_from())
        self._connecting = asyncio.ensure_future(self._try())

    def _unsent_from(self) -> float:
        """From where on the tape the next socket is to hear."""
        tape, from_ms = self._c.tape, self._c.listening.from_ms
        # The memory it takes is bounded, however often a recogniser is lost.
        oldest_ms = tape.end_ms - self._c.limits.max_binary_s * 1000
        if from_ms is not None:
            return max(from_ms, oldest_ms)
        if self._losses > _MOST_LOSSES or not self._c.free_mode:
            return tape.end_ms
        # Speech may have begun that the lost socket had no time to report.
        known_ms = tape.end_ms - LOOKBACK_MS if tape.unsent_ms is None else tape.unsent_ms
        return max(tape.understood_ms, known_ms, oldest_ms)

    async def _try(self) -> None:
        while True:
            if self._wait_s:
                await asyncio.sleep(self._wait_s * random.uniform(0.5, 1.0))
            self._wait_s = min(_LONGEST_WAIT_S, self._wait_s * 2 or _FIRST_WAIT_S)
            try:
                listener = await self._recogniser.open(self._heard, self._lost)
            except AvatarError as error:
                if self._clock() > self._give_up_at():
                    self._connecting = None
                    self._give_up(error)
                    return
                continue
            except Exception as error:  # noqa: BLE001 (a defect must not leave the session deaf)
                log.error("session.defect", exc=error)
                self._connecting = None
                self._give_up(SttUnavailable("Speech recognition can't be reached."))
                return
            self._connecting = None
            if self._closed:
                listener.close()
                return
            self._say_again(listener)
            return

    def _give_up_at(self) -> float:
        newest = self._c.utterance
        since = max(self._lost_at, newest.opened_at if newest else 0.0)
        return since + self._c.policy.final_timeout_ms

    def _give_up(self, error: AvatarError) -> None:
        self._retry_at = self._clock() + _AGAIN_MS
        self._c.tape.keep_unsent(None)
        self._post(on.ListenLost(_unavailable(error), for_good=True))

    def _say_again(self, listener: Listener) -> None:
        """All that the recogniser has not heard, or not answered, as fast as it takes it."""
        tape, self._listener = self._c.tape, listener
        self._works_at = self._clock() + _PROVEN_MS
        self._origin_ms = max(tape.from_ms, self._unsent_from())
        self._told_until_ms = tape.end_ms
        pcm = tape.cut(self._origin_ms, tape.end_ms)
        current = self._c.utterance
        committed = current is not None and current.phase is Phase.ENDING

        def say(listener: Listener) -> None:
            listener.send(self._c.config.listen(self._c.vocabulary))
            for at in range(0, len(pcm), _PIECE_BYTES):
                listener.send_audio(pcm[at : at + _PIECE_BYTES])
            if committed:
                listener.send(Commit())

        self._attempt(say)

    def _forget_told(self) -> None:
        told_ms, tape = self._told_until_ms, self._c.tape
        if told_ms is not None and tape.end_ms > told_ms + _CAUGHT_UP_MS:
            self._told_until_ms = None
            tape.keep_unsent(None)

    def _attempt(self, send: Callable[[Listener], None]) -> None:
        if self._listener is None:
            return
        try:
            send(self._listener)
        except AvatarError as error:
            self._lost(error)

    def _heard(self, event: ListenEvent) -> None:
        self._works_at = self._clock()
        moved = event.model_copy(update={"audio_ms": event.audio_ms + self._origin_ms})
        self._post(on.ListenReported(moved, self._c.tape.end_ms))

    def _lost(self, error: AvatarError) -> None:
        if self._listener is None or self._closed:
            return
        self._listener.close()
        self._listener = None
        if self._clock() >= self._works_at:
            self._lost_at, self._wait_s, self._losses = self._clock(), 0.0, 0
        self._losses += 1
        log.warning("session.listen_lost", code=error.code)
        self._post(on.ListenLost(_unavailable(error)))
        self._connect()


def _unavailable(error: AvatarError) -> SttUnavailable:
    return error if isinstance(error, SttUnavailable) else SttUnavailable(error.message)
