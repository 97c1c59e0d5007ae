"""A client goes and comes back: to the same session, or to one that another gateway held.

::

    socket gone ─▶ away: the answer is written on, its sound waits, the clock stands still
    same gateway ─▶ attached ─┬─ the client has all but the last frames: those, and on
                              └─ it has nothing (a reload): the turn is told anew
    another one ──▶ restored: memory and configuration as they were; an open turn is done again
"""

from __future__ import annotations

import re

from avatar_contract.audio import pcm_bytes
from avatar_contract.records import ClaimedSession, TurnView
from gateway.session import effects as do
from gateway.session import inputs as on
from gateway.session import outputs as out
from gateway.session import records
from gateway.session.answering import answer, new_reply, pump
from gateway.session.config import SessionConfig
from gateway.session.ending import watch_playback
from gateway.session.ledger import join_clauses
from gateway.session.moments import Mark
from gateway.session.state import Conversation
from gateway.session.turns import Clause, Reply, Turn
from gateway.session.utterances import announce, said

_WIDE = re.compile(r"[\u3400-\u9fff]")
_WIDE_CHARS_A_S, _CHARS_A_S = 4.5, 15.0
"""How fast a voice speaks, for a reply of which only the time is known that was heard."""


def on_detached(c: Conversation, _: on.ClientDetached) -> None:
    """The socket is gone, the session stays."""
    c.away = True
    turn = c.turn
    if turn is None or turn.reply is None:
        return
    turn.reply.clock.pause(c.now)
    turn.heard = turn.reply.ledger.heard(turn.reply.clock.position(c.now))
    records.keep_open(c, turn)


def on_attached(c: Conversation, event: on.ClientAttached) -> None:
    """The client is back, on this or another socket."""
    c.away = False
    newest = c.listening.all[-1:]
    if newest and newest[0].turn is not None:
        _tell_spoken(c, newest[0].turn)
    turn = c.turn
    if turn is None:
        c.say_state()
        return
    reply = turn.reply
    played = event.played_ms if event.names(turn.turn_id, turn.revision) else None
    if event.retell:
        _retell(c, turn, played or 0.0)
    elif reply is not None and played is not None:
        reply.clock.report(played, c.now)
    c.say_state(turn)
    if reply is not None and not reply.held:
        reply.clock.resume(c.now)
        pump(c, turn, reply)
        if c.turn is turn:
            watch_playback(c, turn)


def restore(c: Conversation, claimed: ClaimedSession) -> None:
    """Puts back what the gateway before knew; nothing is said yet."""
    c.epoch = claimed.epoch
    c.config = SessionConfig.from_json(claimed.config)
    c.next_number = claimed.next_turn_number
    for view in claimed.turns[:-1]:
        _take_over(c, view)
    # The newest one, if it is open, is for `on_reopened`.
    for view in claimed.turns[-1:]:
        if view.state == "closed":
            _take_over(c, view)


def _take_over(c: Conversation, view: TurnView) -> None:
    """Remembers a turn that another gateway held; one whose record is late is read again."""
    if view.state == "open":
        c.want(do.AwaitRecord(view.utterance_id))
    else:
        c.keep_finished(view)
    if view.user_text:
        c.last = _turn_of(c, view)
        _recall(c, view)


def _recall(c: Conversation, view: TurnView) -> None:
    if view.state == "open":
        heard = view.heard_text or view.ai_text
    else:
        whole = not view.interrupted and view.error is None
        heard = view.ai_text if whole else view.heard_text
    c.memory.remember(view.turn_id, view.user_text, heard)


def on_record_read(c: Conversation, event: on.RecordRead) -> None:
    """What was heard in the end of an answer that another gateway gave.

    The person may have corrected their words here meanwhile: then this is no longer the turn.
    """
    view = event.view
    here = c.finished.get(view.utterance_id)
    if here is not None and here.revision > view.revision:
        return
    if c.turn is not None and c.turn.turn_id == view.turn_id:
        return
    c.keep_finished(view)
    if c.memory.holds(view.turn_id):
        _recall(c, view)


def on_reopened(c: Conversation, event: on.TurnReopened) -> None:
    """An open turn of the gateway before: what is left of its answer, or the answer anew.

    A turn without words waits for the client, who has its sound.
    """
    view = event.view
    if c.turn is not None or not view.user_text:
        return
    if not event.wanted:
        _take_over(c, view)
        return
    turn = _turn_of(c, view)
    turn.mark(Mark.SPEECH_END, c.now)
    _tell_words(c, turn)
    if view.ai_text:
        turn.reply = _stored_reply(c, turn, view, event.played_ms or 0.0)
        c.emit(out.AnswerComplete(turn.ref, turn.ai_text))
    answer(c, turn)


def _turn_of(c: Conversation, view: TurnView) -> Turn:
    turn = c.open_turn(view.utterance_id, typed=view.typed, known=view)
    turn.recognised, turn.edited = view.recognised_text, view.edited_text
    turn.language = view.language
    return turn


def _stored_reply(c: Conversation, turn: Turn, view: TurnView, played_ms: float) -> Reply:
    """A reply whose text is known: spoken from the clause on in which it broke off."""
    reply = new_reply(c, turn, turn.user_text, live=True)
    reply.text, reply.generated, reply.text_sent = view.ai_text, True, True
    texts = reply.cutter.feed(view.ai_text) + reply.cutter.flush()
    rate = _WIDE_CHARS_A_S if _WIDE.search(view.ai_text) else _CHARS_A_S
    heard_chars = len(view.heard_text) or int(played_ms / 1000 * rate)
    first, count = 0, 0
    while first < len(texts) and count + len(texts[first]) <= heard_chars:
        count += len(texts[first])
        first += 1
    if first:
        reply.ledger.open(join_clauses(texts[:first]))
        reply.ledger.add(played_ms)
        reply.ledger.close()
        reply.continued, reply.sound_from_ms = True, played_ms
        if played_ms:
            reply.clock.sent(played_ms, c.now)
            reply.clock.report(played_ms, c.now)
    reply.clauses = [Clause(text) for text in texts[first:]]
    return reply


def _tell_spoken(c: Conversation, turn: Turn) -> None:
    """Where to go on speaking from: `offset` says how far the sound has come."""
    announce(c, turn)
    words = said(c, turn)
    if words:
        c.emit(out.Transcribed(turn.ref, words))


def _tell_words(c: Conversation, turn: Turn) -> None:
    text = turn.user_text
    c.emit(out.TurnAccepted(turn.ref, turn.utterance_id, c.tape.offset, c.tape.offset))
    c.emit(out.Transcribed(turn.ref, text, len(text), True, turn.language))


def _retell(c: Conversation, turn: Turn, played_ms: float) -> None:
    """The turn so far for a client that lost it: its words, and its sound from `played_ms` on."""
    _tell_words(c, turn)
    reply = turn.reply
    if reply is None or not reply.live:
        return
    if reply.text_sent:
        c.emit(out.AnswerComplete(turn.ref, reply.text.strip()))
    elif reply.text:
        c.emit(out.AnswerToken(turn.ref, reply.text))
    from_ms = min(max(played_ms, reply.sound_from_ms), reply.clock.sent_ms)
    reply.clock.rewind(from_ms, c.now)
    rate, mode = reply.sample_rate, turn.config.tts_mode
    for clause in reply.ledger.clauses:
        ends = clause.start_ms + clause.duration_ms
        if ends <= from_ms:
            continue
        first = pcm_bytes(max(from_ms, clause.start_ms) - reply.sound_from_ms, rate)
        pcm = bytes(reply.sound[first : pcm_bytes(ends - reply.sound_from_ms, rate)])
        c.emit(out.ClauseStarted(turn.ref, clause.text, rate, mode))
        c.emit(out.ClauseSound(turn.ref, pcm, rate, mode))
    if reply.sound_ended:
        c.emit(out.SoundEnded(turn.ref, rate, mode))
