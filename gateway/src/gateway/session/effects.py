"""What the reducer wants done. The runner does it and reports back by an input."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from avatar_contract.chat import ChatMessage
from avatar_contract.listen import ListenCommand
from avatar_contract.records import TurnRecord
from avatar_contract.terms import TtsMode
from gateway.session.inputs import ReplyKey
from gateway.session.moments import Timer
from gateway.session.outputs import Output
from gateway.session.ports import OwnVoice


@dataclass(frozen=True, slots=True)
class Emit:
    """Tell the client."""

    output: Output


@dataclass(frozen=True, slots=True)
class Listen:
    """Send a command to stt, after all sound that was sent before."""

    command: ListenCommand


@dataclass(frozen=True, slots=True)
class ResetMicrophone:
    """Forget the decoder and the count of the utterance's bytes: what comes next begins afresh."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the model; answered by AnswerDelta…, AnswerEnded or AnswerFailed."""

    key: ReplyKey
    messages: tuple[ChatMessage, ...]


@dataclass(frozen=True, slots=True)
class Speak:
    """Ask for a clause's speech; answered by SpeechOpened, SpeechPiece…, SpeechEnded or Failed."""

    key: ReplyKey
    clause: int
    text: str
    mode: TtsMode
    language: str | None
    voice_profile_id: UUID | None
    own_voice: OwnVoice | None


@dataclass(frozen=True, slots=True)
class Cancel:
    """Close every stream of this attempt: that is the cancel message."""

    key: ReplyKey


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Fire `name` at `at_ms` of the session's clock; replaces an earlier one of that name."""

    name: Timer
    at_ms: float


@dataclass(frozen=True, slots=True)
class StopTimer:
    name: Timer


@dataclass(frozen=True, slots=True)
class LookUp:
    """Ask whether an utterance id is known; answered by LookedUp."""

    utterance_id: UUID


@dataclass(frozen=True, slots=True)
class AwaitRecord:
    """Read a turn's record until it is closed; answered by RecordRead, unless that takes too long.

    The gateway that held the session before may still have to deliver it.
    """

    utterance_id: UUID


@dataclass(frozen=True, slots=True)
class CheckVoice:
    """See whether a voice profile exists; answered by VoiceMissing when it doesn't.

    None is the default voice: that is looked up so that the first clause need not wait for it.
    """

    voice_profile_id: UUID | None


@dataclass(frozen=True, slots=True)
class ForgetVoice:
    """Take the person's own voice back from the engines."""

    voice_id: UUID


@dataclass(frozen=True, slots=True)
class Store:
    """Keep the turn on disk and deliver it; answered by Stored, or by StoreFailed."""

    record: TurnRecord
    user_pcm: bytes | None
    """16 kHz mono."""
    ai_pcm: bytes | None
    ai_rate: int


Effect = (
    Emit
    | Listen
    | ResetMicrophone
    | Ask
    | Speak
    | Cancel
    | SetTimer
    | StopTimer
    | LookUp
    | AwaitRecord
    | CheckVoice
    | ForgetVoice
    | Store
)
