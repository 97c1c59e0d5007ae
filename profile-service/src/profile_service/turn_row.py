"""A turn's record as a row, and what the row's sound has to do with it. Pure."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

from avatar_contract.records import Side, TurnRecord
from profile_service import textsearch
from profile_service.audiofile import AudioFile
from profile_service.backends.store import RAW, TTS
from profile_service.moments import in_utc
from profile_service.repository.conversations import Row
from profile_service.turn_rules import LEFT, State, Writing, keeps_audio

SIDES: dict[Side, tuple[str, str, str]] = {
    "user": (RAW, "user_audio_key", "user_audio_ms"),
    "ai": (TTS, "ai_audio_key", "ai_audio_ms"),
}
"""Each side's kind of file, and the columns of a turn for its key and its length."""

_WORDS: dict[Side, str] = {"user": "recognised_text", "ai": "ai_text"}
"""The column of what each side's sound says."""


def writing_of(row: Row) -> Writing:
    """What decides about the turn that is kept."""
    state: State = "open" if row["state"] == LEFT else row["state"]
    return Writing(row["revision"], state, row["epoch"])


def said_in(record: TurnRecord) -> Writing:
    """What decides about a record that arrives."""
    return Writing(record.revision, record.state, record.epoch)


def is_elsewhere(kept: Row, record: TurnRecord) -> bool:
    """Whether the record's utterance was made another turn, in another conversation."""
    other_turn: bool = kept["turn_id"] != record.turn_id
    return other_turn and kept["session_id"] != record.session_id


def lacking(kept: Row, record: TurnRecord) -> set[Side]:
    """The sides whose sound the kept turn lacks and an equal record may add.

    The sound of another answer must not come to these words: their text is compared.
    """
    if is_elsewhere(kept, record) or writing_of(kept) != said_in(record):
        return set()
    new = columns(record)
    return {
        side
        for side, (_, key, _) in SIDES.items()
        if kept[key] is None and kept[_WORDS[side]] == new[_WORDS[side]]
    }


def stale_audio(kept: Row, record: TurnRecord, files: Mapping[Side, AudioFile]) -> dict[Side, str]:
    """The keys of the sounds that go when the record, with `files`, replaces the kept turn."""
    arriving = said_in(record)
    return {
        side: kept[key]
        for side, (_, key, _) in SIDES.items()
        if kept[key]
        and (side in files or not keeps_audio(side, writing_of(kept), arriving, record.store_audio))
    }


def columns(record: TurnRecord) -> dict[str, Any]:
    """What the record says, as columns."""

    def text(value: str | None) -> str | None:
        return None if value is None else textsearch.storable(value)

    return {
        "utterance_id": record.utterance_id,
        "revision": record.revision,
        "epoch": record.epoch,
        "state": record.state,
        "typed": record.typed,
        "recognised_text": text(record.recognised_text),
        "edited_text": text(record.edited_text),
        "ai_text": text(record.ai_text),
        "heard_text": text(record.heard_text),
        "interrupted": record.interrupted,
        "language": record.language and textsearch.storable(record.language)[:35],
        "mode": record.mode,
        "timings": {name: ms for name, ms in record.timings.items() if isfinite(ms)},
        "voice_profile_id": record.voice_profile_id,
        "error": record.error and textsearch.storable(record.error)[:40],
        "created_at": in_utc(record.created_at),
    }
