"""Likeness by speaker embedding, beside what the same and other speakers give."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from avatar_contract.audio import read_wav, wav_bytes

Embedding = Sequence[float]


@dataclass(frozen=True)
class Likeness:
    """Cosine similarities, −1 to 1."""

    synthesis: float
    """The synthesised sentence against the reference."""
    same: float
    """One half of the reference against the other: as good as it gets."""
    others: list[float]
    """Other speakers against the reference: what no likeness looks like."""

    @property
    def share(self) -> float | None:
        """Where the synthesis lies between other speakers (0) and the same one (1)."""
        if not self.others:
            return None
        floor = sum(self.others) / len(self.others)
        if self.same <= floor:
            return None
        return (self.synthesis - floor) / (self.same - floor)


def cosine(one: Embedding, other: Embedding) -> float:
    """Cosine of the angle between two embeddings of equal length.

    Raises:
        ValueError: lengths differ, or one has no length at all.
    """
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    size = math.hypot(*one) * math.hypot(*other)
    if size == 0:
        raise ValueError("An embedding of zeros has no direction.")
    return dot / size


def halves(wav: bytes) -> tuple[bytes, bytes]:
    """A recording cut in two, each a wav.

    Raises:
        BadAudio: not a 16-bit PCM wav.
    """
    pcm, rate, channels = read_wav(wav)
    frame = 2 * channels
    middle = len(pcm) // frame // 2 * frame
    return wav_bytes(pcm[:middle], rate, channels), wav_bytes(pcm[middle:], rate, channels)


def compare(
    reference: Embedding,
    first_half: Embedding,
    second_half: Embedding,
    synthesis: Embedding,
    others: Sequence[Embedding],
) -> Likeness:
    """All similarities of one voice."""
    return Likeness(
        synthesis=cosine(synthesis, reference),
        same=cosine(first_half, second_half),
        others=[cosine(other, reference) for other in others],
    )
