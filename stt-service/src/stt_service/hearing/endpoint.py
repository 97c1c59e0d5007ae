"""When speech starts, pauses and ends: pure, and on audio time.

::

    silence ──voiced──▶ Started ──quiet──▶ Dipped ──quiet──▶ Paused ──quiet──▶ Ended
                           ▲                  │                 │
                           └──────voiced──────┴──── Resumed ◀───┘

`Dipped` comes within tens of milliseconds of the last voiced sound, so that recognition of what was
said can begin. How long a pause may last is told from outside (`wait_ms`), for it depends on what
was said.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from stt_service.hearing.level import PARTS
from stt_service.hearing.silero import WINDOW_MS

PART_MS = WINDOW_MS / PARTS


class Signal(Enum):
    """What happened in a window."""

    STARTED = auto()
    DIPPED = auto()
    PAUSED = auto()
    RESUMED = auto()
    ENDED = auto()


@dataclass(frozen=True, slots=True)
class Tuning:
    """Constants of the ear. Times in ms of audio, levels in dB."""

    voice_on: float = 0.5
    """Probability of speech that starts an utterance or resumes it."""
    voice_off: float = 0.35
    """Probability under which a window is quiet; lower, so that the verdict does not flicker."""
    onset_ms: float = 64.0
    """Voice for so long is speech; a click is shorter."""
    lookback_ms: float = 300.0
    """The model hears a soft first consonant late: sound this long before its verdict counts."""
    prefix_ms: float = 300.0
    """Audio kept before that."""
    dip_ms: float = 24.0
    """Quiet after which recognition is worth starting."""
    fall_db: float = 27.0
    """A part this far below the loudest syllable is quiet, whatever the model says: the model
    lags the end of speech by one or two windows."""
    margin_db: float = 4.0
    """Likewise a part no louder than this above the noise."""


@dataclass(frozen=True, slots=True)
class VoiceActivity:
    """That of one window, and what else endpointing needs of it."""

    start_ms: float
    voice: float
    levels_db: Sequence[float]
    floor_db: float
    gated: bool = False

    @property
    def end_ms(self) -> float:
        """Where it ends, ms of audio."""
        return self.start_ms + WINDOW_MS


class Endpointer:
    """Follows one stream. Set `wait_ms` and `pause_ms` whenever more is known of what was said."""

    def __init__(self, tuning: Tuning, *, wait_ms: float, pause_ms: float) -> None:
        self._tuning = tuning
        self.wait_ms = wait_ms
        """Quiet that ends the utterance."""
        self.pause_ms = pause_ms
        """Quiet after which speech has probably ended."""
        self.speaking = False
        self.paused = False
        self.started_ms = 0.0
        """Padded start of the utterance."""
        self.last_voiced_ms = 0.0
        """End of the last voiced sound."""
        self.voiced_ms = 0.0
        """Voiced sound in the utterance, all together."""
        self._dipped = False
        self._peak_db = -96.0
        self._run_ms = 0.0
        self._sound_ms: float | None = None
        self._free_ms = 0.0

    def quiet_ms(self, now_ms: float) -> float:
        """How long it has been quiet."""
        return now_ms - self.last_voiced_ms

    def step(self, activity: VoiceActivity) -> list[Signal]:
        """Takes the next window and says what happened in it."""
        return self._during(activity) if self.speaking else self._before(activity)

    def stop(self, now_ms: float) -> None:
        """Forgets the utterance: it was cleared, or ended from outside."""
        self.speaking = self.paused = self._dipped = False
        self._run_ms = 0.0
        self._sound_ms = None
        self._free_ms = now_ms

    def _before(self, activity: VoiceActivity) -> list[Signal]:
        tuning = self._tuning
        if activity.gated:
            self._sound_ms = None
        elif self._sound_ms is None:
            self._sound_ms = activity.start_ms
        if activity.voice < tuning.voice_on:
            self._run_ms = 0.0
            return []
        if not self._run_ms:
            self._peak_db = -96.0
        self._run_ms += WINDOW_MS
        self._peak_db = max(self._peak_db, *activity.levels_db)
        if self._run_ms < tuning.onset_ms:
            return []
        self._start(activity)
        return [Signal.STARTED]

    def _start(self, activity: VoiceActivity) -> None:
        voiced_from = activity.end_ms - self._run_ms
        earliest = voiced_from - self._tuning.lookback_ms
        sound = voiced_from if self._sound_ms is None else max(self._sound_ms, earliest)
        self.started_ms = max(self._free_ms, sound - self._tuning.prefix_ms, 0.0)
        self.speaking, self.paused, self._dipped = True, False, False
        self.last_voiced_ms = activity.end_ms
        self.voiced_ms = self._run_ms
        self._run_ms = 0.0

    def _during(self, activity: VoiceActivity) -> list[Signal]:
        tail_ms = self._quiet_tail_ms(activity)
        signals: list[Signal] = []
        if tail_ms < WINDOW_MS:
            self.last_voiced_ms = activity.end_ms - tail_ms
            self.voiced_ms += WINDOW_MS - tail_ms
            self._peak_db = max(self._peak_db - 0.1, *activity.levels_db)
            self._dipped = False
            if self.paused:
                self.paused = False
                signals.append(Signal.RESUMED)
        quiet = activity.end_ms - self.last_voiced_ms
        if not self._dipped and quiet >= self._tuning.dip_ms:
            self._dipped = True
            signals.append(Signal.DIPPED)
        if not self.paused and quiet >= self.pause_ms:
            self.paused = True
            signals.append(Signal.PAUSED)
        if quiet >= self.wait_ms:
            signals.append(Signal.ENDED)
            self.stop(activity.end_ms)
        return signals

    def _quiet_tail_ms(self, activity: VoiceActivity) -> float:
        """Quiet at the end of a window, ms; all of it when it is not speech."""
        tuning = self._tuning
        threshold = tuning.voice_on if self.paused else tuning.voice_off
        if activity.gated or activity.voice < threshold:
            return WINDOW_MS
        quiet_db = max(self._peak_db - tuning.fall_db, activity.floor_db + tuning.margin_db)
        tail = 0
        for level in reversed(activity.levels_db):
            if level > quiet_db:
                break
            tail += 1
        return tail * PART_MS
