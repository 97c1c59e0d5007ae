"""gateway ⇄ stt-service: ``WS /v1/listen``. stt only reports; the gateway decides.

::

    gateway ── configure ─▶ stt
    gateway ══ binary PCM ═▶ stt                16 kHz mono pcm_s16le, any size
    gateway ◀─ speech_started ─ stt             server_vad only
    gateway ◀─ partial … ─ stt
    gateway ◀─ pause ─ stt                      speech has probably ended: provisional words
    gateway ◀─ resumed ─ stt                    it had not
    gateway ── commit ─▶ stt                    push-to-talk: it has ended
    gateway ◀─ final | no_speech ─ stt
    gateway ── clear ─▶ stt                     forget what is open
    gateway ◀─ cleared ─ stt

Each `speech_started` or `commit` ends in exactly one `final`, `no_speech`, `error` or `cleared`.
`configure` may be sent again at any time and holds from the next utterance on. After an `error`
of an utterance the socket stays usable.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from avatar_contract.audio import AudioFormat
from avatar_contract.errors import BadMessage, ErrorCode
from avatar_contract.terms import Language, Locale, Message, TurnDetection

HEARING_WINDOW_BYTES = 1024
"""stt hears in windows of 32 ms, counted from the socket's opening: less than one changes nothing
until a `commit` or `clear`. A gateway may gather sound up to the next whole window."""


class ListenConfigure(Message):
    """How to listen; the first message."""

    type: Literal["configure"] = "configure"
    format: AudioFormat = Field(default_factory=AudioFormat, description="of the binary frames")
    language: Language = "auto"
    locale: Locale = Field("zh-TW", description="script of Chinese transcripts")
    prompt: str = Field("", max_length=2000, description="names and jargon likely to be said")
    turn_detection: TurnDetection = "none"
    patience: float = Field(0.5, ge=0, le=1, description="0 eager to 1 patient")


class Commit(Message):
    """Push-to-talk: the utterance is over; say what it was."""

    type: Literal["commit"] = "commit"


class Clear(Message):
    """Forget the open utterance; answered with `cleared`, also when none was open."""

    type: Literal["clear"] = "clear"


class OfUtterance(Message):
    """A report on an utterance."""

    utterance: int = Field(ge=0, description="stt numbers the utterances of a socket from 1")
    audio_ms: float = Field(
        ge=0, description="place in the socket's audio, ms, from its opening (see each message)"
    )


class SpeechStarted(OfUtterance):
    """Somebody speaks; `audio_ms` is the padded start."""

    type: Literal["speech_started"] = "speech_started"


class Partial(OfUtterance):
    """Words so far; cumulative. `audio_ms`: the last frame used."""

    type: Literal["partial"] = "partial"
    text: str
    stable_chars: int = Field(0, ge=0, description="leading characters that won't change")


class Pause(OfUtterance):
    """Speech has probably ended. `audio_ms`: the last voiced frame."""

    type: Literal["pause"] = "pause"
    text: str = Field(description="provisional words")
    revision: int = Field(ge=0, description="counts the pauses of an utterance")


class Resumed(OfUtterance):
    """It had not ended: the last `pause` is void."""

    type: Literal["resumed"] = "resumed"


class Final(OfUtterance):
    """What was said. `audio_ms`: the last voiced frame used."""

    type: Literal["final"] = "final"
    text: str
    language: str | None = Field(None, description="BCP 47 tag")
    revision: int = Field(0, ge=0, description="of the last `pause`")
    timings: dict[str, float] = Field(default_factory=dict, description="ms by step")


class NoSpeech(OfUtterance):
    """Nothing was said; a cough, a noise."""

    type: Literal["no_speech"] = "no_speech"


class Cleared(OfUtterance):
    """The open utterance is forgotten; `utterance` 0 when none was open."""

    type: Literal["cleared"] = "cleared"


class ListenError(OfUtterance):
    """The utterance failed; `utterance` 0 when none was open."""

    type: Literal["error"] = "error"
    code: ErrorCode
    message: str
    retryable: bool = False


ListenCommand = Annotated[ListenConfigure | Commit | Clear, Field(discriminator="type")]
"""Any text message of the gateway."""

ListenEvent = Annotated[
    SpeechStarted | Partial | Pause | Resumed | Final | NoSpeech | Cleared | ListenError,
    Field(discriminator="type"),
]
"""Any message of stt."""

_command: TypeAdapter[ListenCommand] = TypeAdapter(ListenCommand)
_event: TypeAdapter[ListenEvent] = TypeAdapter(ListenEvent)


def parse_command(text: str | bytes) -> ListenCommand:
    """The gateway's message in a text frame.

    Raises:
        BadMessage: it doesn't fit.
    """
    try:
        return _command.validate_json(text)
    except ValidationError as cause:
        raise BadMessage(f"/v1/listen does not know this message: {cause.title}.") from cause


def parse_event(text: str | bytes) -> ListenEvent:
    """stt's message in a text frame. Raises pydantic's ValidationError."""
    return _event.validate_json(text)
