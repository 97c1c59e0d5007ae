"""How a turn ends: heard to its end, cut, or failed; and how it is remembered and stored.

Every turn that was accepted ends with one soundless message, one record and one `turn_done`.
"""

from __future__ import annotations

from uuid import UUID

from avatar_contract.audio import pcm_ms
from avatar_contract.errors import AvatarError
from avatar_contract.records import TurnRecord, TurnView
from gateway.session import effects as do
from gateway.session import inputs as on
from gateway.session import outputs as out
from gateway.session.state import Conversation, Reply, Turn

_SLACK_MS = 1.0
"""Reports and clocks count whole milliseconds; sound ends between them."""


def watch_playback(c: Conversation, turn: Turn) -> None:
    """All sound was sent: the turn ends when it was heard."""
    reply = turn.reply
    if reply is None or not reply.sound_ended:
        return
    if reply.clock.position(c.now) >= reply.clock.sent_ms - _SLACK_MS:
        finish(c, turn)
    elif not reply.held:
        c.want(do.SetTimer("playback", max(reply.clock.ends_at(c.now), c.now + _SLACK_MS)))


def on_played(c: Conversation, event: on.Played) -> None:
    """The client says how much it has played."""
    turn = c.turn
    if turn is None or turn.reply is None or not _names(turn, event.turn_id, event.revision):
        return
    turn.reply.clock.report(event.played_ms, c.now)
    watch_playback(c, turn)


def finish(c: Conversation, turn: Turn) -> None:
    """The reply was heard to its end. `turn_done` waits a moment for the record."""
    reply = turn.reply
    turn.heard = reply.ledger.heard(reply.clock.sent_ms) if reply else ""
    c.memory.remember(turn.turn_id, turn.user_text, turn.ai_text)
    _leave(c, turn)
    c.closing = turn
    _store(c, turn, "closed")
    c.want(do.SetTimer("store", c.now + c.policy.store_wait_ms))


def cut(c: Conversation, *, played_ms: float | None = None) -> None:
    """The reply in progress is interrupted: what was heard of it is what it was."""
    turn = c.turn
    if turn is None:
        return
    reply = turn.reply
    turn.interrupted = True
    if reply is not None:
        if played_ms is not None:
            reply.clock.report(played_ms, c.now)
        turn.heard = reply.ledger.heard(reply.clock.position(c.now))
        c.want(do.Cancel(reply.key))
        c.emit(out.PlaybackCommand(turn.ref, "flush"))
        _close_reply(c, turn, reply)
    c.memory.remember(turn.turn_id, turn.user_text, turn.heard)
    _leave(c, turn)
    _store(c, turn, "closed")
    settle(c)
    _done(c, turn)


def fail(c: Conversation, turn: Turn, error: AvatarError) -> None:
    """The turn can't be answered. What was understood is stored all the same."""
    turn.error = error.code
    c.emit(out.Failed(error, turn.ref))
    if turn.reply is not None:
        c.want(do.Cancel(turn.reply.key))
        _close_reply(c, turn, turn.reply)
    else:
        c.emit(out.SoundEnded(turn.ref, 0, turn.config.tts_mode))
    if turn is c.turn:
        _leave(c, turn)
    if turn.user_text:
        c.memory.remember(turn.turn_id, turn.user_text, turn.heard)
        _store(c, turn, "closed")
    settle(c)
    _done(c, turn)


def settle(c: Conversation) -> None:
    """A turn that waits for its record waits no longer."""
    if c.closing is not None:
        turn, c.closing = c.closing, None
        c.want(do.StopTimer("store"))
        _done(c, turn)


def on_stored(c: Conversation, event: on.Stored) -> None:
    """The record is safe; the reply can be replayed where its sound was kept."""
    turn = _waiting(c, event.turn_id, event.revision)
    if turn is None:
        return
    if event.has_sound and turn.config.store_audio:
        c.emit(out.ReplayReady(turn.ref, event.duration_ms))
    if turn is c.closing:
        settle(c)


def on_store_failed(c: Conversation, event: on.StoreFailed) -> None:
    """The record could not be written: say so; the conversation goes on."""
    turn = _waiting(c, event.turn_id, event.revision)
    c.emit(out.Failed(event.error, turn.ref if turn else None))
    if turn is not None and turn is c.closing:
        settle(c)


def _waiting(c: Conversation, turn_id: UUID, revision: int) -> Turn | None:
    """The turn whose record was sent for storing, while it is still known."""
    for turn in (c.closing, c.last):
        if turn is not None and _names(turn, turn_id, revision):
            return turn
    return None


def leave_open(c: Conversation) -> None:
    """The client is gone in the middle of a turn: its record stays open."""
    turn = c.turn
    settle(c)
    if turn is None:
        return
    turn.interrupted = True
    if turn.reply is not None:
        turn.heard = turn.reply.ledger.heard(turn.reply.clock.position(c.now))
        c.want(do.Cancel(turn.reply.key))
    c.turn = None
    _store(c, turn, "open")


def replay(c: Conversation, view: TurnView) -> None:
    """A repeated utterance id: the same turn again, never a second one."""
    ref = out.TurnRef(view.turn_id, view.revision, view.turn_number)
    c.emit(out.TurnAccepted(ref, view.utterance_id, 0, c.tape.offset))
    c.emit(out.Transcribed(ref, view.user_text, len(view.user_text), True, view.language))
    if view.ai_text:
        c.emit(out.AnswerComplete(ref, view.ai_text))
    c.emit(out.SoundEnded(ref, 0, view.mode))
    if view.ai_audio_ms:
        c.emit(out.ReplayReady(ref, view.ai_audio_ms))
    c.emit(out.TurnEnded(ref, view.timings, view.interrupted, view.heard_text))


def _close_reply(c: Conversation, turn: Turn, reply: Reply) -> None:
    if not reply.text_sent and reply.text.strip():
        reply.text_sent = True
        c.emit(out.AnswerComplete(turn.ref, reply.text.strip()))
    if not reply.sound_ended:
        reply.sound_ended = True
        c.emit(out.SoundEnded(turn.ref, reply.sample_rate, turn.config.tts_mode))


def _leave(c: Conversation, turn: Turn) -> None:
    turn.mark("ended", c.now)
    c.turn, c.last = None, turn
    for timer in ("playback", "ask", "verdict"):
        c.want(do.StopTimer(timer))


def _done(c: Conversation, turn: Turn) -> None:
    c.emit(out.TurnEnded(turn.ref, timings(turn), turn.interrupted, turn.heard))
    c.keep_finished(_view(c, turn))
    # The sound is with the store now; a finished turn is kept for an edit of its words only.
    turn.user_pcm = None
    if turn.reply is not None:
        turn.reply.sound = bytearray()
    if c.turn is None and c.utterance is None:
        c.rest()


def timings(turn: Turn) -> dict[str, float]:
    """ms by stage. Those that start at the end of speech are what a listener feels."""
    marks = turn.marks
    spans = {
        "stt": ("speech_end", "final"),
        "llm_first_token": ("final", "first_token"),
        "llm": ("final", "last_token"),
        "tts_first_audio": ("first_clause", "first_speech"),
        "first_audio": ("speech_end", "first_sound"),
        "total": ("speech_end", "ended"),
    }
    return {
        name: round(max(0.0, marks[end] - marks[start]), 1)
        for name, (start, end) in spans.items()
        if start in marks and end in marks
    }


def _store(c: Conversation, turn: Turn, state: str) -> None:
    reply = turn.reply
    keep = turn.config.store_audio
    heard_pcm = bytes(reply.sound) if reply and keep and reply.sound else None
    record = TurnRecord(
        session_id=c.session_id,
        turn_id=turn.turn_id,
        utterance_id=turn.utterance_id,
        turn_number=turn.number,
        revision=turn.revision,
        state="open" if state == "open" else "closed",
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
        store_audio=keep,
        created_at=turn.created_at,
    )
    user_pcm = turn.user_pcm if keep else None
    c.want(do.Store(record, user_pcm, heard_pcm, reply.sample_rate if reply else 0))


def _view(c: Conversation, turn: Turn) -> TurnView:
    reply = turn.reply
    kept = reply is not None and turn.config.store_audio and reply.sound
    return TurnView(
        session_id=c.session_id,
        turn_id=turn.turn_id,
        utterance_id=turn.utterance_id,
        turn_number=turn.number,
        revision=turn.revision,
        state="closed",
        typed=turn.typed,
        user_text=turn.user_text,
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
        ai_audio_ms=pcm_ms(len(reply.sound), reply.sample_rate) if kept and reply else None,
        created_at=turn.created_at,
    )


def _names(turn: Turn, turn_id: object, revision: int | None) -> bool:
    return turn.turn_id == turn_id and revision in (None, turn.revision)
