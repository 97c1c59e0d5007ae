"""A turn as it is kept: `open` as soon as it is accepted, `closed` when it ended."""

from __future__ import annotations

from typing import Literal

from avatar_contract.audio import pcm_ms
from avatar_contract.records import TurnRecord, TurnView
from gateway.session import effects as do
from gateway.session.moments import Mark
from gateway.session.state import Conversation
from gateway.session.turns import Turn

_SPANS = {
    "stt": (Mark.SPEECH_END, Mark.FINAL),
    "llm_first_token": (Mark.FINAL, Mark.FIRST_TOKEN),
    "llm": (Mark.FINAL, Mark.LAST_TOKEN),
    "tts_first_audio": (Mark.FIRST_CLAUSE, Mark.FIRST_SPEECH),
    "first_audio": (Mark.SPEECH_END, Mark.FIRST_SOUND),
    "total": (Mark.SPEECH_END, Mark.ENDED),
}
"""By the names that clients and records have for them."""


def keep_open(c: Conversation, turn: Turn) -> None:
    """Writes what is known so far. Its sound comes when the turn ends."""
    c.want(do.Store(record(c, turn, "open"), None, None, 0))


def keep_closed(c: Conversation, turn: Turn) -> None:
    """Writes the whole turn, with both sounds where they are to be kept."""
    reply = turn.reply
    keep = turn.config.store_audio
    user_pcm = turn.user_pcm if keep else None
    whole = reply is not None and bool(reply.sound) and not reply.continued
    ai_pcm = bytes(reply.sound) if reply and keep and whole else None
    rate = reply.sample_rate if reply else 0
    c.want(do.Store(record(c, turn, "closed"), user_pcm, ai_pcm, rate))


def record(c: Conversation, turn: Turn, state: Literal["open", "closed"]) -> TurnRecord:
    """The turn as the gateway writes it."""
    return TurnRecord(
        session_id=turn.session_id,
        turn_id=turn.turn_id,
        utterance_id=turn.utterance_id,
        turn_number=turn.number,
        revision=turn.revision,
        state=state,
        epoch=c.epoch,
        # A turn of another conversation that is done again here takes no token of this one there.
        session=c.resumable() if turn.session_id == c.session_id else None,
        typed=turn.typed,
        recognised_text=turn.recognised,
        edited_text=turn.edited,
        ai_text=turn.ai_text,
        heard_text=turn.heard,
        interrupted=turn.interrupted,
        language=turn.language,
        mode=turn.config.tts_mode,
        timings=timings(turn),
        voice_profile_id=turn.config.voice_profile_id,
        error=turn.error,
        store_audio=turn.config.store_audio,
        created_at=turn.created_at,
    )


def view(c: Conversation, turn: Turn) -> TurnView:
    """The turn as it will be read."""
    reply = turn.reply
    kept = reply is not None and turn.config.store_audio and reply.sound
    ms = pcm_ms(len(reply.sound), reply.sample_rate) if kept and reply else None
    return as_view(record(c, turn, "closed")).model_copy(update={"ai_audio_ms": ms})


def as_view(record: TurnRecord) -> TurnView:
    """A record that is on its way, as it will be read."""
    words = record.edited_text if record.edited_text is not None else record.recognised_text
    fields = record.model_dump(exclude={"epoch", "session", "store_audio"})
    return TurnView(**fields, user_text=words or "")


def timings(turn: Turn) -> dict[str, float]:
    """ms by stage. Those that start at the end of speech are what a listener feels."""
    marks = turn.marks
    return {
        name: round(max(0.0, marks[end] - marks[start]), 1)
        for name, (start, end) in _SPANS.items()
        if start in marks and end in marks
    }
