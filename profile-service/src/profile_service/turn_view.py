"""A turn's row as it is read, and as it is searched."""

from avatar_contract.records import TurnView
from profile_service import textsearch
from profile_service.repository.conversations import Row
from profile_service.turn_row import writing_of
from profile_service.turn_rules import LEFT


def said(row: Row) -> str:
    """What the person said, as it was corrected."""
    text = row["edited_text"] if row["edited_text"] is not None else row["recognised_text"]
    return text or ""


def view(row: Row) -> TurnView:
    """A turn as it is read."""
    state = "closed" if row["state"] == LEFT else row["state"]
    return TurnView.model_validate({**row, "user_text": said(row), "state": state})


def as_written(row: Row) -> TurnView:
    """A turn as gateways know it: one that was given up is open, and can be gone on with."""
    return view(row).model_copy(update={"state": writing_of(row).state})


def answer_text(row: Row) -> str:
    """What the assistant said: what was heard of it, where it was cut."""
    text: str = row["heard_text"] if row["interrupted"] else row["ai_text"]
    return text


def shown(row: Row) -> bool:
    """Whether there is anything to show: one that has just been opened has no words yet."""
    return row["state"] == "closed" or bool(said(row) or row["recognised_text"] or row["ai_text"])


def searchable(row: Row) -> tuple[str, str]:
    """Both sides of a turn as the search keeps them."""
    return textsearch.indexed(said(row), answer_text(row))
