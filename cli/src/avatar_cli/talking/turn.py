"""What one turn has brought so far, and when: a fold over the server's messages."""

from base64 import b64decode
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from avatar_contract.wire import (
    Accepted,
    AudioFrame,
    AudioResponse,
    Error,
    LlmResponse,
    LlmToken,
    Notice,
    ServerMessage,
    Transcription,
    TtsReady,
    TurnDone,
)

MARKS = (
    "accepted",
    "first_partial",
    "end_of_speech",
    "final",
    "first_token",
    "first_audio",
    "last_token",
    "last_audio",
    "turn_done",
)


@dataclass
class Turn:
    """One turn. Times are ms of the caller's clock."""

    utterance_id: UUID
    marks: dict[str, float] = field(default_factory=dict)
    """When each of MARKS came first (the `last_` ones: last)."""
    turn_id: UUID | None = None
    turn_number: int = 0
    revision: int = 0
    words: str = ""
    words_final: bool = False
    language: str | None = None
    answer: str = ""
    answer_final: bool = False
    clauses: list[str] = field(default_factory=list)
    pcm: bytearray = field(default_factory=bytearray)
    rate: int = 0
    audio_ended: bool = False
    timings: dict[str, float] = field(default_factory=dict)
    interrupted: bool = False
    heard_text: str = ""
    audio_url: str | None = None
    notices: list[str] = field(default_factory=list)
    errors: list[Error] = field(default_factory=list)
    done: bool = False
    reported: bool = False
    """Whether the server was told that all of it was heard."""

    @property
    def audio_ms(self) -> float:
        """Length of the answer's sound so far."""
        return len(self.pcm) / 2 / self.rate * 1000 if self.rate else 0.0

    def mark(self, name: str, now: float) -> None:
        """Notes when something happened; the first time counts, but for `last_` the last."""
        if name.startswith("last_") or name not in self.marks:
            self.marks[name] = now

    def is_mine(self, message: ServerMessage | AudioFrame) -> bool:
        """Whether a message is about this turn."""
        if isinstance(message, AudioFrame):
            return message.turn_number == self.turn_number
        if isinstance(message, Accepted):
            return message.utterance_id == self.utterance_id
        return getattr(message, "turn_id", None) in (None, self.turn_id)

    def take(self, message: ServerMessage | AudioFrame, now: float) -> None:
        """Adds one message that came at `now`."""
        match message:
            case AudioFrame():
                self._sound(message.pcm, self.rate, now)
            case Accepted():
                self.turn_id, self.revision = message.turn_id, message.revision
                self.turn_number = message.turn_number
                self.mark("accepted", now)
            case Transcription():
                self._words(message, now)
            case LlmToken():
                self.answer += message.token
                self.mark("first_token", now)
                self.mark("last_token", now)
            case LlmResponse():
                self.answer, self.answer_final = message.text, True
            case AudioResponse():
                self._audio(message, now)
            case TtsReady():
                self.audio_url = message.audio_url
            case TurnDone():
                self._end(message, now)
            case Notice():
                self.notices.append(f"{message.code}: {message.message}")
            case Error():
                self.errors.append(message)
            case _:
                pass

    def _words(self, message: Transcription, now: float) -> None:
        self.words, self.language = message.text, message.language
        if message.is_final:
            self.words_final = True
            self.mark("final", now)
        elif message.text:
            self.mark("first_partial", now)

    def _audio(self, message: AudioResponse, now: float) -> None:
        if message.text:
            self.clauses.append(message.text)
        if message.data:
            self._sound(b64decode(message.data), message.sample_rate, now)
        elif not message.is_final:
            self.rate = message.sample_rate
        self.audio_ended = self.audio_ended or message.is_final

    def _sound(self, pcm: bytes, rate: int, now: float) -> None:
        if self.pcm and rate != self.rate:
            raise ValueError(f"The answer's sound changed from {self.rate} Hz to {rate} Hz.")
        self.rate = rate
        self.pcm += pcm
        self.mark("first_audio", now)
        self.mark("last_audio", now)

    def _end(self, message: TurnDone, now: float) -> None:
        self.timings = message.timings
        self.interrupted, self.heard_text = message.interrupted, message.heard_text
        self.done = True
        self.mark("turn_done", now)

    @property
    def zero(self) -> float:
        """The end of speech where it is known, else the first thing that happened."""
        known = self.marks.get("end_of_speech")
        return min(self.marks.values(), default=0.0) if known is None else known

    def timeline(self) -> dict[str, float]:
        """When each thing happened, ms from `zero`, in order of time."""
        ordered = sorted(self.marks.items(), key=lambda pair: pair[1])
        return {name: round(at - self.zero, 1) for name, at in ordered}

    def report(self) -> dict[str, Any]:
        """Everything but the sound itself, as plain values."""
        return {
            "turn_id": str(self.turn_id) if self.turn_id else None,
            "turn_number": self.turn_number,
            "utterance_id": str(self.utterance_id),
            "words": self.words,
            "language": self.language,
            "answer": self.answer,
            "clauses": self.clauses,
            "heard_text": self.heard_text,
            "interrupted": self.interrupted,
            "audio": {"ms": round(self.audio_ms), "sample_rate": self.rate, "url": self.audio_url},
            "timeline_ms": self.timeline(),
            "timings": self.timings,
            "notices": self.notices,
            "errors": [{"code": e.code, "message": e.message} for e in self.errors],
        }
