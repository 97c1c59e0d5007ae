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
from avatar_contract.wire import Configure, NoticeCode


class ReplyKey(NamedTuple):
    """One attempt at answering one revision of a turn."""

    turn_id: UUID
    revision: int
    attempt: int


# --- the client -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Configured:
    change: Configure


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
class Heard:
    """A report of stt."""

    event: ListenEvent
    tape_ms: float
    """How much sound the gateway had sent on that socket when the report came, ms."""


@dataclass(frozen=True, slots=True)
class ListenLost:
    """The socket to stt broke."""

    error: AvatarError


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
    """Whether a client's utterance id is known from before."""

    utterance_id: UUID
    known: TurnView | None


@dataclass(frozen=True, slots=True)
class VoiceMissing:
    """The voice profile that the client chose can't be used."""

    voice_profile_id: UUID
    error: AvatarError


@dataclass(frozen=True, slots=True)
class Stored:
    turn_id: UUID
    revision: int
    has_sound: bool
    duration_ms: float


@dataclass(frozen=True, slots=True)
class StoreFailed:
    turn_id: UUID
    revision: int
    error: AvatarError


@dataclass(frozen=True, slots=True)
class TimerFired:
    name: str


@dataclass(frozen=True, slots=True)
class ClientGone:
    """The client's socket closed."""


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
    | Heard
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
    | ClientGone
)
