"""Phonemes in pieces that the model says in one go."""

import re

_FIRST, _LATER = 120, 220
"""Signs of the first piece, whose whole sound the listener waits for, and of the others; a Chinese
character has about five, and 220 signs are some 10 s of sound."""
_CLAUSE = re.compile(r'(?<=[.!?;:,])[ "”)]+')
_WORD = re.compile(r"(?<= )")


def pieces(phonemes: str) -> list[str]:
    """Cut at marks, else between words, and only where it is too long."""
    cut: list[str] = []
    for clause in (part for part in _CLAUSE.split(phonemes) if part):
        for bit in _fitting(clause, _LATER if cut else _FIRST):
            limit = _LATER if len(cut) > 1 else _FIRST
            if cut and len(cut[-1]) + len(bit) < limit:
                cut[-1] += f" {bit}"
            else:
                cut.append(bit)
    return cut


def _fitting(clause: str, limit: int) -> list[str]:
    if len(clause) <= limit:
        return [clause]
    bits = [""]
    for word in _WORD.split(clause):
        for part in (word[at : at + limit] for at in range(0, len(word), limit)):
            if len(bits[-1]) + len(part) > limit:
                bits.append("")
            bits[-1] += part
    return [bit.strip() for bit in bits if bit.strip()]
