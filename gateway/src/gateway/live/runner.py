"""Does what the reducer wants: connections, tasks and timers of one session.

Inputs are taken one after another on the event loop, without a task or a lock: `post` runs the
reducer at once, and what an effect posts meanwhile waits its turn in a deque.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from avatar_contract.audio import pcm_ms
from avatar_contract.errors import AvatarError, Internal, ProfileUnavailable
from avatar_contract.records import TurnView
from avatar_contract.service import get_logger
from gateway.live.gate import Gate
from gateway.live.keeper import Keeper, Kept, SpooledTurn
from gateway.live.listen_link import ListenLink
from gateway.session import effects as do
from gateway.session import inputs as on
from gateway.session.conversation import start, step
from gateway.session.inputs import ReplyKey
from gateway.session.moments import Timer
from gateway.session.outputs import Output, TurnRef
from gateway.session.ports import ClauseRequest, Engines
from gateway.session.records import as_view
from gateway.session.state import Conversation

log = get_logger(__name__)

_CLOSE_WAIT_S = 5.0
_RECORD_PAUSES_S = (*[0.1] * 20, *[1.0] * 60)
"""A late record mostly comes within a second, and after an outage of profile-service later."""


class SessionRunner:
    """One session's connections, tasks and timers."""

    def __init__(
        self,
        conversation: Conversation,
        engines: Engines,
        spool: Keeper,
        send: Callable[[Output], None],
        reset_microphone: Callable[[do.ResetMicrophone], None],
    ) -> None:
        self._c = conversation
        self._engines = engines
        self._spool = spool
        self._gate = Gate(send)
        self._reset_microphone = reset_microphone
        self._clock = conversation.tools.clock
        self._inbox: deque[on.Input] = deque()
        self._busy = False
        self._closed = False
        self._timers: dict[Timer, asyncio.TimerHandle] = {}
        self._replies: dict[ReplyKey, set[asyncio.Task[None]]] = {}
        self._others: set[asyncio.Task[None]] = set()
        self._late: set[asyncio.Task[None]] = set()
        """Wait for records of the gateway before; nothing is lost when they end."""
        self._stt = ListenLink(conversation, engines.recogniser, self.post)

    def start(self) -> None:
        """Connects to stt and tells the client what state it finds."""
        self._stt.start()
        self._perform(start(self._c, self._clock()))

    def post(self, event: on.Input) -> None:
        """Takes `event`, and all that follows from it."""
        if self._closed:
            return
        self._inbox.append(event)
        if self._busy:
            return
        self._busy = True
        try:
            while self._inbox:
                self._perform(step(self._c, self._inbox.popleft(), self._clock()))
        finally:
            self._busy = False

    def send_audio(self, pcm: bytes) -> None:
        """House audio for stt; also kept on the tape."""
        self._c.tape.append(pcm)
        self._stt.send_audio(pcm)

    async def close(self) -> None:
        """Ends everything. What is to be kept is with the spool, which outlives the session."""
        self.post(on.SessionEnded())
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        tasks = [task for group in self._replies.values() for task in group]
        tasks += self._late
        for task in tasks:
            task.cancel()
        tasks += [*self._stt.close(), *self._others]
        if tasks:
            await asyncio.wait(tasks, timeout=_CLOSE_WAIT_S)
        self._gate.open()

    # --- effects ----------------------------------------------------------------------------

    def _perform(self, effects: list[do.Effect]) -> None:
        for effect in effects:
            self._DO[type(effect)](self, effect)

    def _emit(self, effect: do.Emit) -> None:
        self._gate.send(effect.output)

    def _reset(self, effect: do.ResetMicrophone) -> None:
        self._reset_microphone(effect)

    def _listen(self, effect: do.Listen) -> None:
        self._stt.send(effect.command)

    def _ask(self, effect: do.Ask) -> None:
        self._reply_task(effect.key, self._run_model(effect))

    def _speak(self, effect: do.Speak) -> None:
        self._reply_task(effect.key, self._run_voice(effect))

    def _cancel(self, effect: do.Cancel) -> None:
        for task in self._replies.pop(effect.key, set()):
            task.cancel()

    def _set_timer(self, effect: do.SetTimer) -> None:
        self._stop_timer(do.StopTimer(effect.name))
        wait_s = max(0.0, effect.at_ms - self._clock()) / 1000
        loop = asyncio.get_running_loop()
        self._timers[effect.name] = loop.call_later(wait_s, self._fire, effect.name)

    def _stop_timer(self, effect: do.StopTimer) -> None:
        timer = self._timers.pop(effect.name, None)
        if timer is not None:
            timer.cancel()

    def _fire(self, name: Timer) -> None:
        self._timers.pop(name, None)
        self.post(on.TimerFired(name))

    def _look_up(self, effect: do.LookUp) -> None:
        self._task(self._run_look_up(effect))

    def _await_record(self, effect: do.AwaitRecord) -> None:
        self._task(self._run_await_record(effect), self._late)

    def _check_voice(self, effect: do.CheckVoice) -> None:
        self._task(self._run_check_voice(effect))

    def _forget_voice(self, effect: do.ForgetVoice) -> None:
        self._task(self._run_forget_voice(effect))

    def _store(self, effect: do.Store) -> None:
        record = effect.record
        turn = TurnRef(record.turn_id, record.revision, record.turn_number)
        ms = pcm_ms(len(effect.ai_pcm), effect.ai_rate) if effect.ai_pcm else 0.0

        def delivered(view: TurnView) -> None:
            self.post(on.Stored(turn, view.ai_audio_ms is not None, ms))

        def kept(done: asyncio.Future[Kept]) -> None:
            outcome = done.result()
            if not (outcome.words and outcome.sound):
                self.post(on.StoreFailed(turn, outcome.words))

        spooled = SpooledTurn(record, effect.user_pcm, effect.ai_pcm, effect.ai_rate)
        on_disk = self._spool.keep(spooled, delivered)
        on_disk.add_done_callback(kept)
        if record.state == "closed":
            self._gate.hold_until(on_disk, turn)

    _DO: dict[type, Callable[[SessionRunner, Any], None]] = {  # noqa: RUF012 (filled once, below)
        do.Emit: _emit,
        do.ResetMicrophone: _reset,
        do.Listen: _listen,
        do.Ask: _ask,
        do.Speak: _speak,
        do.Cancel: _cancel,
        do.SetTimer: _set_timer,
        do.StopTimer: _stop_timer,
        do.LookUp: _look_up,
        do.AwaitRecord: _await_record,
        do.CheckVoice: _check_voice,
        do.ForgetVoice: _forget_voice,
        do.Store: _store,
    }

    # --- tasks ------------------------------------------------------------------------------

    def _reply_task(self, key: ReplyKey, work: Awaitable[None]) -> None:
        group = self._replies.setdefault(key, set())
        task = asyncio.ensure_future(work)
        group.add(task)

        def over(done: asyncio.Future[None]) -> None:
            group.discard(task)
            if not group and self._replies.get(key) is group:
                del self._replies[key]

        task.add_done_callback(over)

    def _task(self, work: Awaitable[None], group: set[asyncio.Task[None]] | None = None) -> None:
        group = self._others if group is None else group
        task = asyncio.ensure_future(work)
        group.add(task)
        task.add_done_callback(group.discard)

    async def _run_model(self, effect: do.Ask) -> None:
        key = effect.key
        reason = None
        try:
            async for delta in self._engines.model.answer(effect.messages):
                reason = delta.finish_reason or reason
                if delta.text:
                    self.post(on.AnswerDelta(key, delta.text))
        except AvatarError as error:
            self.post(on.AnswerFailed(key, error))
        except Exception as error:  # noqa: BLE001 (a defect of ours must end the turn, not hang it)
            self.post(on.AnswerFailed(key, _defect(error)))
        else:
            self.post(on.AnswerEnded(key, reason))

    async def _run_voice(self, effect: do.Speak) -> None:
        key, clause = effect.key, effect.clause
        request = ClauseRequest(
            effect.text,
            effect.mode,
            effect.language,
            effect.voice_profile_id,
            effect.own_voice,
            opening=clause == 0,
        )
        try:
            async with self._engines.voice.speak(request) as stream:
                notice = (stream.notice.code, stream.notice.message) if stream.notice else None
                self.post(on.SpeechOpened(key, clause, stream.sample_rate, notice))
                async for pcm in stream.pieces:
                    self.post(on.SpeechPiece(key, clause, pcm))
        except AvatarError as error:
            self.post(on.SpeechFailed(key, clause, error))
        except Exception as error:  # noqa: BLE001 (likewise)
            self.post(on.SpeechFailed(key, clause, _defect(error)))
        else:
            self.post(on.SpeechEnded(key, clause))

    async def _run_look_up(self, effect: do.LookUp) -> None:
        record = self._spool.find(effect.utterance_id)
        known = as_view(record) if record is not None else None
        try:
            known = known or await self._engines.archive.find(effect.utterance_id)
        except AvatarError as error:
            # The database refuses a second turn of this id anyway; the person is not kept waiting.
            log.warning("session.lookup_failed", code=error.code)
        self.post(on.LookedUp(effect.utterance_id, known))

    async def _run_await_record(self, effect: do.AwaitRecord) -> None:
        for pause_s in _RECORD_PAUSES_S:
            try:
                view = await self._engines.archive.find(effect.utterance_id)
            except ProfileUnavailable:
                view = None
            if view is not None and view.state == "closed":
                self.post(on.RecordRead(view))
                return
            await asyncio.sleep(pause_s)
        log.info("session.record_never_closed", utterance_id=str(effect.utterance_id))

    async def _run_check_voice(self, effect: do.CheckVoice) -> None:
        try:
            await self._engines.voice.check(effect.voice_profile_id)
        except AvatarError as error:
            if effect.voice_profile_id is not None:
                self.post(on.VoiceMissing(effect.voice_profile_id, error))
            else:
                log.warning("session.default_voice_unknown", code=error.code)

    async def _run_forget_voice(self, effect: do.ForgetVoice) -> None:
        try:
            await self._engines.voice.forget(effect.voice_id)
        except AvatarError as error:
            log.error("session.own_voice_not_forgotten", exc=error)


def _defect(error: Exception) -> AvatarError:
    log.error("session.defect", exc=error)
    internal = Internal("Something went wrong inside; the log has it by trace_id.")
    internal.__cause__ = error
    return internal
