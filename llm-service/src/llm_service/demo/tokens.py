"""Cutting an answer into pieces the size of a model's tokens, so that it streams like one."""

import re

from llm_service.demo.language import HAN

_PIECE = re.compile(rf"\s*(?:[{HAN}]{{1,2}}|[^\s{HAN}\w]|[^\W{HAN}]+)|\s+$")


def split(text: str) -> list[str]:
    """Pieces that join to `text` again: a word with the blank before it, one or two Han
    characters, or a mark of punctuation."""
    return _PIECE.findall(text)


def count(text: str) -> int:
    """How many pieces a text has; what `usage` reports."""
    return len(split(text))
