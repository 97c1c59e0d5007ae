"""The state of one conversation, and the small steps that all phases share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from avatar_contract.ids import turn_id as make_turn_id
from avatar_contract.records import SessionState, TurnView
from avatar_contract.terms import Limits, State
from gateway.session import effects as do
from gateway.session import outputs as out
from gateway.session.config import SessionConfig
from gateway.session.listening import Listening, Utterance
from gateway.session.memory import Memory
from gateway.session.ports import OwnVoice
from gateway.session.speculation import SpeculationPolicy
from gateway.session.tape import Tape
from gateway.session.turns import Turn
from gateway.text.script import ScriptStream

_FINISHED_KEPT = 50


@dataclass(frozen=True, slots=True)
class Policy:
    """Times in ms of the session's clock."""

    final_timeout_ms: float = 30_000
    """From the endpoint to stt's final; then STT_UNAVAILABLE."""
    verdict_ms: float = 900
    """Voiced sound during a reply without a verdict of its words; then it interrupts."""
    unheard_hold_ms: float = 8000
    """How long a voice without words holds an answer back that has not sounded yet."""
    horizon_ms: float = 12_000
    """Sound ahead of what was heard after which no further clause is asked for."""
    prefetch: int = 1
    """Clauses asked for beyond the one that is being sent."""


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
    thinking_opened: bool = False
    """Whether the model's template opens its thinking, so that an answer begins with it."""
    vocabulary: str = ""
    """Names and jargon that are likely to be said, for the recogniser."""
    limits: Limits = field(default_factory=Limits)
    policy: Policy = field(default_factory=Policy)
    config: SessionConfig = field(default_factory=SessionConfig)
    epoch: int = 1
    """Counts the gateways that have held the session."""
    token_hash: str | None = None
    """SHA-256 of the token that resumes it; None: it can't be resumed."""
    token_life: timedelta = timedelta(hours=24)
    away: bool = False
    """Whether no client is attached: sound waits."""
    tape: Tape = field(default_factory=Tape)
    listening: Listening = field(default_factory=Listening)
    turn: Turn | None = None
    """The turn that is being answered, from its final to its end."""
    last: Turn | None = None
    """The newest turn that ended."""
    typed: tuple[UUID, str] | None = None
    """A typed turn whose id is being looked up."""
    overtaken: dict[UUID, str] = field(default_factory=dict)
    """Typed turns that a later one overtook while their ids were being looked up."""
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

    @property
    def utterance(self) -> Utterance | None:
        """The newest one, which may still be spoken."""
        return self.listening.open

    def want(self, effect: do.Effect) -> None:
        self.effects.append(effect)

    def emit(self, output: out.Output) -> None:
        self.effects.append(do.Emit(output))

    def status(self, state: State, turn: Turn | None = None) -> None:
        """Tells the client what the assistant does, when that changed."""
        if state is not self.state:
            self.state = state
            self.emit(out.StateChanged(state, turn.ref if turn else None))

    def say_state(self, turn: Turn | None = None) -> None:
        """Tells a client that came back what the assistant does."""
        if self.state is not None:
            self.emit(out.StateChanged(self.state, turn.ref if turn else None))

    def resumable(self) -> SessionState | None:
        """What the gateway that holds the session next needs of it."""
        if self.token_hash is None:
            return None
        return SessionState(
            token_hash=self.token_hash,
            expires_at=self.tools.wall() + self.token_life,
            config=self.config.to_json(),
        )

    def rest(self) -> None:
        """Nothing is being said or answered."""
        self.status(State.LISTENING if self.free_mode else State.IDLE)

    def hold_sound(self) -> None:
        """Keeps what was said until its words are known, and no more."""
        self.tape.hold(self.listening.from_ms)

    def open_turn(self, utterance_id: UUID, *, typed: bool, known: TurnView | None = None) -> Turn:
        """A new turn at the next free place in the conversation; `known` is done again as it is."""
        turn = Turn(
            session_id=known.session_id if known else self.session_id,
            utterance_id=utterance_id,
            turn_id=known.turn_id if known else make_turn_id(self.session_id, utterance_id),
            number=known.turn_number if known else self.next_number,
            revision=known.revision if known else 0,
            config=self.config,
            created_at=known.created_at if known else self.tools.wall(),
            typed=typed,
        )
        if known is None:
            self.next_number += 1
        return turn

    def keep_finished(self, view: TurnView) -> None:
        """Remembers a turn for a repeated utterance id."""
        self.finished.pop(view.utterance_id, None)
        self.finished[view.utterance_id] = view
        while len(self.finished) > _FINISHED_KEPT:
            del self.finished[next(iter(self.finished))]
