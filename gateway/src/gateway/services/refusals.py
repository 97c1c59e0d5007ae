"""What a server says in place of an answer, in our own words.

Its own may be raw JSON, a page of HTML, or tell of its insides: those are for the log.
"""

from __future__ import annotations

import json
import re
from typing import Any

from avatar_contract.errors import PayloadTooLarge

_MOST_CHARS = 200
_MARKUP = re.compile(r"[{}<>\[\]\x00-\x1f]")
_TOO_LONG = re.compile(
    r"context[ _-]?(length|size|window)|prompt is too long|too many (input |prompt )?tokens"
    r"|maximum (input|prompt|sequence|model) length|exceeds? .{0,60}(context|tokens)",
    re.IGNORECASE,
)


def too_long(said: str) -> PayloadTooLarge | None:
    """The error for what a model's server says of a question that it can't take; else None."""
    if not _TOO_LONG.search(said):
        return None
    return PayloadTooLarge(
        "What was asked is longer than the language model can take. Ask it shorter."
    )


def prose(body: bytes) -> str:
    """The sentence in a refusal's JSON, where it is one that a person may read; else nothing."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    text = _message(found)
    return "" if _MARKUP.search(text) else text[:_MOST_CHARS].strip()


def _message(found: Any) -> str:
    """OpenAI's `error.message`, vLLM's `message`, FastAPI's `detail`, Ollama's `error`."""
    if isinstance(found, str):
        return found
    if not isinstance(found, dict):
        return ""
    inner = (_message(found.get(name)) for name in ("error", "message", "detail"))
    return next((text for text in inner if text), "")
