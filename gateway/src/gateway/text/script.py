"""Keeps Chinese in the script of the locale: Traditional as written in Taiwan (OpenCC ``s2tw``).

Only text that holds simplified-only characters is converted: conversion of what is Traditional
already would spoil characters that both scripts share (里, 后, 只).
"""

from __future__ import annotations

from typing import Protocol

_HOLD = 4
"""Characters held back, because a following one may change how they are written (头|发)."""


class Converter(Protocol):
    """Rewrites text into another script."""

    def convert(self, text: str) -> str: ...


class ScriptStream:
    """Converts a stream of text; a piece at a time, without cutting phrases."""

    def __init__(self, to_traditional: Converter, to_simplified: Converter) -> None:
        self._traditional = to_traditional
        self._simplified = to_simplified
        self._held = ""

    def feed(self, text: str) -> str:
        """What is settled now."""
        self._held += text
        if not self._is_simplified(self._held):
            return self._give(len(self._held))
        return self._give(max(0, len(self._held) - _HOLD))

    def finish(self) -> str:
        """What was held back."""
        return self._give(len(self._held))

    def _give(self, count: int) -> str:
        settled, self._held = self._held[:count], self._held[count:]
        return self._traditional.convert(settled) if self._is_simplified(settled) else settled

    def _is_simplified(self, text: str) -> bool:
        if text.isascii():
            return False
        return self._simplified.convert(text) == text != self._traditional.convert(text)
