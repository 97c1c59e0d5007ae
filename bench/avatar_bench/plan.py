"""What simulated people do: plain data that travels to the client's process as JSON."""

from dataclasses import dataclass, field


@dataclass
class Say:
    """One utterance."""

    words: list[str]
    pauses_ms: list[float]
    """Silence before each word but the first: as long as `words`, the first is 0."""
    gap_ms: float = 800.0
    """Silence before it, counted from the end of the reply before."""
    barge_after_ms: float | None = None
    """Spoken over the reply before it, once so much of that was heard, instead of after it."""
    press_stop: bool = False
    """Rather than to speak, press stop then (and speak when that turn is over)."""


@dataclass
class Plan:
    """A run of the client."""

    dialect: str
    """`avatar` or `pipecat`."""
    port: int
    path: str
    sessions: list[list[Say]]
    configure: dict[str, object] = field(default_factory=dict)
    frame_ms: int = 20
    noise_db: float = -72.0
    """The microphone's own noise, dBFS."""
    spread_ms: float = 3000.0
    """Sessions begin to speak within so long."""
    timeout_s: float = 15.0
    """From the end of speech to the first sound."""
    keep_conversation: bool = False
    """Ask for the stored conversation at the end."""


@dataclass
class Turn:
    """What came of an utterance. Times are of the machine's monotonic clock, ms."""

    session: int
    words: list[str]
    started: float = 0.0
    """When its first sample was spoken."""
    ended: float = 0.0
    """When its last sample was spoken."""
    end_sample: int = 0
    """That sample's place in the session's stream."""
    stream_began: float = 0.0
    """When sample 0 was spoken."""
    first_audio: float | None = None
    final: float | None = None
    first_control: float | None = None
    """The first `pause` or `flush` after it began, when it was spoken over a reply."""
    transcript: str = ""
    answer: str = ""
    early_audio: int = 0
    """Pieces of sound that came for it before its end."""
    turn_id: str = ""
    turn_number: int = 0
    interrupted: bool = False
    heard: str | None = None
    """What the server says was heard of the answer."""
    clauses: list[tuple[str, float]] = field(default_factory=list)
    """Text and ms of sound of each clause that came."""
    played_ms: float = 0.0
    """What was played of the answer."""
    pauses: int = 0
    resumes: int = 0
    error: str = ""
    timings: dict[str, float] = field(default_factory=dict)
