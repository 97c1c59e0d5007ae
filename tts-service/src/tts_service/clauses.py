"""Cuts a long text for an engine that speaks a bounded piece at a time."""

import re

_ENDS = re.compile(r"(?<=[。！？；.!?;])\s*|(?<=[，、：,:])\s*|(?<=\n)")


def clauses(text: str, max_bytes: int) -> list[str]:
    """`text` in pieces of at most `max_bytes` of UTF-8, cut at punctuation, else at a space.

    A single word longer than that is cut where it must be. Pieces without a word are left out.
    """
    pieces: list[str] = []
    for part in filter(None, _ENDS.split(text)):
        for bit in _fitting(part, max_bytes):
            if pieces and _size(pieces[-1]) + _size(bit) < max_bytes:
                pieces[-1] += _gap(pieces[-1], bit) + bit
            else:
                pieces.append(bit)
    return [piece.strip() for piece in pieces if any(c.isalnum() for c in piece)]


def _fitting(part: str, max_bytes: int) -> list[str]:
    bits = []
    while _size(part) > max_bytes:
        cut = len(part.encode()[:max_bytes].decode(errors="ignore")) or 1
        space = part.rfind(" ", 1, cut)
        cut = space + 1 if space > 0 else cut
        bits.append(part[:cut])
        part = part[cut:]
    return [*bits, part] if part else bits


def _gap(left: str, right: str) -> str:
    return " " if left[-1:].isascii() and right[:1].isascii() and not left.endswith(" ") else ""


def _size(text: str) -> int:
    return len(text.encode())
