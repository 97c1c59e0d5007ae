"""What a person said, and what they were told of it."""

import asyncio
from dataclasses import dataclass, field
from uuid import uuid4


@dataclass
class Patience:
    """When a client that hears nothing takes its socket for dead, s."""

    ping_s: float = 2.0
    pong_s: float = 4.0


@dataclass
class Line:
    """One thing to say, and what came of it. Times are of the machine's clock, ms."""

    text: str
    pcm: bytes = b""
    """16 kHz mono ``pcm_s16le``; empty: typed."""
    utterance_id: str = field(default_factory=lambda: str(uuid4()))
    start: int = 0
    """Where it begins in the person's count of samples."""
    began: float = 0.0
    accepted: float | None = None
    first_sound: float | None = None
    ended: float | None = None
    turn_id: str = ""
    revision: int = 0
    turn_number: int = 0
    words: str = ""
    """As the recogniser understood it."""
    answer: str = ""
    heard: str = ""
    interrupted: bool = False
    errors: list[str] = field(default_factory=list)
    """Codes, with the time they came, ms: `STT_UNAVAILABLE@123456`."""
    dones: int = 0
    told_at: float | None = None
    """When the person was told of trouble: an `error`, or a `notice` about an engine."""
    stuck: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def samples(self) -> int:
        return len(self.pcm) // 2

    @property
    def good(self) -> bool:
        """Whether it was answered, and the answer heard to its end."""
        return self.ended is not None and not self.errors and not self.interrupted


@dataclass
class Resumption:
    """One time that a socket was lost, ms."""

    lost_at: float
    back_at: float = 0.0
    retold: bool = False
    refused: str = ""
    """The code that ended the conversation."""
