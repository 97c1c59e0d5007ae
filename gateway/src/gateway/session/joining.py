"""Words that were spoken in several stretches, as one text."""

from __future__ import annotations

import re

_WIDE = r"\u3000-\u303f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uff65\U00020000-\U0003ffff"
_MARK_END = re.compile(r"[\u3000-\u303f\uff00-\uff65]$")
_WIDE_END = re.compile(f"[{_WIDE}]$")
_WIDE_START = re.compile(f"^[{_WIDE}]")


def join_words(*stretches: str) -> str:
    """The stretches in order: a space between them, but not between Chinese and after its marks."""
    joined = ""
    for stretch in stretches:
        more = stretch.strip()
        if joined and more and not _touch(joined, more):
            joined += " "
        joined += more
    return joined


def _touch(before: str, after: str) -> bool:
    if _MARK_END.search(before):
        return True
    return bool(_WIDE_END.search(before) and _WIDE_START.search(after))
