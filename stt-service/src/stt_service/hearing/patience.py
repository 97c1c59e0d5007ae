"""How long a silence may last before it is the end, and before it is worth mentioning."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """Waits at patience 0.5, ms of audio after the last voiced sound.

    Patience 0 halves them, 1 doubles them. The shortest wait stays above the closures inside a
    word (a stop consonant is silent for up to 120 ms).
    """

    finished_ms: float = 450.0
    """After words that sound finished."""
    unfinished_ms: float = 1400.0
    """After words that will go on."""
    pause_ms: float = 64.0
    """Silence after which finished words are reported as a pause."""
    unfinished_pause: float = 0.75
    """For words that will go on, the part of their wait after which a pause is reported: each
    report costs the gateway a speculative answer."""

    def wait_ms(self, finished: float, patience: float) -> float:
        """Silence that ends an utterance.

        Args:
            finished: how likely the words so far are all, 0 … 1.
            patience: 0 eager … 1 patient.
        """
        # Waits are felt as ratios: interpolate between the two as such.
        ratio: float = self.unfinished_ms / self.finished_ms
        scale: float = 2.0 ** (2 * patience - 1)
        stretch: float = ratio ** (1 - finished)
        return max(self.finished_ms * scale * stretch, _SHORTEST_MS)

    def pause_after_ms(self, finished: float, patience: float) -> float:
        """Silence that is reported as a pause."""
        if finished > _PROBABLY or self.unfinished_ms <= self.finished_ms:
            return self.pause_ms
        return max(self.pause_ms, self.unfinished_pause * self.wait_ms(finished, patience))


_SHORTEST_MS = 130.0
_PROBABLY = 0.6
