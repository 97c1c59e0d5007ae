"""A null in a request means the default, as OpenAI's clients and servers have it."""

from __future__ import annotations

from typing import Any

_NOTHING = frozenset({"", "null", "undefined", "None"})
"""How a form says null: clients in JavaScript and Python write their own word for it."""


def without_nulls(data: Any) -> Any:
    """A JSON object without its fields that are null; anything else as it is."""
    if not isinstance(data, dict):
        return data
    return {name: value for name, value in data.items() if value is not None}


def is_null(value: Any) -> bool:
    """Whether a form's field has nothing in it."""
    return value is None or (isinstance(value, str) and value.strip() in _NOTHING)
