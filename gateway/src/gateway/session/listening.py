"""What is being listened to, as data: the newest utterance, and those whose words are awaited.

::

    speech_started 1 ─▶ open = 1
    speech_started 2 ─▶ open = 2, awaiting = {1}     stt still works on the words of 1
    final 2          ─▶ kept until the ending of 1 is there: words are taken as they were spoken
    final 1          ─▶ 1 is taken, then 2
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple
from uuid import UUID

from avatar_contract.listen import Final, ListenError, NoSpeech
from avatar_contract.records import TurnView
from gateway.session.turns import Turn


class Phase(Enum):
    """Of an utterance."""

    OPEN = "open"
    ENDING = "ending"
    """The client has ended it; stt's final is awaited."""


class Ending(NamedTuple):
    """stt's last report on an utterance."""

    report: Final | NoSpeech | ListenError
    tape_ms: float
    """The tape's end when it came."""


@dataclass(slots=True)
class Utterance:
    """One voiced stretch (hands-free), or one press of the button."""

    utterance_id: UUID
    hands_free: bool
    opened_at: float
    start: int
    """Client sample where it begins."""
    from_ms: float
    """Where it begins on the tape."""
    number: int | None = None
    """stt's. Unknown until its first report, with the button or on a new socket."""
    phase: Phase = Phase.OPEN
    turn: Turn | None = None
    """Stretches that follow each other before an answer sounds have one turn."""
    words: str = ""
    """The newest words of it, not of the whole turn."""
    looking_up: bool = False
    known: TurnView | None = None
    """The turn that its id names already, still open."""
    ending: Ending | None = None
    """stt's, while the utterances before it are not ended, or its id is being looked up."""
    due_ms: float | None = None
    """When the wait for its ending is over, ms of the session's clock."""
    barging: bool = False
    """Whether it holds back a reply."""
    dismissed: bool = False
    """Whether its words were a backchannel so far."""
    granted_time: bool = False
    """Whether the verdict on it was put off once."""
    refused: bool = False
    """Whether a second utterance was told ALREADY_PROCESSING."""
    overtaken: bool = False
    """Whether a text was typed since: its words are kept, and not answered."""
    replays: int = 0
    """How often a recogniser was lost that had it."""
    spoken_until: float | None = None
    """When its last voiced frame was taken in, ms of the session's clock."""


@dataclass(slots=True)
class Listening:
    """The utterances that stt works on."""

    open: Utterance | None = None
    """The newest; stt does not say when its speech is over."""
    awaiting: dict[int, Utterance] = field(default_factory=dict)
    """Those before it by stt's number: spoken, and their endings awaited."""

    @property
    def all(self) -> list[Utterance]:
        """As they were spoken."""
        return [*self.awaiting.values(), *([self.open] if self.open else [])]

    @property
    def busy(self) -> bool:
        """Whether there is any."""
        return self.open is not None or bool(self.awaiting)

    @property
    def oldest(self) -> Utterance | None:
        """The one whose words are taken next."""
        return next(iter(self.all), None)

    @property
    def from_ms(self) -> float | None:
        """Where the oldest begins on the tape."""
        oldest = self.oldest
        return oldest.from_ms if oldest else None

    def numbered(self, number: int) -> Utterance | None:
        """The one that a report of stt is about. The first report tells its number."""
        current = self.open
        if current is not None and current.number is None and number > 0:
            current.number = number
        if current is not None and current.number == number:
            return current
        return self.awaiting.get(number)

    def identified(self, utterance_id: UUID) -> Utterance | None:
        """The one of that id."""
        return next((one for one in self.all if one.utterance_id == utterance_id), None)

    def begin(self, utterance: Utterance) -> None:
        """A new one; the one before it is awaited from now on."""
        before, self.open = self.open, utterance
        if before is not None and before.number is not None:
            self.awaiting[before.number] = before

    def remove(self, utterance: Utterance) -> None:
        """It is over."""
        if self.open is utterance:
            self.open = None
        elif utterance.number is not None:
            self.awaiting.pop(utterance.number, None)

    def reunite(self) -> Utterance | None:
        """All as one, which another recogniser is told from the beginning. It may divide it anew:
        the first utterance that it reports is this one."""
        known = self.all
        if not known:
            return None
        one, newest = known[0], known[-1]
        one.turn = next((each.turn for each in known if each.turn is not None), None)
        one.phase, one.refused = newest.phase, newest.refused
        one.barging = any(each.barging for each in known)
        one.number = one.ending = one.spoken_until = None
        one.words, one.dismissed = "", False
        self.open = one
        self.awaiting.clear()
        return one

    def of(self, turn: Turn) -> list[Utterance]:
        """Those of one turn."""
        return [one for one in self.all if one.turn is turn]
