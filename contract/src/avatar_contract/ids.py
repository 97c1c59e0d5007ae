"""How ids are made, so that every part makes the same ones."""

from uuid import UUID, uuid5


def turn_id(session_id: UUID, utterance_id: UUID) -> UUID:
    """The turn of an utterance: UUIDv5 (RFC 9562 §5.5) in the session's namespace."""
    return uuid5(session_id, str(utterance_id))
