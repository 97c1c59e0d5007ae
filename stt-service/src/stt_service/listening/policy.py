"""How to listen, as the operator has set it."""

from dataclasses import dataclass, field

from stt_service.hearing.endpoint import Tuning
from stt_service.hearing.patience import Patience
from stt_service.words.completeness import Finish, likelihood


@dataclass(frozen=True, slots=True)
class Policy:
    """Constants of all listeners."""

    tuning: Tuning = field(default_factory=Tuning)
    """Hands-free."""
    held: Tuning = field(default_factory=lambda: Tuning(voice_on=0.3, voice_off=0.2, onset_ms=32.0))
    """Push-to-talk: the person has said that they speak, so less is asked of the sound."""
    patience: Patience = field(default_factory=Patience)
    glance_every_ms: float = 400.0
    """Audio between two looks at the words."""
    longest_ms: float = 120_000.0
    """Audio of one utterance."""
    finish: Finish = likelihood
    """Judges whether words sound finished: the place for a semantic model."""
    agreement: int = 2
    """Hypotheses in a row that make words stable."""
