"""A turn and its answer, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from gateway.session import outputs as out
from gateway.session.config import SessionConfig
from gateway.session.inputs import ReplyKey
from gateway.session.ledger import Ledger
from gateway.session.moments import Mark
from gateway.session.one_rate import RateChange
from gateway.session.playback import PlaybackClock
from gateway.text.clauses import ClauseCutter
from gateway.text.language import ReplyLanguage
from gateway.text.plain import PlainText
from gateway.text.script import ScriptStream


@dataclass(slots=True)
class Clause:
    """A clause of a reply: one request to the voice engine."""

    text: str
    asked: bool = False
    opened: bool = False
    """Whether its first sound was sent to the client."""
    done: bool = False
    rate_change: RateChange | None = None
    """What brings its sound to the reply's rate, where it comes at another."""
    retracted: bool = False
    """Whether it turned out to be no part of the answer."""
    waiting: list[bytes] = field(default_factory=list)
    """Sound that came before its turn."""


@dataclass(slots=True)
class Reply:
    """One attempt at an answer, from the question to the last sound."""

    key: ReplyKey
    words: str
    """The question it answers."""
    live: bool
    """False while it is speculative: then nothing leaves."""
    plain: PlainText
    language: ReplyLanguage
    shown_script: ScriptStream
    spoken_script: ScriptStream
    cutter: ClauseCutter = field(default_factory=ClauseCutter)
    clauses: list[Clause] = field(default_factory=list)
    at: int = 0
    """The clause whose sound is being sent."""
    text: str = ""
    generated: bool = False
    text_sent: bool = False
    held: bool = False
    """Whether a possible barge-in holds its sound back."""
    mute: bool = False
    """Whether the voice engine failed: the rest is text only."""
    sound_ended: bool = False
    withheld: list[out.Output] = field(default_factory=list)
    """Events of a speculative reply."""
    ledger: Ledger = field(default_factory=Ledger)
    clock: PlaybackClock = field(default_factory=PlaybackClock)
    sound: bytearray = field(default_factory=bytearray)
    continued: bool = False
    """Whether another gateway spoke its beginning: `sound` is not the whole of it."""
    sound_from_ms: float = 0.0
    """Where `sound` begins in the reply."""
    sample_rate: int = 0
    """Of all its sound, Hz: that of the clause that opened first."""

    @property
    def sounds(self) -> bool:
        """Whether some of it was sent to be heard."""
        return self.clock.started


@dataclass(slots=True)
class Turn:
    """One exchange: what a person said, in one stretch or several, and the answer."""

    session_id: UUID
    """The conversation it is kept in: that in which its utterance was first accepted."""
    utterance_id: UUID
    turn_id: UUID
    number: int
    config: SessionConfig
    created_at: datetime
    revision: int = 0
    typed: bool = False
    hands_free: bool = False
    """Whether it was spoken hands-free: then the person may go on until its answer sounds."""
    start: int = 0
    """Client sample where it begins."""
    recognised: str | None = None
    edited: str | None = None
    language: str | None = None
    user_pcm: bytes | None = None
    marks: dict[Mark, float] = field(default_factory=dict)
    """When each step happened, ms of the session's clock."""
    reply: Reply | None = None
    guess: Reply | None = None
    """The speculative reply, while its words are not final."""
    noticed: set[str] = field(default_factory=set)
    error: str | None = None
    heard: str = ""
    interrupted: bool = False

    @property
    def ref(self) -> out.TurnRef:
        return out.TurnRef(self.turn_id, self.revision, self.number)

    @property
    def user_text(self) -> str:
        return self.edited if self.edited is not None else self.recognised or ""

    @property
    def ai_text(self) -> str:
        return self.reply.text.strip() if self.reply else ""

    def mark(self, step: Mark, now: float) -> None:
        """`step` happened now; the first time counts."""
        self.marks.setdefault(step, now)
