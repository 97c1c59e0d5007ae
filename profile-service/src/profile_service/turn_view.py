"""A turn's row as it is read, and as it is searched."""

from avatar_contract.records import TurnView
from profile_service import textsearch
from profile_service.repository.conversations import Row


def view(row: Row) -> TurnView:
    """A turn as it is read."""
    said = row["edited_text"] if row["edited_text"] is not None else row["recognised_text"]
    return TurnView.model_validate({**row, "user_text": said or ""})


def answer_text(row: Row) -> str:
    """What the assistant said: what was heard of it, where it was cut."""
    text: str = row["heard_text"] if row["interrupted"] else row["ai_text"]
    return text


def searchable(row: Row) -> tuple[str, str]:
    """Both sides of a turn as the search keeps them."""
    return textsearch.indexed(view(row).user_text, answer_text(row))
