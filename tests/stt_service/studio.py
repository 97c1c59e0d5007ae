"""Speech that is made of marked tones, and a recogniser that reads the marks.

A word is 200 ms of a square wave whose height is its number, so a recogniser knows exactly which
words the audio it was given contains, and timing tests run on audio time.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np

from avatar_contract.errors import AvatarError
from avatar_contract.health import ModelHealth
from avatar_contract.listen import ListenConfigure, ListenEvent
from avatar_contract.terms import EngineInfo
from stt_service.backends.base import Hints, Transcript
from stt_service.hearing.ears import Ears
from stt_service.listening.listener import Listener
from stt_service.listening.policy import Policy
from stt_service.words.normal import join

WORD_MS = 192
_BASE, _STEP = 4000, 20
ENDINGS = {"final", "no_speech", "error", "cleared"}


def loud(windows, states, rows):
    """In Silero's place: whatever is loud is voice."""
    return (np.abs(windows).mean(axis=1) > 0.05).astype(np.float32)


@dataclass
class Script:
    """Words and silences, as audio."""

    words: list[str] = field(default_factory=list)
    pcm: bytearray = field(default_factory=bytearray)

    def say(self, *words: str) -> "Script":
        for word in words:
            height = _BASE + _STEP * len(self.words)
            self.words.append(word)
            wave = np.full(WORD_MS * 16, height, np.int16)
            wave[1::2] *= -1
            self.pcm += wave.tobytes()
        return self

    def cough(self, ms: int = 160) -> "Script":
        wave = np.full(ms * 16, 3000, np.int16)
        wave[1::2] *= -1
        self.pcm += wave.tobytes()
        return self

    def rest(self, ms: int) -> "Script":
        self.pcm += bytes(ms * 32)
        return self

    def heard(self, pcm: bytes) -> str:
        """The words that `pcm` contains whole."""
        heights = np.abs(np.frombuffer(pcm, np.int16).astype(np.int32)) - _BASE
        found = np.bincount(heights[(heights >= 0) & (heights % _STEP == 0)] // _STEP)
        text = ""
        for number in np.flatnonzero(found >= 0.8 * WORD_MS * 16):
            text = join(text, self.words[number])
        return text


class ScriptedDictation:
    """Hears what the audio holds; `settle_after_ms` as a test likes."""

    def __init__(self, owner: "ScriptedRecogniser") -> None:
        self._owner = owner
        self._audio = bytearray()
        self.settle_after_ms, self.at_once = owner.settle_after_ms, owner.at_once
        self.closed = self.hurried = False

    def feed(self, pcm: bytes) -> None:
        self._audio += pcm

    async def glance(self) -> Transcript | None:
        return self._look()

    async def settle(self) -> Transcript:
        self._owner.settles += 1
        if self._owner.failure is not None:
            raise self._owner.failure
        said = self._look()
        await self._owner.quick.wait()
        return said

    def hurry(self) -> None:
        self.hurried = True

    async def close(self) -> None:
        self.closed = True

    def _look(self) -> Transcript:
        text = self._owner.script.heard(bytes(self._audio))
        return Transcript(text, "en", doubtful=self._owner.doubtful)


@dataclass
class ScriptedRecogniser:
    """Behind the Recogniser protocol."""

    script: Script
    settle_after_ms: float = 0.0
    failure: AvatarError | None = None
    at_once: int = 1
    doubtful: bool = False
    settles: int = 0
    slow_settles: bool = False
    """Settles wait for `answer_settles`."""
    opened: list[ScriptedDictation] = field(default_factory=list)
    hints: list[Hints] = field(default_factory=list)
    quick: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        if not self.slow_settles:
            self.quick.set()

    def answer_settles(self) -> None:
        self.quick.set()

    def info(self) -> EngineInfo:
        return EngineInfo(name="scripted", kind="local")

    def health(self) -> ModelHealth:
        return ModelHealth(name="scripted")

    def load(self) -> dict[str, float]:
        return {}

    def check_language(self, language: str) -> None: ...

    async def start(self) -> None: ...

    async def listen(self, hints: Hints) -> ScriptedDictation:
        self.hints.append(hints)
        self.opened.append(ScriptedDictation(self))
        return self.opened[-1]

    async def transcribe(self, pcm: bytes, hints: Hints) -> Transcript:
        return Transcript(self.script.heard(pcm), "en")

    async def close(self) -> None: ...


class Studio:
    """A listener with its ears, on audio time."""

    def __init__(
        self,
        script: Script,
        recogniser: ScriptedRecogniser,
        listener: Listener,
        events: list[ListenEvent],
    ) -> None:
        self.script = script
        self.recogniser = recogniser
        self.listener = listener
        self.events = events
        self._fed = 0

    async def play(self, until_byte: int | None = None) -> None:
        """Feeds what the script has that was not fed, in pieces of 32 ms, each heard out."""
        end = len(self.script.pcm) if until_byte is None else until_byte
        while self._fed < end:
            self.listener.feed(bytes(self.script.pcm[self._fed : min(end, self._fed + 1024)]))
            self._fed = min(end, self._fed + 1024)
            await self.heard_out()

    async def heard_out(self) -> None:
        """Waits until nothing fed waits for the model, and the recogniser has answered."""
        while self.listener._ear.waiting:
            await asyncio.sleep(0)
        for _ in range(12):
            await asyncio.sleep(0)

    def kinds(self) -> list[str]:
        return [event.type for event in self.events]

    def of(self, kind: str) -> list[ListenEvent]:
        return [event for event in self.events if event.type == kind]

    def endings(self) -> list[ListenEvent]:
        return [event for event in self.events if event.type in ENDINGS]


@asynccontextmanager
async def studio(
    script: Script, policy: Policy | None = None, **options: object
) -> AsyncIterator[Studio]:
    """A studio that hears `script`; options are the recogniser's, and `configure`'s as a dict."""
    configure = options.pop("configure", {"turn_detection": "server_vad"})
    recogniser = ScriptedRecogniser(script, **options)  # type: ignore[arg-type]
    ears = Ears(loud, tick_ms=0)  # type: ignore[arg-type]
    ticking = asyncio.create_task(ears.run())
    events: list[ListenEvent] = []
    listener = Listener(recogniser, ears, policy or Policy(), events.append)
    made = Studio(script, recogniser, listener, events)
    listener.configure(ListenConfigure.model_validate(configure))
    try:
        yield made
    finally:
        await listener.close()
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)
