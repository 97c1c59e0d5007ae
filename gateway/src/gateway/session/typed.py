"""Turns that come as words: typed ones, repeated ids, and corrections of the recogniser."""

from __future__ import annotations

from uuid import UUID

from avatar_contract.errors import (
    AlreadyProcessing,
    AvatarError,
    BadMessage,
    Conflict,
    PayloadTooLarge,
)
from gateway.session import effects as do
from gateway.session import inputs as on
from gateway.session import outputs as out
from gateway.session.answering import answer
from gateway.session.ending import cut, replay, settle
from gateway.session.hearing import on_final
from gateway.session.state import Conversation, Turn
from gateway.session.utterances import accept, close_utterance, discard_utterance, repeats


def on_typed(c: Conversation, event: on.Typed) -> None:
    """A typed turn."""
    complaint = _typed_complaint(c, event.text)
    if complaint is not None:
        c.emit(out.Failed(complaint))
        return
    if event.utterance_id is not None and repeats(c, event.utterance_id):
        return
    if c.utterance is not None and c.utterance.hands_free:
        discard_utterance(c)
    if event.utterance_id is None:
        _answer_typed(c, c.tools.new_id(), event.text)
    else:
        c.typed = (event.utterance_id, event.text)
        c.want(do.LookUp(event.utterance_id))


def on_looked_up(c: Conversation, event: on.LookedUp) -> None:
    """Whether the id that the client gave is a turn's from before."""
    if c.typed is not None and c.typed[0] == event.utterance_id:
        text, c.typed = c.typed[1], None
        if event.known is None:
            _answer_typed(c, event.utterance_id, text)
        else:
            replay(c, event.known)
        return
    utterance = c.utterance
    if utterance is None or utterance.utterance_id != event.utterance_id:
        return
    utterance.looking_up = False
    if event.known is not None:
        close_utterance(c, clear=True)
        replay(c, event.known)
        c.keep_finished(event.known)
        c.dropping = event.utterance_id
        c.rest()
        return
    accept(c, utterance)
    if utterance.final is not None:
        report, tape_ms = utterance.final
        on_final(c, report, tape_ms)


def on_edited(c: Conversation, event: on.Edited) -> None:
    """The recogniser was wrong: the last turn again, with the right words."""
    target = c.turn or c.closing or c.last
    fits = target is not None and target.turn_id == event.turn_id
    if target is None or not fits or c.utterance is not None or c.typed is not None:
        c.emit(out.Failed(Conflict("Only the last turn can be corrected.")))
        return
    if event.revision != target.revision + 1:
        text = f"This turn is at revision {target.revision}; the next is {target.revision + 1}."
        c.emit(out.Failed(Conflict(text), target.ref))
        return
    cut(c)
    settle(c)
    c.memory.forget(target.turn_id)
    turn = Turn(
        utterance_id=target.utterance_id,
        turn_id=target.turn_id,
        number=target.number,
        config=c.config,
        created_at=target.created_at,
        revision=event.revision,
        typed=target.typed,
        recognised=target.recognised,
        edited=event.text.strip(),
        language=target.language,
    )
    _answer_text(c, turn)


def _answer_typed(c: Conversation, utterance_id: UUID, text: str) -> None:
    cut(c)
    settle(c)
    turn = c.open_turn(utterance_id, typed=True)
    turn.recognised = text.strip()
    _answer_text(c, turn)


def _answer_text(c: Conversation, turn: Turn) -> None:
    """Answers words that came without sound."""
    turn.mark("speech_end", c.now)
    c.emit(out.TurnAccepted(turn.ref, turn.utterance_id, c.tape.offset, c.tape.offset))
    text = turn.user_text
    c.emit(out.Transcribed(turn.ref, text, len(text), True, turn.language))
    answer(c, turn)


def _typed_complaint(c: Conversation, text: str) -> AvatarError | None:
    if not text.strip():
        return BadMessage("The text is empty.")
    if len(text) > c.limits.max_text_chars:
        most = c.limits.max_text_chars
        return PayloadTooLarge(f"The text has {len(text)} characters; {most} are allowed.")
    if c.utterance is not None and not c.utterance.hands_free:
        return AlreadyProcessing("An utterance is open: end it before typing.")
    if c.typed is not None:
        return AlreadyProcessing("The text before this one is being taken.")
    return None
