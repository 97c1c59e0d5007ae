"""How a turn ends: heard to its end, cut, or failed; and how it is remembered.

Every turn that was accepted ends with one soundless message, one record and one `turn_done`. The
record is wanted before `turn_done` is said: whoever performs the effects says it only when the
record is on disk.
"""

from __future__ import annotations

from avatar_contract.errors import AvatarError
from avatar_contract.records import TurnView
from avatar_contract.terms import NoticeCode
from gateway.session import effects as do
from gateway.session import inputs as on
from gateway.session import outputs as out
from gateway.session import records
from gateway.session.moments import Mark, Timer
from gateway.session.state import Conversation
from gateway.session.turns import Reply, Turn

_SLACK_MS = 1.0
"""Reports and clocks count whole milliseconds; sound ends between them."""


def watch_playback(c: Conversation, turn: Turn) -> None:
    """All sound was sent: the turn ends when it was heard."""
    reply = turn.reply
    if reply is None or not reply.sound_ended:
        return
    if reply.clock.position(c.now) >= reply.clock.sent_ms - _SLACK_MS:
        finish(c, turn)
    elif not reply.clock.paused:
        c.want(do.SetTimer(Timer.PLAYBACK, max(reply.clock.ends_at(c.now), c.now + _SLACK_MS)))


def on_played(c: Conversation, event: on.Played) -> None:
    """The client says how much it has played."""
    turn = c.turn
    if turn is None or turn.reply is None or not names(turn, event.turn_id, event.revision):
        return
    turn.reply.clock.report(event.played_ms, c.now)
    watch_playback(c, turn)


def finish(c: Conversation, turn: Turn) -> None:
    """The reply was heard to its end. What the voice could not speak was not heard."""
    reply = turn.reply
    turn.heard = reply.ledger.heard(reply.clock.sent_ms) if reply else ""
    whole = reply is not None and not reply.mute
    c.memory.remember(turn.turn_id, turn.user_text, turn.ai_text if whole else turn.heard)
    _leave(c, turn)
    records.keep_closed(c, turn)
    _done(c, turn)


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
    records.keep_closed(c, turn)
    _done(c, turn)


def fail(c: Conversation, turn: Turn, error: AvatarError) -> None:
    """The turn can't be answered. What was understood, or only said, is stored all the same."""
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
    records.keep_closed(c, turn)
    _done(c, turn)


def on_stored(c: Conversation, event: on.Stored) -> None:
    """profile-service has the record; the reply can be replayed where its sound was kept."""
    if event.has_sound:
        c.emit(out.ReplayReady(event.turn, event.duration_ms))


def on_store_failed(c: Conversation, event: on.StoreFailed) -> None:
    """The record, or its sound, could not be kept: say so; the conversation goes on."""
    if event.words_kept:
        text = "There is no room on the disk: this turn's words are kept, its sound is not."
        c.emit(out.NoticeGiven(NoticeCode.SOUND_NOT_STORED, text, event.turn))
    else:
        text = "There is no room on the disk, not even for words: this turn is not kept."
        c.emit(out.NoticeGiven(NoticeCode.NOT_STORED, text, event.turn))


def leave_open(c: Conversation) -> None:
    """The session ends in the middle of a turn: its record stays open."""
    turn = c.turn
    if turn is None:
        return
    turn.interrupted = True
    if turn.reply is not None:
        turn.heard = turn.reply.ledger.heard(turn.reply.clock.position(c.now))
        c.want(do.Cancel(turn.reply.key))
    c.turn = None
    records.keep_open(c, turn)


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


def leave_reply(c: Conversation) -> None:
    """Nothing is being answered, so that nobody holds an answer back."""
    c.turn = None
    for utterance in c.listening.all:
        utterance.barging = False
    for timer in (Timer.PLAYBACK, Timer.ASK, Timer.VERDICT):
        c.want(do.StopTimer(timer))


def leave_behind(c: Conversation, turn: Turn) -> None:
    """A text overtook the turn: it was interrupted before its answer began. Its words are kept."""
    turn.interrupted = True
    c.memory.remember(turn.turn_id, turn.user_text, "")
    c.emit(out.SoundEnded(turn.ref, 0, turn.config.tts_mode))
    records.keep_closed(c, turn)
    _done(c, turn)


def _close_reply(c: Conversation, turn: Turn, reply: Reply) -> None:
    if not reply.text_sent and reply.text.strip():
        reply.text_sent = True
        c.emit(out.AnswerComplete(turn.ref, reply.text.strip()))
    if not reply.sound_ended:
        reply.sound_ended = True
        c.emit(out.SoundEnded(turn.ref, reply.sample_rate, turn.config.tts_mode))


def _leave(c: Conversation, turn: Turn) -> None:
    turn.mark(Mark.ENDED, c.now)
    c.last = turn
    leave_reply(c)


def _done(c: Conversation, turn: Turn) -> None:
    c.emit(out.TurnEnded(turn.ref, records.timings(turn), turn.interrupted, turn.heard))
    c.keep_finished(records.view(c, turn))
    # The sound is with the store now; a finished turn is kept for an edit of its words only.
    turn.user_pcm = None
    if turn.reply is not None:
        turn.reply.sound = bytearray()
    if c.turn is None and not c.listening.busy:
        c.rest()


def names(turn: Turn, turn_id: object, revision: int | None) -> bool:
    """Whether a client means `turn`; one that gives no revision means the newest."""
    return turn.turn_id == turn_id and revision in (None, turn.revision)
