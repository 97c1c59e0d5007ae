"""From stt's reports to final words: partials, pauses, guesses, and who is meant."""

from __future__ import annotations

from avatar_contract import listen
from avatar_contract.errors import (
    ERRORS,
    NoSpeech,
    SttUnavailable,
)
from avatar_contract.wire import State
from gateway.session import effects as do
from gateway.session import inputs as on
from gateway.session import outputs as out
from gateway.session.answering import answer, start_reply
from gateway.session.ending import settle
from gateway.session.overlap import hold_reply, judge_words, release_reply
from gateway.session.state import Conversation, Phase, Turn, Utterance
from gateway.session.utterances import (
    accept,
    announce,
    close_utterance,
    drop_guess,
    end_utterance,
    keep_own_voice,
    open_utterance,
)
from gateway.text.words import is_murmur, same_words


def on_heard(c: Conversation, event: on.Heard) -> None:
    """stt reports."""
    report = event.event
    if isinstance(report, listen.Cleared):
        c.clears = max(0, c.clears - 1)
    elif c.clears:
        return
    elif isinstance(report, listen.SpeechStarted):
        _on_speech_started(c, report)
    elif c.utterance is None:
        _on_unowned(c, report)
    elif isinstance(report, listen.Partial):
        _on_partial(c, c.utterance, report)
    elif isinstance(report, listen.Pause):
        _on_pause(c, c.utterance, report, event.tape_ms)
    elif isinstance(report, listen.Resumed):
        drop_guess(c, c.utterance)
        c.utterance.spoken_until = None
    elif isinstance(report, listen.Final):
        on_final(c, report, event.tape_ms)
    elif isinstance(report, listen.NoSpeech):
        _on_no_speech(c, c.utterance)
    else:
        error = ERRORS[report.code](report.message)
        end_utterance(c, error, clear=False)


def on_listen_lost(c: Conversation, event: on.ListenLost) -> None:
    """The recogniser is gone; the next utterance tries it again."""
    c.clears = 0
    if c.utterance is not None:
        end_utterance(c, event.error, clear=False)


def on_final_timeout(c: Conversation) -> None:
    """stt stalls."""
    if c.utterance is not None and c.utterance.phase is Phase.ENDING:
        end_utterance(c, SttUnavailable("The recogniser did not answer in time."), clear=True)


def on_final(c: Conversation, report: listen.Final, tape_ms: float) -> None:
    """The words are final."""
    utterance = c.utterance
    if utterance is None:
        return
    if utterance.looking_up:
        utterance.final = (report, tape_ms)
        return
    utterance.words = report.text.strip()
    judge_words(c, utterance, voice_ended=True)
    nothing = not utterance.words or (utterance.hands_free and is_murmur(utterance.words))
    if nothing or utterance.dismissed or (utterance.turn is None and c.turn is not None):
        _on_no_speech(c, utterance)
        return
    turn = utterance.turn or accept(c, utterance)
    _take_final(c, utterance, turn, report, tape_ms)
    close_utterance(c, clear=False)
    answer(c, turn)


def _take_final(
    c: Conversation, utterance: Utterance, turn: Turn, report: listen.Final, tape_ms: float
) -> None:
    until = report.audio_ms if utterance.hands_free else tape_ms
    if utterance.hands_free:
        # Sound is taken in as it is spoken: how far the tape ran on is how long ago that was.
        turn.mark("speech_end", c.now - max(0.0, c.tape.end_ms - report.audio_ms))
        announce(c, utterance, turn)
    turn.recognised = utterance.words
    turn.language = report.language
    pcm = c.tape.cut(utterance.from_ms, until)
    turn.user_pcm = pcm if turn.config.store_audio else None
    if turn.config.self_clone:
        keep_own_voice(c, pcm, utterance.words)
    text = utterance.words
    c.emit(out.Transcribed(turn.ref, text, len(text), True, report.language))
    guess, utterance.guess = utterance.guess, None
    if guess is None:
        return
    kept = same_words(guess.words, text)
    c.tools.speculation.ended(kept=kept)
    if kept:
        turn.reply = guess
    else:
        c.want(do.Cancel(guess.key))


def _on_speech_started(c: Conversation, report: listen.SpeechStarted) -> None:
    if c.utterance is not None:
        return
    named, start = c.announced or (None, c.tape.offset)
    c.announced = None
    utterance = open_utterance(c, named, start=start, from_ms=report.audio_ms, hands_free=True)
    c.want(do.SetTimer("chunks", c.now + c.limits.chunk_timeout_s * 1000))
    if c.turn is not None:
        hold_reply(c, utterance)
    else:
        c.status(State.LISTENING)


def _on_partial(c: Conversation, utterance: Utterance, report: listen.Partial) -> None:
    utterance.words = report.text.strip()
    judge_words(c, utterance, voice_ended=False)
    turn = _accept_words(c, utterance)
    if turn is not None:
        c.emit(out.Transcribed(turn.ref, report.text, report.stable_chars))


def _on_pause(c: Conversation, utterance: Utterance, report: listen.Pause, tape_ms: float) -> None:
    """Speech has probably ended: begin the reply, but let nothing of it out."""
    utterance.spoken_until = c.now - max(0.0, tape_ms - report.audio_ms)
    utterance.words = report.text.strip()
    if utterance.barging:
        c.want(do.StopTimer("verdict"))
    judge_words(c, utterance, voice_ended=True)
    turn = _accept_words(c, utterance)
    if turn is None:
        return
    guess = utterance.guess
    if guess is not None and same_words(guess.words, utterance.words):
        return
    drop_guess(c, utterance)
    if c.tools.speculation.allows():
        utterance.guess = start_reply(c, turn, utterance.words, live=False)


def _on_no_speech(c: Conversation, utterance: Utterance) -> None:
    """A cough, a noise, or nothing: hands-free it never was; a pressed button deserves a word."""
    release_reply(c, utterance)
    if utterance.hands_free and utterance.turn is None:
        close_utterance(c, clear=False)
        if c.turn is None:
            c.rest()
        return
    end_utterance(c, NoSpeech("Nothing was heard. Is the microphone on?"), clear=False)


def _on_unowned(c: Conversation, report: listen.ListenEvent) -> None:
    if isinstance(report, listen.ListenError):
        c.emit(out.Failed(ERRORS[report.code](report.message)))


def _accept_words(c: Conversation, utterance: Utterance) -> Turn | None:
    """The utterance's turn, opened by its first words that are more than a murmur."""
    if utterance.turn is not None or utterance.looking_up:
        return utterance.turn
    if c.turn is not None or not utterance.words or is_murmur(utterance.words):
        return None
    settle(c)
    return accept(c, utterance)
