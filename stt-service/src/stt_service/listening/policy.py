"""How to listen, as the operator has set it."""

from dataclasses import dataclass, field

from stt_service.hearing.endpoint import Tuning
from stt_service.hearing.patience import Patience
from stt_service.listening.scribe import Pace
from stt_service.words.completeness import Finish, likelihood


@dataclass(frozen=True, slots=True)
class Policy:
    """Constants of all listeners."""

    tuning: Tuning = field(default_factory=Tuning)
    """Hands-free."""
    held: Tuning = field(default_factory=lambda: Tuning(voice_on=0.3, voice_off=0.2, onset_ms=32.0))
    """Push-to-talk: the person has said that they speak, so less is asked of the sound."""
    patience: Patience = field(default_factory=Patience)
    pace: Pace = field(default_factory=lambda: Pace(glance_ms=400.0))
    """How often to look at the words."""
    tail_ms: float = 64.0
    """With rolling looks a pause's words may lack this much of the last voiced sound: of most last
    words, enough is heard by then, and a settled look corrects the others."""
    longest_ms: float = 120_000.0
    """Audio of one utterance."""
    finish: Finish = likelihood
    """Judges whether words sound finished: the place for a semantic model."""
    tai: str = "台"
    """How 台 is written in Traditional Chinese."""
    first_words_ms: float = 1000.0
    """Words of less audio than this are not shown before the speaker pauses: what a recogniser
    makes of half a word is mostly invented."""
    agreement: int = 2
    """Hypotheses in a row that make words stable."""

    def rolls(self, patience: float) -> bool:
        """Whether words are wanted before they settle: a longer wait would hide what that gains."""
        return self.pace.rolling_ms > 0 and self.patience.wait_ms(1.0, patience) <= _EAGER_MS


_EAGER_MS = 300.0
