"""How an utterance ends. Each leaves by one of three doors, in the order in which it was spoken.

::

    words    ─▶ joined to its turn ──▶ answered, once no more of that turn is awaited
    nothing  ─▶ a cough, a murmur: whatever it held back goes on
    an error ─▶ said, with the sound kept; what else was said of its turn is answered
"""

from __future__ import annotations

from avatar_contract import listen
from avatar_contract.errors import ERRORS, AvatarError, NoSpeech, StageError
from gateway.session import effects as do
from gateway.session import outputs as out
from gateway.session import records
from gateway.session.answering import answer
from gateway.session.ending import cut, fail, leave_behind
from gateway.session.joining import join_words
from gateway.session.listening import Ending, Phase, Utterance
from gateway.session.moments import Mark
from gateway.session.overlap import continues, hold_answer, judge_words, release_reply
from gateway.session.state import Conversation
from gateway.session.turns import Turn
from gateway.session.utterances import (
    accept,
    announce,
    close_utterance,
    drop_guess,
    keep_own_voice,
    said,
)
from gateway.text.words import is_murmur, same_words


def settle(c: Conversation) -> None:
    """Takes the endings that are there, up to the first utterance that has none yet."""
    while True:
        oldest = c.listening.oldest
        if oldest is None or oldest.ending is None or oldest.looking_up:
            return
        _conclude(c, oldest, oldest.ending)


def fail_utterance(
    c: Conversation, utterance: Utterance, error: AvatarError, *, clear: bool
) -> None:
    """The utterance ends in `error`. What was understood of its turn is answered all the same."""
    if utterance.phase is Phase.OPEN and not utterance.hands_free:
        c.dropping = utterance.utterance_id
    turn, pcm = utterance.turn, b""
    if isinstance(error, StageError) or utterance.hands_free:
        # Nobody understood it: its sound is all that there is of it.
        pcm = c.tape.cut(utterance.from_ms, _until(c, utterance))
    c.tape.understood_ms = _until(c, utterance)
    close_utterance(c, utterance, clear=clear)
    if turn is not None and (turn.recognised or c.listening.of(turn)):
        _keep_sound(turn, pcm)
        c.emit(out.Failed(error, turn.ref))
        go_on(c, turn, overtaken=utterance.overtaken)
    elif turn is None and c.turn is not None and continues(c, utterance):
        _keep_sound(c.turn, pcm)
        c.emit(out.Failed(error, c.turn.ref))
        release_reply(c, utterance)
    else:
        release_reply(c, utterance)
        _fail_alone(c, utterance, error, pcm)


def go_on(c: Conversation, turn: Turn, *, overtaken: bool = False) -> None:
    """A part of the turn is over. When no other is awaited, it is answered."""
    if c.listening.of(turn):
        if turn.recognised:
            c.emit(out.Transcribed(turn.ref, said(c, turn), len(turn.recognised)))
            records.keep_open(c, turn)
        return
    if not turn.recognised:
        drop_guess(c, turn)
        fail(c, turn, NoSpeech("Nothing was heard. Is the microphone on?"))
        return
    text = turn.recognised
    if c.turn is not None and not overtaken:
        cut(c)
    if turn.hands_free:
        announce(c, turn)
    c.emit(out.Transcribed(turn.ref, text, len(text), True, turn.language))
    if overtaken:
        drop_guess(c, turn)
        leave_behind(c, turn)
        return
    _keep_guess(c, turn, text)
    answer(c, turn, held=c.listening.busy)
    if c.turn is turn:
        hold_answer(c)


def _conclude(c: Conversation, utterance: Utterance, ending: Ending) -> None:
    report = ending.report
    c.tape.understood_ms = report.audio_ms
    if isinstance(report, listen.Final):
        _take_final(c, utterance, report, ending.tape_ms)
    elif isinstance(report, listen.NoSpeech):
        _drop(c, utterance)
    else:
        fail_utterance(c, utterance, ERRORS[report.code](report.message), clear=False)


def _take_final(
    c: Conversation, utterance: Utterance, report: listen.Final, tape_ms: float
) -> None:
    utterance.words = report.text.strip()
    unwanted = False
    if not utterance.overtaken:
        judge_words(c, utterance, voice_ended=True)
        unwanted = utterance.dismissed or c.turn is not None
    if unwanted or not utterance.words or (utterance.hands_free and is_murmur(utterance.words)):
        _drop(c, utterance)
        return
    turn = utterance.turn or accept(c, utterance)
    if utterance.hands_free:
        # Sound is taken in as it is spoken: how far the tape ran on is how long ago that was.
        turn.marks[Mark.SPEECH_END] = c.now - max(0.0, c.tape.end_ms - report.audio_ms)
    turn.recognised = join_words(turn.recognised or "", utterance.words)
    turn.language = report.language
    until = report.audio_ms if utterance.hands_free else tape_ms
    pcm = c.tape.cut(utterance.from_ms, until)
    _keep_sound(turn, pcm)
    if turn.config.self_clone:
        keep_own_voice(c, pcm, utterance.words)
    close_utterance(c, utterance, clear=False)
    go_on(c, turn, overtaken=utterance.overtaken)


def _drop(c: Conversation, utterance: Utterance) -> None:
    """Hands-free it never was; a pressed button deserves a word."""
    turn = utterance.turn
    if turn is not None and utterance.hands_free and not is_murmur(utterance.words):
        _keep_sound(turn, c.tape.cut(utterance.from_ms, _until(c, utterance)))
    close_utterance(c, utterance, clear=False)
    release_reply(c, utterance)
    if turn is not None:
        go_on(c, turn, overtaken=utterance.overtaken)
    if c.turn is None and not c.listening.busy:
        c.rest()


def _fail_alone(c: Conversation, utterance: Utterance, error: AvatarError, pcm: bytes) -> None:
    turn = utterance.turn
    if turn is None and utterance.hands_free and not utterance.looking_up:
        turn = accept(c, utterance)
    if turn is None:
        c.emit(out.Failed(error))
    else:
        _keep_sound(turn, pcm)
        drop_guess(c, turn)
        fail(c, turn, error)
    if c.turn is None and not c.listening.busy:
        c.rest()


def _keep_sound(turn: Turn, pcm: bytes) -> None:
    if pcm and turn.config.store_audio:
        turn.user_pcm = (turn.user_pcm or b"") + pcm


def _keep_guess(c: Conversation, turn: Turn, text: str) -> None:
    """The guess is the answer, if it was on the right words."""
    guess, turn.guess = turn.guess, None
    if guess is None:
        return
    kept = same_words(guess.words, text)
    c.tools.speculation.ended(kept=kept)
    if kept:
        turn.reply = guess
    else:
        c.want(do.Cancel(guess.key))


def _until(c: Conversation, utterance: Utterance) -> float:
    """Where the utterance's sound is over at the latest, on the tape."""
    known = c.listening.all
    later = known[known.index(utterance) + 1 :]
    return later[0].from_ms if later else c.tape.end_ms
