"""The state of one conversation, and the small steps that all phases share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from uuid import UUID

from avatar_contract.ids import turn_id as make_turn_id
from avatar_contract.listen import Final
from avatar_contract.records import TurnView
from avatar_contract.wire import Limits, State
from gateway.backends.protocols import OwnVoice
from gateway.session import effects as do
from gateway.session import outputs as out
from gateway.session.config import SessionConfig
from gateway.session.inputs import ReplyKey
from gateway.session.ledger import Ledger
from gateway.session.memory import Memory
from gateway.session.playback import PlaybackClock
from gateway.session.speculation import SpeculationPolicy
from gateway.session.tape import Tape
from gateway.text.clauses import ClauseCutter
from gateway.text.plain import PlainText
from gateway.text.script import ScriptStream

_FINISHED_KEPT = 50


@dataclass(frozen=True, slots=True)
class Policy:
    """Times in ms of the session's clock."""

    final_timeout_ms: float = 30_000
    """From the endpoint to stt's final; then STT_UNAVAILABLE."""
    verdict_ms: float = 900
    """Voiced sound during a reply without a verdict of its words; then it interrupts."""
    store_wait_ms: float = 1_000
    """How long `turn_done` waits for the record to be stored."""
    horizon_ms: float = 12_000
    """Sound ahead of what was heard after which no further clause is asked for."""
    prefetch: int = 1
    """Clauses asked for beyond the one that is being sent."""


@dataclass(slots=True)
class Clause:
    """A clause of a reply: one request to the voice engine."""

    text: str
    asked: bool = False
    opened: bool = False
    """Whether its first sound was sent to the client."""
    done: bool = False
    sample_rate: int = 0
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
    sample_rate: int = 0


@dataclass(slots=True)
class Turn:
    """One exchange: what a person said, and the answer."""

    utterance_id: UUID
    turn_id: UUID
    number: int
    config: SessionConfig
    created_at: datetime
    revision: int = 0
    typed: bool = False
    recognised: str | None = None
    edited: str | None = None
    language: str | None = None
    user_pcm: bytes | None = None
    marks: dict[str, float] = field(default_factory=dict)
    """When each step happened, ms of the session's clock."""
    reply: Reply | None = None
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

    def mark(self, step: str, now: float) -> None:
        """`step` happened now; the first time counts."""
        self.marks.setdefault(step, now)


class Phase(Enum):
    """Of an utterance."""

    OPEN = "open"
    ENDING = "ending"
    """Its endpoint is known; stt's final is awaited."""


@dataclass(slots=True)
class Utterance:
    """What is being listened to."""

    utterance_id: UUID
    hands_free: bool
    opened_at: float
    start: int
    """Client sample where it begins."""
    from_ms: float
    """Where it begins on the tape."""
    phase: Phase = Phase.OPEN
    turn: Turn | None = None
    words: str = ""
    looking_up: bool = False
    final: tuple[Final, float] | None = None
    """A final that came before the look-up was answered, and the tape's end then."""
    barging: bool = False
    """Whether it holds back a reply."""
    dismissed: bool = False
    """Whether its words were a backchannel so far."""
    granted_time: bool = False
    """Whether the verdict on it was put off once."""
    refused: bool = False
    """Whether a second utterance was told ALREADY_PROCESSING."""
    guess: Reply | None = None
    """The speculative reply."""
    spoken_until: float | None = None
    """When its last voiced frame was taken in, ms of the session's clock."""


@dataclass(slots=True)
class Tools:
    """What the reducer is given from outside, so that it stays pure."""

    clock: Callable[[], float]
    """The session's clock, ms."""
    wall: Callable[[], datetime]
    new_id: Callable[[], UUID]
    new_script: Callable[[str], ScriptStream]
    """Makes the converter for a locale."""
    speculation: SpeculationPolicy
    is_echo: Callable[[bytes, bytes, int], bool] = lambda _mic, _sound, _rate: False
    """Whether microphone PCM (16 kHz) holds the sound just played (PCM, its rate in Hz)."""


@dataclass(slots=True)
class Conversation:
    """All state of a session."""

    session_id: UUID
    tools: Tools
    memory: Memory
    instructions: str
    """The operator's, for the model."""
    vocabulary: str = ""
    """Names and jargon that are likely to be said, for the recogniser."""
    limits: Limits = field(default_factory=Limits)
    policy: Policy = field(default_factory=Policy)
    config: SessionConfig = field(default_factory=SessionConfig)
    tape: Tape = field(default_factory=Tape)
    utterance: Utterance | None = None
    turn: Turn | None = None
    """The turn that is being answered, from its final to its end."""
    closing: Turn | None = None
    """The turn that ended and waits for its record to be stored."""
    last: Turn | None = None
    """The newest turn that ended."""
    typed: tuple[UUID, str] | None = None
    """A typed turn whose id is being looked up."""
    announced: tuple[UUID | None, int] | None = None
    """What `audio_start` said of the next utterance."""
    finished: dict[UUID, TurnView] = field(default_factory=dict)
    """Recent turns by utterance id."""
    own_voice: OwnVoice | None = None
    """The best recording of the person so far, when they allowed answers in their own voice."""
    dropping: UUID | None = None
    """An utterance that was answered before, or failed: the rest of its sound is dropped."""
    free_mode: bool = False
    """Whether the microphone is always open."""
    clears: int = 0
    """Clears that stt has not confirmed: what it says until then is of the past."""
    next_number: int = 1
    attempts: int = 0
    state: State | None = None
    now: float = 0.0
    effects: list[do.Effect] = field(default_factory=list)

    def want(self, effect: do.Effect) -> None:
        self.effects.append(effect)

    def emit(self, output: out.Output) -> None:
        self.effects.append(do.Emit(output))

    def status(self, state: State, turn: Turn | None = None) -> None:
        """Tells the client what the assistant does, when that changed."""
        if state is not self.state:
            self.state = state
            self.emit(out.StateChanged(state, turn.ref if turn else None))

    def rest(self) -> None:
        """Nothing is being said or answered."""
        self.status(State.LISTENING if self.free_mode else State.IDLE)

    def open_turn(self, utterance_id: UUID, *, typed: bool) -> Turn:
        """A new turn at the next free place in the conversation."""
        turn = Turn(
            utterance_id=utterance_id,
            turn_id=make_turn_id(self.session_id, utterance_id),
            number=self.next_number,
            config=self.config,
            created_at=self.tools.wall(),
            typed=typed,
        )
        turn.mark("opened", self.now)
        self.next_number += 1
        return turn

    def keep_finished(self, view: TurnView) -> None:
        """Remembers a turn for a repeated utterance id."""
        self.finished.pop(view.utterance_id, None)
        self.finished[view.utterance_id] = view
        while len(self.finished) > _FINISHED_KEPT:
            del self.finished[next(iter(self.finished))]
