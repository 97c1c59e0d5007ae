"""Which of the words so far won't change: local agreement of successive hypotheses.

Source: Liu, Spanakis, Niehues, "Low-Latency Sequence-to-Sequence Speech Recognition" (2020).
Works on characters for Han and on whole words for the rest, so it needs no spaces.
"""

import re

_HAN = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_UNIT = re.compile(rf"[{_HAN}]|[^\s{_HAN}]+")


def units(text: str) -> list[tuple[str, int]]:
    """The words (Han: characters) of `text`, compared without case, and where each ends."""
    return [(found.group().lower(), found.end()) for found in _UNIT.finditer(text)]


class Agreement:
    """Follows one utterance's hypotheses.

    A unit is stable once `needed` hypotheses in a row begin with it and something follows it in
    the last one: the end of growing audio cuts words.
    """

    def __init__(self, needed: int = 2) -> None:
        self._needed = needed
        self._recent: list[list[str]] = []
        self._stable = 0

    def update(self, text: str) -> int:
        """Takes a hypothesis; returns how many of its leading characters are stable.

        Never fewer units than before, as long as the text has them.
        """
        found = units(text)
        self._recent = [*self._recent[1 - self._needed :], [unit for unit, _ in found]]
        if len(self._recent) >= self._needed:
            agreed = _common(self._recent)
            self._stable = max(self._stable, min(agreed, len(found) - 1))
        kept = min(self._stable, len(found))
        return found[kept - 1][1] if kept > 0 else 0


def _common(sequences: list[list[str]]) -> int:
    count = 0
    for together in zip(*sequences, strict=False):
        if any(unit != together[0] for unit in together):
            break
        count += 1
    return count
