"""Events that the reducer takes: the client's commands, and the stages' results.

Results of a reply carry its `ReplyKey`; the reducer drops those whose key is stale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from avatar_contract.errors import AvatarError
from avatar_contract.listen import ListenEvent
from avatar_contract.records import TurnView
from avatar_contract.terms import NoticeCode
from gateway.session.config import ConfigChange
from gateway.session.moments import Timer
from gateway.session.outputs import TurnRef


class ReplyKey(NamedTuple):
    """One attempt at answering one revision of a turn."""

    turn_id: UUID
    revision: int
    attempt: int


# --- the client -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Configured:
    change: ConfigChange


@dataclass(frozen=True, slots=True)
class UtteranceAnnounced:
    """`audio_start`."""

    utterance_id: UUID | None
    sample: int


@dataclass(frozen=True, slots=True)
class ChunkArrived:
    """A piece of push-to-talk speech that belongs to no open utterance yet."""

    utterance_id: UUID | None


@dataclass(frozen=True, slots=True)
class UtteranceEnded:
    """`audio_end`, after all its sound went to stt."""

    utterance_id: UUID | None


@dataclass(frozen=True, slots=True)
class IntakeFailed:
    """The microphone's bytes broke a limit or could not be decoded."""

    error: AvatarError


@dataclass(frozen=True, slots=True)
class Typed:
    utterance_id: UUID | None
    text: str


@dataclass(frozen=True, slots=True)
class Played:
    turn_id: UUID
    revision: int
    played_ms: float


@dataclass(frozen=True, slots=True)
class Interrupted:
    turn_id: UUID | None
    revision: int | None
    played_ms: float | None


@dataclass(frozen=True, slots=True)
class Edited:
    turn_id: UUID
    revision: int
    text: str


# --- stt -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ListenReported:
    """A report of stt."""

    event: ListenEvent
    tape_ms: float
    """The tape's end when the report came. Its own places are on the tape, too, ms."""


@dataclass(frozen=True, slots=True)
class ListenLost:
    """The socket to stt broke. What it has not answered will be told to another."""

    error: AvatarError
    for_good: bool = False
    """There is no other: what was not answered will not be."""


# --- model and voice ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AnswerDelta:
    key: ReplyKey
    text: str


@dataclass(frozen=True, slots=True)
class AnswerEnded:
    key: ReplyKey
    finish_reason: str | None


@dataclass(frozen=True, slots=True)
class AnswerFailed:
    key: ReplyKey
    error: AvatarError


@dataclass(frozen=True, slots=True)
class SpeechOpened:
    """The voice engine began to answer for a clause."""

    key: ReplyKey
    clause: int
    sample_rate: int
    notice: tuple[NoticeCode, str] | None = None


@dataclass(frozen=True, slots=True)
class SpeechPiece:
    key: ReplyKey
    clause: int
    pcm: bytes


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    key: ReplyKey
    clause: int


@dataclass(frozen=True, slots=True)
class SpeechFailed:
    key: ReplyKey
    clause: int
    error: AvatarError


# --- storage and time -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LookedUp:
    """Whether a client's utterance id is known from before, to this owner."""

    utterance_id: UUID
    known: TurnView | None


@dataclass(frozen=True, slots=True)
class VoiceMissing:
    """The voice profile that the client chose can't be used."""

    voice_profile_id: UUID
    error: AvatarError


@dataclass(frozen=True, slots=True)
class Stored:
    """profile-service has the closed record."""

    turn: TurnRef
    has_sound: bool
    duration_ms: float


@dataclass(frozen=True, slots=True)
class StoreFailed:
    """There was no room on this disk for the record, or for its sound."""

    turn: TurnRef
    words_kept: bool


@dataclass(frozen=True, slots=True)
class TimerFired:
    name: Timer


@dataclass(frozen=True, slots=True)
class ClientDetached:
    """The client's socket is gone; the session is held for it."""


@dataclass(frozen=True, slots=True)
class ClientAttached:
    """The client is back."""

    turn_id: UUID | None = None
    revision: int | None = None
    played_ms: float | None = None
    """How much of that turn it has played."""
    retell: bool = False
    """Whether it has lost what it was told, and is told the turn anew."""

    def names(self, turn_id: UUID, revision: int) -> bool:
        """Whether `played_ms` is of this turn."""
        return self.turn_id == turn_id and self.revision in {None, revision}


@dataclass(frozen=True, slots=True)
class TurnReopened:
    """A turn that another gateway left open."""

    view: TurnView
    played_ms: float | None = None
    wanted: bool = True
    """False: the client has seen it end, only its record is late."""


@dataclass(frozen=True, slots=True)
class RecordRead:
    """The closed record of a turn that another gateway held."""

    view: TurnView


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """Nobody comes back: what is open stays open in the records."""


Input = (
    Configured
    | UtteranceAnnounced
    | ChunkArrived
    | UtteranceEnded
    | IntakeFailed
    | Typed
    | Played
    | Interrupted
    | Edited
    | ListenReported
    | ListenLost
    | AnswerDelta
    | AnswerEnded
    | AnswerFailed
    | SpeechOpened
    | SpeechPiece
    | SpeechEnded
    | SpeechFailed
    | LookedUp
    | VoiceMissing
    | Stored
    | StoreFailed
    | TimerFired
    | ClientDetached
    | ClientAttached
    | TurnReopened
    | RecordRead
    | SessionEnded
)
