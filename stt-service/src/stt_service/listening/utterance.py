"""One utterance: what was heard, the words so far, and its one ending."""

import time
from collections.abc import Callable

from avatar_contract.errors import AvatarError
from avatar_contract.listen import (
    Cleared,
    Final,
    ListenError,
    ListenEvent,
    NoSpeech,
    Partial,
    Pause,
    Resumed,
)
from stt_service.backends.base import Hints, Recogniser
from stt_service.listening.policy import Policy
from stt_service.listening.scribe import Scribe, Words
from stt_service.words.agreement import Agreement
from stt_service.words.completeness import UNSURE
from stt_service.words.normal import normalised

Emit = Callable[[ListenEvent], None]

_FRESH_MS = 150.0
"""Words may lack this much of the last voiced sound and still tell whether it was finished."""

_QUIET_MS = 64.0
"""Longer than most closures inside a word."""
_SOON_MS = 100.0
"""Where a settled look comes sooner than this, a glance before it would only hold it up."""


class Utterance:
    """Emits `partial`, `pause` and `resumed` while it lasts, and one of `final`, `no_speech`,
    `error` and `cleared` at its end."""

    def __init__(
        self,
        number: int,
        started_ms: float,
        recogniser: Recogniser,
        hints: Hints,
        policy: Policy,
        emit: Emit,
        on_words: Callable[[], None],
        on_failure: Callable[[], None],
    ) -> None:
        self.number = number
        self.started_ms = started_ms
        self.over = False
        self.words: Words | None = None
        self._policy = policy
        self._emit = emit
        self._on_words = on_words
        self._agreement = Agreement(policy.agreement)
        self._partial = ""
        self._pause: str | None = None
        self._revision = 0
        self._settled_quiet_ms = -1.0
        self.scribe = Scribe(
            recogniser,
            hints,
            pace=policy.pace,
            on_words=self._take,
            on_failure=lambda _: on_failure(),
        )

    @property
    def failure(self) -> AvatarError | None:
        """Why there will be no words."""
        return self.scribe.failure

    def finished(self, last_voiced_ms: float) -> float:
        """How finished it sounds, 0 … 1."""
        words = self.words
        if words is None or words.covers_ms < last_voiced_ms - _FRESH_MS:
            return UNSURE
        return self._policy.finish(words.said.text)

    def dip(self) -> None:
        """It falls quiet: a cheap look, where a good one is not due at once."""
        if self.scribe.settle_after_ms > _SOON_MS:
            self.scribe.glance()

    def quiet(self, last_voiced_ms: float, quiet_ms: float) -> None:
        """It is quiet: has the recogniser look as soon as that is worth its price."""
        if self._settled_quiet_ms == last_voiced_ms:
            if quiet_ms >= _QUIET_MS:
                self.scribe.insist(last_voiced_ms)
            return
        if quiet_ms >= self.scribe.settle_after_ms:
            self._settled_quiet_ms = last_voiced_ms
            self.scribe.settle()

    def pause(self, last_voiced_ms: float, tail_ms: float) -> None:
        """Speech has probably ended: says so, once its words are known but for `tail_ms`."""
        words = self.words
        if self.over or words is None or words.covers_ms < last_voiced_ms - tail_ms:
            return
        if words.said.doubtful:
            return
        same = normalised(words.said.text)
        if not same or same == self._pause:
            return
        self._pause = same
        self._revision += 1
        self._emit(
            Pause(
                utterance=self.number,
                audio_ms=last_voiced_ms,
                text=words.said.text,
                revision=self._revision,
            )
        )

    def resume(self, now_ms: float) -> None:
        """It had not ended."""
        if self._pause is not None and not self.over:
            self._pause = None
            self._emit(Resumed(utterance=self.number, audio_ms=now_ms))

    async def finish(self, last_voiced_ms: float, end_ms: float) -> None:
        """Ends it with its words, or with what went wrong."""
        began = time.perf_counter()
        try:
            words = await self.scribe.finish(last_voiced_ms)
        except AvatarError as error:
            self.fail(error, end_ms)
        else:
            timings = {
                "audio": end_ms - self.started_ms,
                "endpoint_wait": end_ms - last_voiced_ms,
                "recognise": words.took_ms,
                "finish": (time.perf_counter() - began) * 1000,
            }
            self._conclude(words, last_voiced_ms, end_ms, timings)
        finally:
            await self.scribe.close()

    def fail(self, error: AvatarError, at_ms: float) -> None:
        """Ends it with `error`."""
        self._end(
            ListenError(
                utterance=self.number,
                audio_ms=at_ms,
                code=error.code,
                message=error.message,
                retryable=error.retryable,
            )
        )

    def clear(self, at_ms: float) -> None:
        """Ends it unheard."""
        self._end(Cleared(utterance=self.number, audio_ms=at_ms))

    def _conclude(
        self, words: Words, last_voiced_ms: float, end_ms: float, timings: dict[str, float]
    ) -> None:
        said = words.said
        if not normalised(said.text):
            self._end(NoSpeech(utterance=self.number, audio_ms=end_ms))
            return
        self._end(
            Final(
                utterance=self.number,
                audio_ms=last_voiced_ms,
                text=said.text,
                language=said.language,
                revision=self._revision,
                timings={name: round(ms, 1) for name, ms in timings.items()},
            )
        )

    def _take(self, words: Words) -> None:
        if self.over:
            return
        self.words = words
        text = words.said.text
        stable = self._agreement.update(text)
        early = words.covers_ms - self.started_ms < self._policy.first_words_ms
        if text and text != self._partial and not early and not words.said.doubtful:
            self._partial = text
            self._emit(
                Partial(
                    utterance=self.number, audio_ms=words.covers_ms, text=text, stable_chars=stable
                )
            )
        self._on_words()

    def _end(self, event: ListenEvent) -> None:
        if not self.over:
            self.over = True
            self._emit(event)
