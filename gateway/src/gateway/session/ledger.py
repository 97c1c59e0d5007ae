"""The one ledger that maps `played_ms` to what was heard.

Memory, database and page derive from it, so that they can't disagree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_UNIT = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|[^\s\u3400-\u9fff\uf900-\ufaff]+\s*|\s+")


@dataclass(slots=True)
class LedgerClause:
    """A clause whose sound was sent."""

    text: str
    start_ms: float
    duration_ms: float = 0.0
    complete: bool = False
    """Whether all of its sound was sent."""


@dataclass(slots=True)
class Ledger:
    """The sound of one reply in the order it was sent."""

    clauses: list[LedgerClause] = field(default_factory=list)

    @property
    def sent_ms(self) -> float:
        """Sound sent so far, ms."""
        return self.clauses[-1].start_ms + self.clauses[-1].duration_ms if self.clauses else 0.0

    def open(self, text: str) -> None:
        """A clause begins."""
        self.clauses.append(LedgerClause(text, self.sent_ms))

    def add(self, ms: float) -> None:
        """`ms` of the open clause's sound were sent."""
        self.clauses[-1].duration_ms += ms

    def close(self) -> None:
        """The open clause's sound is complete."""
        self.clauses[-1].complete = True

    def heard(self, played_ms: float) -> str:
        """The text whose sound lies before `played_ms`.

        Engines give no word times, so a clause that was cut is divided in proportion to its
        sound, at a word or a Chinese character; the error stays within that clause.
        """
        heard = [_share(clause, played_ms) for clause in self.clauses]
        return join_clauses([text for text in heard if text])


def join_clauses(clauses: list[str]) -> str:
    """Clauses as one text: a space between them unless a Chinese mark or character ends one."""
    joined = ""
    for clause in clauses:
        if joined and joined[-1].isascii() and not joined[-1].isspace():
            joined += " "
        joined += clause
    return joined.rstrip()


def _share(clause: LedgerClause, played_ms: float) -> str:
    played = played_ms - clause.start_ms
    # Reports and the clock count whole milliseconds; sound ends between them.
    if clause.complete and played >= clause.duration_ms - 1:
        return clause.text
    if played <= 0 or clause.duration_ms <= 0:
        return ""
    pieces = _UNIT.findall(clause.text)
    length = sum(len(piece.strip()) for piece in pieces) or 1
    allowed = length * min(1.0, played / clause.duration_ms)
    taken, count = [], 0
    for piece in pieces:
        count += len(piece.strip())
        if count > allowed:
            break
        taken.append(piece)
    return "".join(taken).rstrip()
