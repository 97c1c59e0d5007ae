"""Domain events: what a session tells its client, whatever the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple
from uuid import UUID

from avatar_contract.errors import AvatarError
from avatar_contract.terms import NoticeCode, Stage, State, TtsMode


class TurnRef(NamedTuple):
    """Which turn an event is about."""

    turn_id: UUID
    revision: int
    number: int


@dataclass(frozen=True, slots=True)
class TurnAccepted:
    turn: TurnRef
    utterance_id: UUID
    start: int
    """Client sample where the utterance begins."""
    offset: int
    """Client samples that the server has."""


@dataclass(frozen=True, slots=True)
class StateChanged:
    state: State
    turn: TurnRef | None = None


@dataclass(frozen=True, slots=True)
class Transcribed:
    turn: TurnRef
    text: str
    stable_chars: int = 0
    is_final: bool = False
    language: str | None = None


@dataclass(frozen=True, slots=True)
class AnswerToken:
    turn: TurnRef
    token: str


@dataclass(frozen=True, slots=True)
class AnswerComplete:
    turn: TurnRef
    text: str


@dataclass(frozen=True, slots=True)
class ClauseStarted:
    """The next sound is this clause's."""

    turn: TurnRef
    text: str
    sample_rate: int
    mode: TtsMode


@dataclass(frozen=True, slots=True)
class ClauseSound:
    turn: TurnRef
    pcm: bytes
    sample_rate: int
    mode: TtsMode


@dataclass(frozen=True, slots=True)
class SoundEnded:
    """No more sound of this turn will come."""

    turn: TurnRef
    sample_rate: int
    mode: TtsMode


@dataclass(frozen=True, slots=True)
class PlaybackCommand:
    turn: TurnRef
    action: Literal["pause", "resume", "flush"]


@dataclass(frozen=True, slots=True)
class ReplayReady:
    turn: TurnRef
    duration_ms: float


@dataclass(frozen=True, slots=True)
class TurnEnded:
    turn: TurnRef
    timings: dict[str, float]
    interrupted: bool
    heard_text: str


@dataclass(frozen=True, slots=True)
class NoticeGiven:
    code: NoticeCode
    message: str
    turn: TurnRef | None = None
    stage: Stage | None = None
    """The part that it is about."""


@dataclass(frozen=True, slots=True)
class Failed:
    error: AvatarError
    turn: TurnRef | None = None


Output = (
    TurnAccepted
    | StateChanged
    | Transcribed
    | AnswerToken
    | AnswerComplete
    | ClauseStarted
    | ClauseSound
    | SoundEnded
    | PlaybackCommand
    | ReplayReady
    | TurnEnded
    | NoticeGiven
    | Failed
)
