"""A conversation on virtual time: the real reducer, with its effects played by the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TypeVar, cast
from uuid import UUID, uuid4

import pytest

from avatar_contract import listen
from avatar_contract.audio import pcm_bytes
from gateway.session import effects as do
from gateway.session import inputs as on
from gateway.session import outputs as out
from gateway.session.config import ConfigChange
from gateway.session.conversation import start, step
from gateway.session.memory import Memory
from gateway.session.microphone import wants
from gateway.session.moments import Timer
from gateway.session.speculation import SpeculationPolicy
from gateway.session.state import Conversation, Policy, Tools
from gateway.text.script import ScriptStream

T = TypeVar("T")
RATE = 24_000


class Unchanged:
    """A converter for tests that aren't about scripts."""

    def convert(self, text: str) -> str:
        return text


@dataclass
class Sim:
    """Runs the reducer; time moves only by `wait`, and timers fire on the way."""

    policy: Policy = field(default_factory=Policy)
    busy: Callable[[], bool] = lambda: False
    is_echo: Callable[[bytes, bytes, int], bool] = lambda _mic, _sound, _rate: False
    now: float = 0.0
    said: list[out.Output] = field(default_factory=list)
    done: list[do.Effect] = field(default_factory=list)
    timers: dict[Timer, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ids = count(1)
        tools = Tools(
            clock=lambda: self.now,
            wall=lambda: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=self.now),
            new_id=lambda: UUID(int=next(ids)),
            new_script=lambda _locale: ScriptStream(Unchanged(), Unchanged()),
            speculation=SpeculationPolicy(self.busy),
            is_echo=self.is_echo,
        )
        self.c = Conversation(uuid4(), tools, Memory(2000), "Be brief.", policy=self.policy)
        self._numbers = count(1)
        self.utterance = 0
        self._take(start(self.c, self.now))

    # --- driving ----------------------------------------------------------------------------

    def send(self, event: on.Input) -> None:
        self._take(step(self.c, event, self.now))

    def _take(self, effects: list[do.Effect]) -> None:
        for effect in effects:
            self.done.append(effect)
            if isinstance(effect, do.Emit):
                self.said.append(effect.output)
            elif isinstance(effect, do.SetTimer):
                self.timers[effect.name] = effect.at_ms
            elif isinstance(effect, do.StopTimer):
                self.timers.pop(effect.name, None)

    def wait(self, ms: float) -> None:
        until = self.now + ms
        while due := [(at, name) for name, at in self.timers.items() if at <= until]:
            at, name = min(due)
            self.now = max(self.now, at)
            del self.timers[name]
            self.send(on.TimerFired(name))
        self.now = until

    # --- the person -------------------------------------------------------------------------

    def configure(self, **change: object) -> None:
        self.send(on.Configured(cast("ConfigChange", change)))

    def speak(self, ms: float) -> None:
        """Microphone sound for `ms`, as time goes by."""
        self.c.tape.append(bytes(pcm_bytes(ms)))
        self.c.tape.offset += int(ms * 16)
        self.c.tape.fed_at = self.now + ms
        self.wait(ms)

    def press(self, utterance_id: UUID | None = None) -> None:
        """Push-to-talk: the first chunk."""
        self.utterance = next(self._numbers)
        self.send(on.ChunkArrived(utterance_id))
        self.speak(1000)

    def release(self, utterance_id: UUID | None = None) -> None:
        self.send(on.UtteranceEnded(utterance_id))

    def type(self, text: str, utterance_id: UUID | None = None) -> None:
        self.send(on.Typed(utterance_id, text))

    # --- stt --------------------------------------------------------------------------------

    def _report(self, kind: type[listen.OfUtterance], **fields: object) -> None:
        at = fields.pop("audio_ms", self.c.tape.end_ms)
        event = kind.model_validate(
            {"utterance": self.utterance, "audio_ms": at, "type": "", **fields}
            | {"type": kind.model_fields["type"].default}
        )
        self.send(on.ListenReported(event, self.c.tape.end_ms))

    def hear_started(self) -> None:
        self.utterance = next(self._numbers)
        self._report(listen.SpeechStarted)

    def hear_partial(self, text: str) -> None:
        self._report(listen.Partial, text=text)

    def hear_pause(self, text: str) -> None:
        self._report(listen.Pause, text=text, revision=1)

    def hear_resumed(self) -> None:
        self._report(listen.Resumed)

    def hear_final(self, text: str, language: str = "en") -> None:
        self._report(listen.Final, text=text, language=language)

    def hear_nothing(self) -> None:
        self._report(listen.NoSpeech)

    def hear_cleared(self) -> None:
        self._report(listen.Cleared)

    # --- model and voice --------------------------------------------------------------------

    def effects(self, kind: type[T]) -> list[T]:
        return [effect for effect in self.done if isinstance(effect, kind)]

    @property
    def asked(self) -> do.Ask:
        return self.effects(do.Ask)[-1]

    def model_writes(self, text: str, *, end: bool = True) -> None:
        key = self.asked.key
        self.send(on.AnswerDelta(key, text))
        if end:
            self.send(on.AnswerEnded(key, "stop"))

    def voice_speaks(self, ms: float = 1000) -> int:
        """Answers every request for a clause that is open; returns how many there were."""
        spoken = 0
        answered: set[tuple[on.ReplyKey, int]] = getattr(self, "_answered", set())
        self._answered = answered
        for ask in list(self.effects(do.Speak)):
            if (ask.key, ask.clause) in answered:
                continue
            answered.add((ask.key, ask.clause))
            spoken += 1
            self.send(on.SpeechOpened(ask.key, ask.clause, RATE))
            self.send(on.SpeechPiece(ask.key, ask.clause, bytes(pcm_bytes(ms, RATE))))
            self.send(on.SpeechEnded(ask.key, ask.clause))
        return spoken

    def voice_speaks_all(self, ms: float = 1000) -> None:
        while self.voice_speaks(ms):
            pass

    def store_answers(self) -> None:
        """profile-service takes every closed record."""
        for effect in self.records:
            record = effect.record
            ms = 1000.0 if effect.ai_pcm else 0.0
            turn = out.TurnRef(record.turn_id, record.revision, record.turn_number)
            self.send(on.Stored(turn, effect.ai_pcm is not None, ms))

    # --- looking ----------------------------------------------------------------------------

    def heard_by_client(self, kind: type[T]) -> list[T]:
        return [output for output in self.said if isinstance(output, kind)]

    @property
    def errors(self) -> list[str]:
        return [failed.error.code for failed in self.heard_by_client(out.Failed)]

    @property
    def turns_ended(self) -> list[out.TurnEnded]:
        return self.heard_by_client(out.TurnEnded)

    @property
    def microphone(self) -> bool:
        """Whether microphone bytes are taken in."""
        return wants(self.c, None)

    @property
    def records(self) -> list[do.Store]:
        """Of turns that ended."""
        return [kept for kept in self.effects(do.Store) if kept.record.state == "closed"]

    @property
    def open_records(self) -> list[do.Store]:
        """Of turns that were under way."""
        return [kept for kept in self.effects(do.Store) if kept.record.state == "open"]

    def names(self) -> list[str]:
        """What the client was told, by kind, runs of one kind as one."""
        names = [type(o).__name__ for o in self.said if not isinstance(o, out.StateChanged)]
        return [name for i, name in enumerate(names) if i == 0 or names[i - 1] != name]


@pytest.fixture
def sim() -> Iterator[Sim]:
    """A conversation; at the end every accepted turn must have ended properly."""
    sim = Sim()
    yield sim
    check_ends(sim)


@pytest.fixture
def new_sim() -> type[Sim]:
    """Makes conversations; whoever takes one checks its ends."""
    return Sim


@pytest.fixture
def free(sim: Sim) -> Sim:
    """The same, hands-free."""
    sim.configure(turn_detection="server_vad")
    return sim


def check_ends(sim: Sim) -> None:
    """Every accepted turn ends with one soundless message and one `turn_done`; none after it.

    A revision whose answer was taken back, because the person went on, ends with the next one.
    """
    running = {sim.c.turn.ref[:2]} if sim.c.turn else set()
    running |= {one.turn.ref[:2] for one in sim.c.listening.all if one.turn is not None}
    told = {o.turn[:2] for o in sim.heard_by_client(out.TurnAccepted)}
    for turn_id, revision in told - running:
        ref = (turn_id, revision)
        ends = [o for o in sim.turns_ended if o.turn[:2] == ref]
        sound_ends = [o for o in sim.heard_by_client(out.SoundEnded) if o.turn[:2] == ref]
        replays = sum(o.turn[:2] == ref for o in sim.heard_by_client(out.TurnAccepted))
        assert ends or (turn_id, revision + 1) in told, f"turn {ref} never ended"
        assert len(ends) == len(sound_ends) <= max(1, replays)
