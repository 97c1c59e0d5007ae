"""How `talk` and `chat` end: exit codes, and the report as JSON."""

import json
from collections.abc import Sequence
from typing import Any

from avatar_cli.talking.connection import Chat
from avatar_cli.talking.turn import Turn

OK = 0
TURN_FAILED = 1
"""AVATAR answered with an error."""
BAD_INPUT = 2
NOT_REACHABLE = 3
TIMED_OUT = 4


def code_of(turns: Sequence[Turn]) -> int:
    """The exit code for turns that ended."""
    return TURN_FAILED if any(turn.errors for turn in turns) or not turns else OK


def as_json(chat: Chat, turns: Sequence[Turn]) -> str:
    """Session, engines and turns as one JSON object."""
    report: dict[str, Any] = {
        "session_id": str(chat.session.session_id),
        "engines": chat.session.engines.model_dump(mode="json"),
        "turns": [turn.report() for turn in turns],
    }
    return json.dumps(report, ensure_ascii=False, indent=2)
