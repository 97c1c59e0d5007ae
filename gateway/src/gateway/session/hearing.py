"""What stt reports of utterances: partials, pauses, guesses, and endings taken in order."""

from __future__ import annotations

from avatar_contract import listen
from avatar_contract.errors import ERRORS, SttUnavailable
from avatar_contract.terms import State
from gateway.session import effects as do
from gateway.session import inputs as on
from gateway.session import outputs as out
from gateway.session.answering import start_reply, too_long
from gateway.session.concluding import fail_utterance, settle
from gateway.session.listening import Ending, Utterance
from gateway.session.moments import Timer
from gateway.session.overlap import hold_reply, judge_words
from gateway.session.state import Conversation
from gateway.session.turns import Turn
from gateway.session.utterances import (
    accept_words,
    await_ending,
    drop_guess,
    expect_more,
    open_utterance,
    said,
    watch_endings,
)
from gateway.text.words import same_words

_MOST_REPLAYS = 2


def on_reported(c: Conversation, event: on.ListenReported) -> None:
    """stt reports."""
    report = event.event
    if isinstance(report, listen.Cleared):
        c.clears = max(0, c.clears - 1)
    elif c.clears:
        return
    elif isinstance(report, listen.SpeechStarted):
        _on_speech_started(c, report)
    else:
        utterance = c.listening.numbered(report.utterance)
        if utterance is not None:
            _on_report(c, utterance, report, event.tape_ms)
        elif isinstance(report, listen.ListenError) and not report.utterance:
            c.emit(out.Failed(ERRORS[report.code](report.message)))


def on_listen_lost(c: Conversation, event: on.ListenLost) -> None:
    """The recogniser is gone. What it has not answered is told to the next one, if there is one.

    Sound that ends recognisers is not told to ever more of them.
    """
    c.clears = 0
    lost = c.listening.all
    for utterance in lost:
        if event.for_good or _is_apart(utterance, lost[-1]):
            fail_utterance(c, utterance, event.error, clear=False)
    one = c.listening.reunite()
    if one is None:
        return
    one.replays += 1
    if one.replays > _MOST_REPLAYS:
        fail_utterance(c, one, event.error, clear=False)
    elif one.hands_free:
        one.due_ms = c.now + c.policy.final_timeout_ms
        watch_endings(c)


def _is_apart(one: Utterance, newest: Utterance) -> bool:
    """Whether a text came between them: what it overtook is no part of what was said after it."""
    turns = one.turn is not None and newest.turn is not None and one.turn is not newest.turn
    return turns or one.overtaken is not newest.overtaken


def on_final_timeout(c: Conversation) -> None:
    """stt stalls."""
    for utterance in c.listening.all:
        if utterance.due_ms is not None and utterance.due_ms <= c.now:
            stalled = SttUnavailable("The recogniser did not answer in time.")
            fail_utterance(c, utterance, stalled, clear=True)
    watch_endings(c)
    settle(c)


def _on_report(
    c: Conversation, utterance: Utterance, report: listen.ListenEvent, tape_ms: float
) -> None:
    if isinstance(report, listen.Partial):
        utterance.words = report.text.strip()
        turn = _take_words(c, utterance, voice_ended=False)
        _show_words(c, utterance, turn, report.stable_chars)
    elif isinstance(report, listen.Pause):
        _on_pause(c, utterance, report, tape_ms)
    elif isinstance(report, listen.Resumed):
        drop_guess(c, utterance.turn)
        utterance.spoken_until = None
        if utterance is c.utterance:
            expect_more(c, utterance)
    elif isinstance(report, (listen.Final, listen.NoSpeech, listen.ListenError)):
        _on_ending(c, utterance, Ending(report, tape_ms))


def _on_speech_started(c: Conversation, report: listen.SpeechStarted) -> None:
    again = c.listening.numbered(report.utterance)
    if again is not None:
        if again.hands_free:
            expect_more(c, again)
        return
    current = c.utterance
    if current is not None and not current.hands_free:
        return
    named, start = c.announced or (None, c.tape.offset)
    c.announced = None
    number = report.utterance
    utterance = open_utterance(c, named, start=start, from_ms=report.audio_ms, number=number)
    c.want(do.SetTimer(Timer.CHUNKS, c.now + c.limits.chunk_timeout_s * 1000))
    if named is not None:
        utterance.looking_up = True
        c.want(do.LookUp(named))
    if c.turn is not None:
        hold_reply(c, utterance)
    else:
        c.status(State.LISTENING)


def _on_pause(c: Conversation, utterance: Utterance, report: listen.Pause, tape_ms: float) -> None:
    """Speech has probably ended: begin the reply, but let nothing of it out."""
    utterance.spoken_until = c.now - max(0.0, tape_ms - report.audio_ms)
    utterance.words = report.text.strip()
    await_ending(c, utterance)
    if utterance.barging:
        c.want(do.StopTimer(Timer.VERDICT))
    turn = _take_words(c, utterance, voice_ended=True)
    if turn is None or utterance.overtaken:
        return
    words = said(c, turn)
    if turn.guess is not None and same_words(turn.guess.words, words):
        return
    drop_guess(c, turn)
    if too_long(c, turn.config, words) is None and c.tools.speculation.allows():
        turn.guess = start_reply(c, turn, words, live=False)


def _on_ending(c: Conversation, utterance: Utterance, ending: Ending) -> None:
    utterance.ending, utterance.due_ms = ending, None
    watch_endings(c)
    if utterance is not c.listening.oldest and isinstance(ending.report, listen.Final):
        utterance.words = ending.report.text.strip()
        turn = _take_words(c, utterance, voice_ended=True)
        _show_words(c, utterance, turn, 0)
    settle(c)


def _take_words(c: Conversation, utterance: Utterance, *, voice_ended: bool) -> Turn | None:
    """Sees what the words mean for the reply in progress, and whose turn they are."""
    if utterance.overtaken:
        return utterance.turn
    judge_words(c, utterance, voice_ended=voice_ended)
    return accept_words(c, utterance)


def _show_words(c: Conversation, utterance: Utterance, turn: Turn | None, stable: int) -> None:
    if turn is None:
        return
    text, settled = said(c, turn), len(turn.recognised or "")
    if c.listening.of(turn) == [utterance]:
        settled = len(text) - len(utterance.words) + stable
    c.emit(out.Transcribed(turn.ref, text, min(settled, len(text))))
