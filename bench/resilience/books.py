"""What the database holds, set against what clients were told."""

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from profile_service.database import create_engine
from resilience.account import Line
from resilience.client import Person

_ROWS = sa.text(
    "SELECT utterance_id, turn_id, session_id, turn_number, state, recognised_text, ai_text,"
    " heard_text, interrupted, error, updated_at FROM turns ORDER BY session_id, turn_number"
)


@dataclass(frozen=True)
class Row:
    """A turn in the database."""

    utterance_id: str
    turn_id: str
    session_id: str
    number: int
    state: str
    words: str
    answer: str
    heard: str
    interrupted: bool
    error: str | None


async def rows(url: str, but: Collection[Row] = ()) -> list[Row]:
    """All turns but those that were there before."""
    engine = create_engine(url)
    try:
        async with engine.connect() as connection:
            found = (await connection.execute(_ROWS)).all()
    finally:
        await engine.dispose()
    before = {row.turn_id for row in but}
    every = [
        Row(
            _id(r.utterance_id),
            _id(r.turn_id),
            _id(r.session_id),
            r.turn_number,
            r.state,
            r.recognised_text or "",
            r.ai_text,
            r.heard_text,
            bool(r.interrupted),
            r.error,
        )
        for r in found
    ]
    return [row for row in every if row.turn_id not in before]


def _id(value: Any) -> str:
    return str(value if isinstance(value, UUID) else UUID(str(value)))


@dataclass
class Audit:
    """What did not hold; every list is empty when all did."""

    said: int = 0
    accepted: int = 0
    answered: int = 0
    """Whole, and heard to the end."""
    failed: int = 0
    """Told to the person as an error."""
    cut_short: int = 0
    failures: list[str] = field(default_factory=list)
    """Those that failed or were cut short, and with which code."""
    lost: list[str] = field(default_factory=list)
    """Accepted, and no row, nor on its way to one."""
    waiting: list[str] = field(default_factory=list)
    """Accepted, and its record still waits on the gateway's disk."""
    doubled: list[str] = field(default_factory=list)
    """Two rows for one thing said, or told twice that it is done."""
    unclosed: list[str] = field(default_factory=list)
    """Told done, and the row is not closed."""
    otherwise: list[str] = field(default_factory=list)
    """Told done, and the row says something else."""
    misheard: list[str] = field(default_factory=list)
    """Understood, but not as said: sound was lost or doubled."""
    out_of_order: list[str] = field(default_factory=list)
    """Numbers of turns that are not in the order in which they were said."""
    stuck: list[str] = field(default_factory=list)
    """Never ended."""
    faults: list[str] = field(default_factory=list)
    """Of the protocol: holes in `seq`, repeats."""
    memory_lost: int = 0
    """Conversations that had turns and could not be resumed."""

    @property
    def clean(self) -> bool:
        """Whether nothing was lost, doubled or told wrongly."""
        return not self.complaints()

    def complaints(self) -> list[str]:
        """In words."""
        names = (
            "lost",
            "doubled",
            "unclosed",
            "otherwise",
            "misheard",
            "out_of_order",
            "stuck",
            "faults",
        )
        found = [f"{name}: {text}" for name in names for text in getattr(self, name)]
        if self.memory_lost:
            found.append(f"{self.memory_lost} conversations could not be resumed")
        if self.waiting:
            found.append(f"{len(self.waiting)} records are still not delivered")
        return found


def waiting(state: Path) -> set[str]:
    """Utterances whose records are still on a gateway's disk, in AVATAR_HOME `state`."""
    found: set[str] = set()
    for path in (state / "gateway").glob("spool-*.sqlite"):
        with closing(sqlite3.connect(path, timeout=5)) as spool:
            found |= {
                json.loads(record)["utterance_id"]
                for (record,) in spool.execute("SELECT record FROM turn")
            }
    return found


def audit(
    people: Sequence[Person], found: Sequence[Row], on_the_way: Collection[str] = ()
) -> Audit:
    """Sets what people were told against the rows."""
    a = Audit()
    by_utterance: dict[str, list[Row]] = {}
    for row in found:
        by_utterance.setdefault(row.utterance_id, []).append(row)
    lines = [line for person in people for line in person.lines]
    known = {line.utterance_id for line in lines}
    a.doubled += [f"a row of nobody's: {r.words!r}" for r in found if r.utterance_id not in known]
    texts = Counter(row.words for row in found if row.words)
    a.doubled += [f"{n} rows for {text!r}" for text, n in texts.items() if n > 1]
    for line in lines:
        if line.utterance_id in on_the_way:
            a.waiting.append(repr(line.text))
        _check(a, line, by_utterance.get(line.utterance_id, []), on_the_way)
    for person in people:
        _check_order(a, person, by_utterance)
        a.faults += [f"{person.name}: {fault}" for fault in person.faults]
        a.memory_lost += _memory_lost(person)
    return a


def _check(a: Audit, line: Line, its: list[Row], on_the_way: Collection[str]) -> None:
    a.said += 1
    a.accepted += line.accepted is not None
    a.answered += line.good
    a.failed += bool(line.errors)
    a.cut_short += line.interrupted
    if line.errors or line.interrupted:
        codes = ", ".join(line.errors) or "cut short"
        a.failures.append(f"{line.text!r}, heard {line.heard!r}: {codes}")
    if line.stuck:
        a.stuck.append(f"{line.text!r} accepted={line.accepted is not None} {line.errors}")
    if line.accepted is not None and not its and line.utterance_id not in on_the_way:
        a.lost.append(repr(line.text))
    if len(its) > 1:
        a.doubled.append(f"{len(its)} rows for {line.text!r}")
    if line.dones > 1:
        a.doubled.append(f"told {line.dones} times that {line.text!r} is done")
    if line.words and line.words != line.text:
        a.misheard.append(f"{line.text!r} as {line.words!r}")
    if not line.dones or not its or line.utterance_id in on_the_way:
        return
    row = its[0]
    if row.state != "closed":
        a.unclosed.append(repr(line.text))
    elif row.heard.strip() != line.heard.strip():
        a.otherwise.append(f"{line.text!r}: told {line.heard!r}, kept {row.heard!r}")


def _check_order(a: Audit, person: Person, by_utterance: dict[str, list[Row]]) -> None:
    last = ("", 0)
    for line in person.lines:
        for row in by_utterance.get(line.utterance_id, [])[:1]:
            if row.session_id == last[0] and row.number <= last[1]:
                a.out_of_order.append(f"{person.name}: {line.text!r} is turn {row.number}")
            last = (row.session_id, row.number)


def _memory_lost(person: Person) -> int:
    """A conversation in which nothing was ever accepted had nothing to remember."""
    count = 0
    for back in person.resumptions:
        if back.refused and any(
            line.accepted is not None and line.accepted < back.lost_at for line in person.lines
        ):
            count += 1
    return count
