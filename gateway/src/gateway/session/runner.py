"""Does what the reducer wants: the session's only I/O.

Inputs are taken one after another on the event loop, without a task or a lock: `post` runs the
reducer at once, and what an effect posts meanwhile waits its turn in a deque.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from avatar_contract.audio import pcm_ms
from avatar_contract.errors import AvatarError, Internal, SttUnavailable
from avatar_contract.listen import Clear, Commit, ListenCommand, ListenEvent
from avatar_contract.service import get_logger
from gateway.backends.protocols import ClauseRequest, Engines, Listener
from gateway.session import effects as do
from gateway.session import inputs as on
from gateway.session.conversation import start, step
from gateway.session.inputs import ReplyKey
from gateway.session.outputs import Output
from gateway.session.state import Conversation

log = get_logger(__name__)

_RECONNECT_S = 1.0
_STORE_GRACE_S = 5.0


class SessionRunner:
    """One session's connections, tasks and timers."""

    def __init__(
        self,
        conversation: Conversation,
        engines: Engines,
        send: Callable[[Output], None],
        set_microphone: Callable[[do.TakeMicrophone], None],
    ) -> None:
        self._c = conversation
        self._engines = engines
        self._send = send
        self._set_microphone = set_microphone
        self._clock = conversation.tools.clock
        self._inbox: deque[on.Input] = deque()
        self._busy = False
        self._closed = False
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._replies: dict[ReplyKey, set[asyncio.Task[None]]] = {}
        self._others: set[asyncio.Task[None]] = set()
        self._listener: Listener | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._unsent: list[bytes | ListenCommand] = []
        self._retry_at = 0.0

    def start(self) -> None:
        """Connects to stt and tells the client what state it finds."""
        self._connect()
        self._perform(start(self._c, self._clock()))

    def post(self, event: on.Input) -> None:
        """Takes `event`, and all that follows from it."""
        self._inbox.append(event)
        if self._busy or self._closed:
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
        self._to_stt(pcm)

    async def close(self) -> None:
        """The client is gone: ends everything, and waits a while for records to be written."""
        self.post(on.ClientGone())
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        tasks = [task for group in self._replies.values() for task in group]
        if self._connecting is not None:
            tasks.append(self._connecting)
        for task in tasks:
            task.cancel()
        if self._listener is not None:
            self._listener.close()
        if tasks:
            await asyncio.wait(tasks)
        if self._others:
            _, late = await asyncio.wait(self._others, timeout=_STORE_GRACE_S)
            for task in late:
                log.error("session.record_not_stored_in_time")
                task.cancel()

    # --- effects ----------------------------------------------------------------------------

    def _perform(self, effects: list[do.Effect]) -> None:
        for effect in effects:
            self._DO[type(effect)](self, effect)

    def _emit(self, effect: do.Emit) -> None:
        self._send(effect.output)

    def _take_microphone(self, effect: do.TakeMicrophone) -> None:
        self._set_microphone(effect)

    def _listen(self, effect: do.Listen) -> None:
        self._to_stt(effect.command)

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

    def _fire(self, name: str) -> None:
        self._timers.pop(name, None)
        self.post(on.TimerFired(name))

    def _look_up(self, effect: do.LookUp) -> None:
        self._task(self._run_look_up(effect))

    def _check_voice(self, effect: do.CheckVoice) -> None:
        self._task(self._run_check_voice(effect))

    def _forget_voice(self, effect: do.ForgetVoice) -> None:
        self._task(self._run_forget_voice(effect))

    def _store(self, effect: do.Store) -> None:
        self._task(self._run_store(effect))

    _DO: dict[type, Callable[[SessionRunner, Any], None]] = {  # noqa: RUF012 (filled once, below)
        do.Emit: _emit,
        do.TakeMicrophone: _take_microphone,
        do.Listen: _listen,
        do.Ask: _ask,
        do.Speak: _speak,
        do.Cancel: _cancel,
        do.SetTimer: _set_timer,
        do.StopTimer: _stop_timer,
        do.LookUp: _look_up,
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

    def _task(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._others.add(task)
        task.add_done_callback(self._others.discard)

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
        try:
            known = await self._engines.archive.find(effect.utterance_id)
        except AvatarError as error:
            # The database refuses a second turn of this id anyway; the person is not kept waiting.
            log.warning("session.lookup_failed", code=error.code)
            known = None
        self.post(on.LookedUp(effect.utterance_id, known))

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

    async def _run_store(self, effect: do.Store) -> None:
        record = effect.record
        try:
            view = await self._engines.archive.store(
                record, effect.user_pcm, effect.ai_pcm, effect.ai_rate
            )
        except AvatarError as error:
            log.error("session.store_failed", exc=error, code=error.code)
            self.post(on.StoreFailed(record.turn_id, record.revision, error))
            return
        ms = pcm_ms(len(effect.ai_pcm), effect.ai_rate) if effect.ai_pcm else 0.0
        has_sound = view.ai_audio_ms is not None
        self.post(on.Stored(record.turn_id, record.revision, has_sound, ms))

    # --- stt --------------------------------------------------------------------------------

    def _to_stt(self, item: bytes | ListenCommand) -> None:
        if self._closed:
            return
        if self._listener is None:
            self._wait_for_stt(item)
            return
        try:
            if isinstance(item, bytes):
                self._listener.send_audio(item)
            else:
                self._listener.send(item)
        except AvatarError as error:
            self._lost(error)

    def _wait_for_stt(self, item: bytes | ListenCommand) -> None:
        """Connects again; sound of an open utterance is kept for it, other sound is not."""
        wanted = self._c.utterance is not None or isinstance(item, (Commit, Clear))
        if self._connecting is None:
            if not wanted and self._clock() < self._retry_at:
                return
            self._connect()
        self._unsent.append(item)

    def _connect(self) -> None:
        self._c.tape.restart()
        self._unsent = [self._c.config.listen(self._c.vocabulary)]
        self._connecting = asyncio.ensure_future(self._open_listener())

    async def _open_listener(self) -> None:
        try:
            listener = await self._engines.recogniser.open(self._heard, self._lost)
        except AvatarError as error:
            self._connecting = None
            self._lost(error)
            return
        self._connecting = None
        if self._closed:
            listener.close()
            return
        self._listener = listener
        unsent, self._unsent = self._unsent, []
        for item in unsent:
            self._to_stt(item)

    def _heard(self, event: ListenEvent) -> None:
        self.post(on.Heard(event, self._c.tape.end_ms))

    def _lost(self, error: AvatarError) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self._unsent = []
        self._retry_at = self._clock() + _RECONNECT_S * 1000
        unavailable = error if isinstance(error, SttUnavailable) else SttUnavailable(error.message)
        self.post(on.ListenLost(unavailable))


def _defect(error: Exception) -> AvatarError:
    log.error("session.defect", exc=error)
    internal = Internal("Something went wrong inside; the log has it by trace_id.")
    internal.__cause__ = error
    return internal
