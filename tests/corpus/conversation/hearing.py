"""stt-service's own ears without their thread, and a recogniser that goes by the audio's time."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from avatar_contract.health import ModelHealth
from avatar_contract.terms import EngineInfo
from stt_service.backends.base import Hints, Transcript
from stt_service.hearing.ears import BYTES_PER_MS, WINDOW_BYTES, Window
from stt_service.hearing.level import Gate, levels_db
from stt_service.hearing.silero import WINDOW, Floats, Silero, States


class Ears:
    """As stt-service's, on the caller's thread: audio time needs no tick."""

    def __init__(self, model: Silero, knows: "Transcriptionist") -> None:
        self._model = model
        self._knows = knows

    def open(self, on_window: Callable[[Window], None]) -> "Ear":
        """A new ear."""
        return Ear(self._model, self._knows, on_window)


class Ear:
    """One stream's hearing."""

    behind = 0

    def __init__(
        self, model: Silero, knows: "Transcriptionist", on_window: Callable[[Window], None]
    ) -> None:
        self._model = model
        self._knows = knows
        self._at = 0
        self._on_window = on_window
        self._gate = Gate()
        self._odd = b""
        self._states, self._row = States.zeros(1), np.zeros(1, np.intp)

    def feed(self, pcm: bytes) -> None:
        """Judges whole windows at once."""
        self._odd += pcm
        while len(self._odd) >= WINDOW_BYTES:
            window, self._odd = self._odd[:WINDOW_BYTES], self._odd[WINDOW_BYTES:]
            self._hear(window)

    def mark(self, reached: Callable[[float], None]) -> None:
        """As stt-service's."""
        lacking = -len(self._odd) % WINDOW_BYTES
        self.feed(bytes(lacking))
        self._at -= lacking // 2
        reached(lacking / BYTES_PER_MS)

    async def room(self) -> None:
        """There is always room."""

    def close(self) -> None:
        """Nothing to free."""

    def _hear(self, pcm: bytes) -> None:
        self._knows.note(pcm, self._at)
        self._at += WINDOW
        samples: Floats = np.frombuffer(pcm, np.int16).reshape(1, WINDOW).astype(np.float32)
        samples /= 32768
        parts = levels_db(samples)[0].tolist()
        is_open = self._gate.step(max(parts), min(parts))
        window = Window(pcm, tuple(parts), self._gate.floor_db, gated=not is_open)
        if is_open:
            window.voice = float(self._model(samples, self._states, self._row)[0])
        else:
            self._states.forget(0)
        self._on_window(window)


@dataclass
class Transcriptionist:
    """Knows which words end where on the microphone's tape, and takes its time to say so."""

    language: str
    delay_ms: float
    words: list[tuple[str, int]] = field(default_factory=list)
    """Words and the samples where they end."""
    places: dict[bytes, int] = field(default_factory=dict)
    """Where each window of the tape begins, by its bytes: noise makes each its own."""
    calls: int = 0

    def note(self, window: bytes, start: int) -> None:
        """A window of the tape."""
        self.places[window] = start

    def in_sound(self, pcm: bytes) -> str:
        """The words whose end lies in these windows."""
        starts = [
            self.places.get(pcm[at : at + WINDOW_BYTES]) for at in range(0, len(pcm), WINDOW_BYTES)
        ]
        known = [start for start in starts if start is not None]
        if not known:
            return ""
        first, last = min(known), max(known) + WINDOW
        said = [word for word, end in self.words if first < end <= last]
        return (" " if self.language == "en" else "").join(said)


class ScriptedRecogniser:
    """stt-service's seam."""

    def __init__(self, knows: Transcriptionist) -> None:
        self._knows = knows

    def info(self) -> EngineInfo:
        """Nobody asks."""
        return EngineInfo(name="scripted", kind="local")

    def health(self) -> ModelHealth:
        """Always ready."""
        return ModelHealth(name="scripted")

    def load(self) -> dict[str, float]:
        """Nothing of note."""
        return {}

    def check_language(self, language: str) -> None:
        """Knows them all."""

    async def start(self) -> None:
        """Nothing to load."""

    async def listen(self, hints: Hints) -> "ScriptedDictation":
        """Opens an utterance."""
        return ScriptedDictation(self._knows)

    async def transcribe(self, pcm: bytes, hints: Hints) -> Transcript:
        """A whole recording."""
        return Transcript(self._knows.in_sound(pcm))

    async def close(self) -> None:
        """Nothing to free."""


class ScriptedDictation:
    """One utterance."""

    settle_after_ms = 0.0
    at_once = 1

    def __init__(self, knows: Transcriptionist) -> None:
        self._knows = knows
        self._pcm = bytearray()

    def feed(self, pcm: bytes) -> None:
        """More sound."""
        self._pcm += pcm

    async def glance(self) -> Transcript | None:
        """Costs what a settle does."""
        return await self.settle()

    def hurry(self) -> None:
        """Every look takes its set time."""

    async def settle(self) -> Transcript:
        """The words so far."""
        self._knows.calls += 1
        text = self._knows.in_sound(bytes(self._pcm))
        await asyncio.sleep(self._knows.delay_ms / 1000)
        return Transcript(text, "zh" if self._knows.language == "zh" else "en")

    async def close(self) -> None:
        """Nothing to free."""
