"""The reducer: one event in, the effects it wants out. No I/O, no clock, no tasks.

The way of a spoken turn, top to bottom:

1. `microphone.on_chunk` or stt's `speech_started` opens an utterance; `utterances.accept` its turn.
2. `hearing.on_reported` takes partials and pauses; a pause begins a guess
   (`answering.start_reply`).
3. `concluding.settle` takes endings in order; `answering.answer` keeps the guess or asks anew.
4. `answering.on_delta` cuts clauses, `answering.pump` speaks and sends them.
5. `overlap` judges whoever speaks meanwhile.
6. `ending.finish` or `ending.cut` says what was heard, remembers it and has it kept.
7. `resuming` lets a client go and come back meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from avatar_contract.errors import AudioTimeout
from gateway.session import (
    answering,
    concluding,
    ending,
    hearing,
    microphone,
    overlap,
    resuming,
    typed,
    utterances,
)
from gateway.session import inputs as on
from gateway.session.effects import CheckVoice, Effect, ForgetVoice, SetTimer
from gateway.session.moments import Timer
from gateway.session.state import Conversation


def step(c: Conversation, event: on.Input, now: float) -> list[Effect]:
    """Takes `event` at `now` (ms of the session's clock); returns what is to be done, in order."""
    c.now = now
    _HANDLERS[type(event)](c, event)
    effects, c.effects = c.effects, []
    return effects


def start(c: Conversation, now: float) -> list[Effect]:
    """The session opened."""
    c.now = now
    c.want(CheckVoice(None))
    c.rest()
    effects, c.effects = c.effects, []
    return effects


def _on_timer(c: Conversation, event: on.TimerFired) -> None:
    _TIMERS[event.name](c)


def _on_chunk_timeout(c: Conversation) -> None:
    seconds = c.limits.chunk_timeout_s
    due = c.tape.fed_at + seconds * 1000
    if c.now < due:
        c.want(SetTimer(Timer.CHUNKS, due))
        return
    error = AudioTimeout(f"No audio came for {seconds:g} s while an utterance was open.")
    if c.utterance is not None:
        concluding.fail_utterance(c, c.utterance, error, clear=True)
        concluding.settle(c)


def _on_playback_due(c: Conversation) -> None:
    if c.turn is not None:
        ending.watch_playback(c, c.turn)


def _on_ask_due(c: Conversation) -> None:
    if c.turn is not None and c.turn.reply is not None:
        answering.pump(c, c.turn, c.turn.reply)


def _on_session_ended(c: Conversation, _: on.SessionEnded) -> None:
    for utterance in c.listening.all:
        utterances.drop_guess(c, utterance.turn)
        utterances.close_utterance(c, utterance, clear=False)
    ending.leave_open(c)
    if c.own_voice is not None:
        c.want(ForgetVoice(c.session_id))


_HANDLERS: dict[type, Callable[[Conversation, Any], None]] = {
    on.Configured: microphone.on_configured,
    on.VoiceMissing: microphone.on_voice_missing,
    on.UtteranceAnnounced: microphone.on_announced,
    on.ChunkArrived: microphone.on_chunk,
    on.UtteranceEnded: microphone.on_utterance_ended,
    on.IntakeFailed: microphone.on_intake_failed,
    on.Typed: typed.on_typed,
    on.LookedUp: typed.on_looked_up,
    on.Edited: typed.on_edited,
    on.ListenReported: hearing.on_reported,
    on.ListenLost: hearing.on_listen_lost,
    on.AnswerDelta: answering.on_delta,
    on.AnswerEnded: answering.on_answer_ended,
    on.AnswerFailed: answering.on_answer_failed,
    on.SpeechOpened: answering.on_speech_opened,
    on.SpeechPiece: answering.on_speech_piece,
    on.SpeechEnded: answering.on_speech_ended,
    on.SpeechFailed: answering.on_speech_failed,
    on.Interrupted: overlap.on_interrupted,
    on.Played: ending.on_played,
    on.Stored: ending.on_stored,
    on.StoreFailed: ending.on_store_failed,
    on.ClientDetached: resuming.on_detached,
    on.ClientAttached: resuming.on_attached,
    on.TurnReopened: resuming.on_reopened,
    on.RecordRead: resuming.on_record_read,
    on.SessionEnded: _on_session_ended,
    on.TimerFired: _on_timer,
}

_TIMERS: dict[Timer, Callable[[Conversation], None]] = {
    Timer.CHUNKS: _on_chunk_timeout,
    Timer.FINAL: hearing.on_final_timeout,
    Timer.VERDICT: overlap.on_verdict,
    Timer.PLAYBACK: _on_playback_due,
    Timer.ASK: _on_ask_due,
}
