"""One socket's listening, without the socket: audio and commands in, events out.

In hands-free (`server_vad`) the endpointer opens and ends utterances. In push-to-talk it only finds
where speech begins, so that silence never reaches a recogniser; `commit` ends them.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine

from avatar_contract.audio import HOUSE_RATE, AudioFormat, Codec
from avatar_contract.errors import AvatarError, BadAudio, BufferOverflow
from avatar_contract.listen import (
    Cleared,
    ListenConfigure,
    ListenError,
    ListenEvent,
    NoSpeech,
    SpeechStarted,
)
from stt_service.backends.base import Hints, Recogniser
from stt_service.hearing.ears import Ears, Window
from stt_service.hearing.endpoint import Endpointer, Signal, VoiceActivity
from stt_service.hearing.silero import WINDOW_MS
from stt_service.listening.policy import Policy
from stt_service.listening.utterance import Utterance
from stt_service.words.completeness import UNSURE

_HOUSE = AudioFormat(codec=Codec.PCM_S16LE, sample_rate=HOUSE_RATE, channels=1)
_ENDLESS_MS = float("inf")


class Listener:
    """Call from the event loop only. `emit` gets each event; it must not block."""

    def __init__(
        self,
        recogniser: Recogniser,
        ears: Ears,
        policy: Policy,
        emit: Callable[[ListenEvent], None],
    ) -> None:
        self._recogniser = recogniser
        self._policy = policy
        self._emit = emit
        self._ear = ears.open(self._hear)
        self._config = self._next_config = ListenConfigure()
        self._now_ms = 0.0
        self._endpointer = self._new_endpointer()
        self._ring: deque[bytes] = deque(maxlen=_ring_windows(policy))
        self._count = 0
        self._current: Utterance | None = None
        self._ending: set[Utterance] = set()
        self._chores: set[asyncio.Task[None]] = set()

    def configure(self, config: ListenConfigure) -> None:
        """Holds from the next utterance on."""
        self._next_config = config
        if self._current is None:
            self._reset()
        try:
            if config.format != _HOUSE:
                raise BadAudio("Audio comes here as mono 16 kHz pcm_s16le: convert it before.")
            self._recogniser.check_language(config.language)
        except AvatarError as error:
            self._emit(
                ListenError(
                    utterance=0,
                    audio_ms=self._now_ms,
                    code=error.code,
                    message=error.message,
                    retryable=error.retryable,
                )
            )

    def feed(self, pcm: bytes) -> None:
        """Takes audio: mono 16 kHz ``pcm_s16le``.

        Raises:
            BadAudio: an odd number of bytes.
        """
        if len(pcm) % 2:
            raise BadAudio(f"{len(pcm)} bytes are no whole 16-bit samples: send an even number.")
        self._ear.feed(pcm)

    async def room(self) -> None:
        """Waits while audio comes faster than it is heard."""
        await self._ear.room()

    def commit(self) -> None:
        """The utterance is over, whatever the endpointer thinks."""
        self._ear.mark(self._commit)

    def clear(self) -> None:
        """Forgets the open utterance, and those whose words are still awaited."""
        self._ear.mark(self._clear)

    async def close(self) -> None:
        """Stops everything; nothing is emitted any more."""
        self._ear.close()
        utterances = [*self._ending, *([self._current] if self._current else [])]
        for utterance in utterances:
            utterance.over = True
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)
        await asyncio.gather(*(utterance.scribe.close() for utterance in utterances))

    def _hear(self, window: Window) -> None:
        activity = VoiceActivity(
            self._now_ms, window.voice, window.levels_db, window.floor_db, window.gated
        )
        self._now_ms = activity.end_ms
        self._ring.append(window.pcm)
        before = self._current
        signals = self._endpointer.step(activity)
        if before is not None:
            before.scribe.feed(window.pcm, self._now_ms)
            self._check_length(before)
        for signal in signals:
            self._react(signal)
        self._ponder()
        if self._current is not None:
            # After the rest: a settled look that is due comes before a cheap one.
            voiced = self._endpointer.last_voiced_ms >= self._now_ms
            self._current.scribe.keep_up(rolling=voiced and self._rolls)

    def _react(self, signal: Signal) -> None:
        if signal is Signal.STARTED:
            self._open()
        elif signal is Signal.ENDED:
            self._finish()
        elif self._current is not None and signal is Signal.RESUMED:
            self._current.resume(self._now_ms)
        elif self._current is not None and signal is Signal.DIPPED:
            self._current.dip()

    def _open(self) -> None:
        self._count += 1
        start_ms = self._endpointer.started_ms
        utterance = Utterance(
            self._count,
            start_ms,
            self._recogniser,
            self._hints(),
            self._policy,
            self._emit,
            self._ponder,
            self._failed,
        )
        self._current = utterance
        if self._hands_free:
            self._emit(SpeechStarted(utterance=self._count, audio_ms=start_ms))
        lead = round((self._now_ms - start_ms) / WINDOW_MS)
        utterance.scribe.feed(b"".join(list(self._ring)[-lead:]), self._now_ms)

    def _ponder(self) -> None:
        """Weighs the silence against the words, whenever there is more of either."""
        current, endpointer = self._current, self._endpointer
        if current is None or current.over:
            return
        last_ms = endpointer.last_voiced_ms
        quiet_ms = endpointer.quiet_ms(self._now_ms)
        if quiet_ms > 0:
            current.quiet(last_ms, quiet_ms)
        if not self._hands_free:
            return
        patience, finished = self._policy.patience, current.finished(last_ms)
        endpointer.wait_ms = patience.wait_ms(finished, self._config.patience)
        if endpointer.paused:
            due_ms = patience.pause_after_ms(finished, self._config.patience)
            if quiet_ms >= due_ms:
                current.pause(last_ms, self._policy.tail_ms if self._rolls else 0.0)

    def _finish(self) -> None:
        utterance, self._current = self._current, None
        last_ms, now_ms = self._endpointer.last_voiced_ms, self._now_ms
        self._reset()
        if utterance is None:
            return
        if utterance.over:
            self._do(utterance.scribe.close())
            return
        self._ending.add(utterance)
        self._do(self._await_words(utterance, last_ms, now_ms))

    async def _await_words(self, utterance: Utterance, last_ms: float, now_ms: float) -> None:
        try:
            await utterance.finish(last_ms, now_ms)
        finally:
            self._ending.discard(utterance)

    def _reset(self) -> None:
        """Between utterances: a new endpointer, and the newest configuration."""
        self._config = self._next_config
        self._endpointer = self._new_endpointer()
        self._endpointer.stop(self._now_ms)

    def _commit(self, filled_ms: float) -> None:
        if self._current is None or self._current.over:
            self._count += 1
            self._emit(NoSpeech(utterance=self._count, audio_ms=self._now_ms - filled_ms))
        self._finish()
        self._rewind(filled_ms)

    def _clear(self, filled_ms: float) -> None:
        at_ms = self._now_ms - filled_ms
        forgotten = [*self._ending, *([self._current] if self._current else [])]
        forgotten = [utterance for utterance in forgotten if not utterance.over]
        for utterance in forgotten:
            utterance.clear(at_ms)
            self._do(utterance.scribe.close())
        if not forgotten:
            self._emit(Cleared(utterance=0, audio_ms=at_ms))
        self._current = None
        self._reset()
        self._rewind(filled_ms)

    def _failed(self) -> None:
        """The recogniser failed. Hands-free says so at once; push-to-talk answers the commit."""
        current = self._current
        if current is not None and current.failure is not None and self._hands_free:
            current.fail(current.failure, self._now_ms)
            self._do(current.scribe.close())

    def _check_length(self, utterance: Utterance) -> None:
        if self._now_ms - utterance.started_ms <= self._policy.longest_ms or utterance.failure:
            return
        seconds = self._policy.longest_ms / 1000
        utterance.scribe.give_up(
            BufferOverflow(f"An utterance may last {seconds:.0f} s: pause now and then.")
        )

    def _rewind(self, filled_ms: float) -> None:
        # A mark fills a window up with silence that nobody sent: it is not counted.
        self._now_ms -= filled_ms
        self._ring.clear()

    @property
    def _hands_free(self) -> bool:
        return self._config.turn_detection == "server_vad"

    @property
    def _rolls(self) -> bool:
        return self._hands_free and self._policy.rolls(self._config.patience)

    def _hints(self) -> Hints:
        config = self._config
        return Hints(config.language, config.locale, self._policy.tai, config.prompt)

    def _new_endpointer(self) -> Endpointer:
        policy = self._policy
        if not self._hands_free:
            return Endpointer(policy.held, wait_ms=_ENDLESS_MS, pause_ms=_ENDLESS_MS)
        wait_ms = policy.patience.wait_ms(UNSURE, self._config.patience)
        return Endpointer(policy.tuning, wait_ms=wait_ms, pause_ms=policy.patience.pause_ms)

    def _do(self, chore: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(chore)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)


def _ring_windows(policy: Policy) -> int:
    tuning = policy.tuning
    kept_ms = tuning.onset_ms + tuning.lookback_ms + tuning.prefix_ms
    return int(kept_ms / WINDOW_MS) + 2
