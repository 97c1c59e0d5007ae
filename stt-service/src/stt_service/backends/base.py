"""What a recogniser is: the seam between listening and an engine.

::

    start()                     load and warm up; health() tells how far
    listen(hints) ─▶ Dictation  one utterance as it is spoken
        feed(pcm) …             more of it
        glance()                its words so far, quickly; may change
        settle()                its words as well as the engine can; more may still be fed
        hurry()                 it is over: somebody waits
        close()                 forget it
    transcribe(pcm, hints)      a whole recording
"""

from dataclasses import dataclass, field
from typing import Literal, Protocol

from avatar_contract.health import ModelHealth
from avatar_contract.terms import EngineInfo

Script = Literal["zh-TW", "en"]


@dataclass(frozen=True, slots=True)
class Hints:
    """What is known before a word is heard."""

    language: str = "auto"
    """`auto` or an ISO 639-1 code."""
    locale: str = "zh-TW"
    """Whose script Chinese is written in."""
    tai: str = "台"
    """How 台 is written where that is Taiwan's."""
    prompt: str = ""
    """Names and jargon that may be said."""


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word, and where it is in its audio, ms."""

    text: str
    start_ms: float
    end_ms: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive words that belong together (a subtitle), ms."""

    text: str
    start_ms: float
    end_ms: float
    words: tuple[TimedWord, ...] = ()
    no_speech_prob: float | None = None
    avg_logprob: float | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said. An empty text: nothing was."""

    text: str
    language: str | None = None
    stretches: tuple[Stretch, ...] = field(default=())
    doubtful: bool = False
    """Not likely enough to be shown before it is final."""


NOTHING = Transcript("")


class Dictation(Protocol):
    """One utterance while it is spoken. Calls may overlap; one that is cancelled is left off.

    `glance` and `settle` answer for all audio fed before the call. They raise SttUnavailable
    when the engine fails; the dictation is then of no more use and is closed.
    """

    @property
    def settle_after_ms(self) -> float:
        """Silence after which `settle` is worth its price, ms: 0 where it costs what a glance does,
        and the engine has nobody else to hear."""

    at_once: int
    """Looks that gain by being taken together; 1 where the second only waits for the first."""

    def feed(self, pcm: bytes) -> None:
        """Adds mono 16 kHz ``pcm_s16le``."""

    async def glance(self) -> Transcript | None:
        """The words so far; None when the engine is too busy for a look."""

    async def settle(self) -> Transcript:
        """The words as well as the engine can."""

    def hurry(self) -> None:
        """The utterance is over: a look that is being taken, or is asked for next, goes first."""

    async def close(self) -> None:
        """Frees what the utterance held. Idempotent."""


class Recogniser(Protocol):
    """An engine. Built without side effects; `start` loads it."""

    def info(self) -> EngineInfo:
        """How the page shows it."""

    def health(self) -> ModelHealth:
        """Whether it is ready, and how far it is."""

    def load(self) -> dict[str, float]:
        """Workers, queue, busy …"""

    def check_language(self, language: str) -> None:
        """Raises UnsupportedLanguage, saying what to do about it."""

    async def start(self) -> None:
        """Loads and warms up. Raises SttUnavailable with what to do."""

    async def listen(self, hints: Hints) -> Dictation:
        """Opens an utterance. Raises SttUnavailable when there is no room."""

    async def transcribe(self, pcm: bytes, hints: Hints) -> Transcript:
        """The words of a whole recording of mono 16 kHz ``pcm_s16le``."""

    async def close(self) -> None:
        """Ends what `start` began, child processes too."""
