"""Whether a run of ``*``, ``_`` or ``~`` is a mark of emphasis, or a sign that is meant.

The decision needs the characters on both sides and no later ones, so that text need not wait for a
closing mark. CommonMark's own rule fails beside Chinese punctuation (``**「字」**是``), where no
spaces tell an opening from a closing.
"""

from __future__ import annotations


class Delimiters:
    """The marks that are open in a paragraph."""

    def __init__(self) -> None:
        self._open: dict[str, int] = {}

    def clear(self) -> None:
        """A paragraph has ended, and with it what was open."""
        self._open.clear()

    def is_literal(self, char: str, run: int, before: str, following: str) -> bool:
        """Whether a run is no mark: a product, a name, a star after a word."""
        opens, closes = not _is_gap(following), not _is_gap(before)
        if char == "~" and run == 1:
            return True
        if not opens and not closes:
            return run == 1
        tight = _is_operand(before, ")]") and _is_operand(following, "([")
        if tight and (char == "_" or run == 1 or (before.isdigit() and following.isdigit())):
            return True
        key = char * run
        if opens and not (closes and self._open.get(key)):
            self._open[key] = self._open.get(key, 0) + 1
            return False
        if self._open.get(key):
            self._open[key] -= 1
            return False
        return run == 1 and char == "*"


def _is_gap(character: str) -> bool:
    return not character or character.isspace()


def _is_operand(character: str, brackets: str) -> bool:
    if character.isascii() and character.isalnum():
        return True
    return bool(character) and character in brackets
