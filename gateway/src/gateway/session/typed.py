"""Turns that come as words: typed ones, repeated ids, and corrections of the recogniser."""

from __future__ import annotations

from uuid import UUID

from avatar_contract.errors import (
    AlreadyProcessing,
    AvatarError,
    BadMessage,
    Conflict,
)
from avatar_contract.records import TurnView
from avatar_contract.text import is_visible
from gateway.session import effects as do
from gateway.session import inputs as on
from gateway.session import outputs as out
from gateway.session import records
from gateway.session.answering import answer, too_long
from gateway.session.concluding import settle
from gateway.session.ending import cut, replay
from gateway.session.moments import Mark
from gateway.session.overlap import release_reply
from gateway.session.state import Conversation
from gateway.session.turns import Turn
from gateway.session.utterances import accept, accept_words, close_utterance, drop_guess, repeats


def on_typed(c: Conversation, event: on.Typed) -> None:
    """A typed turn."""
    if c.typed is not None and c.typed[0] == event.utterance_id:
        # A client that came back says it again, while it is still being looked up.
        return
    complaint = _typed_complaint(c, event.text)
    if complaint is not None:
        c.emit(out.Failed(complaint))
        return
    if event.utterance_id is not None and repeats(c, event.utterance_id):
        return
    if c.typed is not None:
        if c.typed[0] == event.utterance_id:
            return
        # It gives way: the last text is the one that the person waits for.
        c.overtaken[c.typed[0]], c.typed = c.typed[1], None
    _overtake_spoken(c)
    if event.utterance_id is None:
        _answer_typed(c, c.tools.new_id(), event.text)
    else:
        c.typed = (event.utterance_id, event.text)
        c.want(do.LookUp(event.utterance_id))


def on_looked_up(c: Conversation, event: on.LookedUp) -> None:
    """Whether the id that the client gave is a turn's from before."""
    if c.typed is not None and c.typed[0] == event.utterance_id:
        text, c.typed = c.typed[1], None
        if event.known is None or event.known.state == "open":
            _answer_typed(c, event.utterance_id, text, event.known)
        else:
            replay(c, event.known)
        return
    if event.utterance_id in c.overtaken:
        _leave_behind(c, event.utterance_id, c.overtaken.pop(event.utterance_id), event.known)
        return
    utterance = c.listening.identified(event.utterance_id)
    if utterance is None:
        return
    utterance.looking_up = False
    if event.known is not None and event.known.state == "closed":
        close_utterance(c, utterance, clear=True)
        replay(c, event.known)
        c.keep_finished(event.known)
        c.dropping = event.utterance_id
        c.rest()
        settle(c)
        return
    utterance.known = event.known
    if utterance.hands_free:
        accept_words(c, utterance)
    else:
        accept(c, utterance)
    settle(c)


def on_edited(c: Conversation, event: on.Edited) -> None:
    """The recogniser was wrong: the last turn again, with the right words."""
    target = c.turn or c.last
    fits = target is not None and target.turn_id == event.turn_id
    if target is None or not fits or c.listening.busy or c.typed is not None:
        c.emit(out.Failed(Conflict("Only the last turn can be corrected.")))
        return
    if event.revision != target.revision + 1:
        text = f"This turn is at revision {target.revision}; the next is {target.revision + 1}."
        c.emit(out.Failed(Conflict(text), target.ref))
        return
    complaint = _text_complaint(c, event.text)
    if complaint is not None:
        c.emit(out.Failed(complaint, target.ref))
        return
    cut(c)
    c.memory.forget(target.turn_id)
    turn = Turn(
        session_id=target.session_id,
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


def _overtake_spoken(c: Conversation) -> None:
    """What is being said, or was and is not understood yet, gives way: it gets no answer."""
    for utterance in c.listening.all:
        utterance.overtaken = True
        drop_guess(c, utterance.turn)
        release_reply(c, utterance)


def _answer_typed(
    c: Conversation, utterance_id: UUID, text: str, known: TurnView | None = None
) -> None:
    cut(c)
    turn = c.open_turn(utterance_id, typed=True, known=known)
    turn.recognised = text.strip()
    _answer_text(c, turn)


def _leave_behind(c: Conversation, utterance_id: UUID, text: str, known: TurnView | None) -> None:
    """A text that another overtook: it is a turn that was interrupted before its answer began."""
    if known is not None and known.state == "closed":
        replay(c, known)
        return
    turn = c.open_turn(utterance_id, typed=True, known=known)
    turn.recognised = text.strip()
    turn.interrupted = True
    if c.typed is not None:
        c.memory.remember(turn.turn_id, turn.user_text, "")
    _announce_text(c, turn)
    c.emit(out.SoundEnded(turn.ref, 0, turn.config.tts_mode))
    records.keep_closed(c, turn)
    c.emit(out.TurnEnded(turn.ref, {}, True, ""))
    c.keep_finished(records.view(c, turn))


def _answer_text(c: Conversation, turn: Turn) -> None:
    """Answers words that came without sound."""
    turn.mark(Mark.SPEECH_END, c.now)
    _announce_text(c, turn)
    answer(c, turn)


def _announce_text(c: Conversation, turn: Turn) -> None:
    c.emit(out.TurnAccepted(turn.ref, turn.utterance_id, c.tape.offset, c.tape.offset))
    text = turn.user_text
    c.emit(out.Transcribed(turn.ref, text, len(text), True, turn.language))


def _typed_complaint(c: Conversation, text: str) -> AvatarError | None:
    complaint = _text_complaint(c, text)
    if complaint is not None:
        return complaint
    if c.utterance is not None and not c.utterance.hands_free:
        return AlreadyProcessing("An utterance is open: end it before typing.")
    return None


def _text_complaint(c: Conversation, text: str) -> AvatarError | None:
    """What keeps a text from being a question, if anything does."""
    if not is_visible(text):
        return BadMessage("The text is empty: there is nothing in it to see.")
    return too_long(c, c.config, text, c.limits.max_text_chars)
