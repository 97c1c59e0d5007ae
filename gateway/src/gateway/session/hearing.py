"""From microphone to final words: utterances, push-to-talk and hands-free, and typed turns."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from avatar_contract import listen
from avatar_contract.errors import (
    ERRORS,
    AlreadyProcessing,
    AvatarError,
    BadMessage,
    NoSpeech,
    SttUnavailable,
)
from avatar_contract.wire import State
from gateway.backends.protocols import OwnVoice
from gateway.session import effects as do
from gateway.session import inputs as on
from gateway.session import outputs as out
from gateway.session.answering import answer, start_reply
from gateway.session.ending import cut, fail, replay, settle
from gateway.session.overlap import hold_reply, judge_words, release_reply
from gateway.session.state import Conversation, Phase, Turn, Utterance
from gateway.text.words import is_murmur, same_words

_SAME_UTTERANCE_MS = 1000.0
_OWN_VOICE_MIN_MS, _OWN_VOICE_MAX_MS = 1500.0, 12_000.0
"""Shorter says too little of a voice; engines take no longer references."""

# --- the client's side ----------------------------------------------------------------------


def on_configured(c: Conversation, event: on.Configured) -> None:
    """What it changes holds from the next turn on."""
    c.config = c.config.changed(event.change)
    c.want(do.Listen(c.config.listen(c.vocabulary)))
    if event.change.voice_profile_id is not None:
        c.want(do.CheckVoice(event.change.voice_profile_id))
    if c.utterance is None:
        set_microphone(c)


def on_voice_missing(c: Conversation, event: on.VoiceMissing) -> None:
    """The chosen voice can't be had: say so, and speak with the default one."""
    if c.config.voice_profile_id == event.voice_profile_id:
        c.config = replace(c.config, voice_profile_id=None)
    c.emit(out.Failed(event.error))


def on_announced(c: Conversation, event: on.UtteranceAnnounced) -> None:
    """`audio_start` names the utterance whose frames come next."""
    c.announced = (event.utterance_id, event.sample)


def on_chunk(c: Conversation, event: on.ChunkArrived) -> None:
    """Push-to-talk sound that belongs to no open utterance: it opens one, or is refused."""
    named = event.utterance_id or (c.announced[0] if c.announced else None)
    current = c.utterance
    if current is not None:
        _refuse_second(c, current)
        return
    if _is_dropped(c, named):
        return
    if named is not None and repeats(c, named):
        c.dropping = named
        return
    c.dropping = None
    if c.turn is not None:
        cut(c)
    settle(c)
    start = c.announced[1] if c.announced else c.tape.offset
    c.announced = None
    utterance = _open(c, named, start=start, from_ms=c.tape.end_ms, hands_free=False)
    c.want(do.TakeMicrophone(open=True, fresh=True))
    c.want(do.SetTimer("chunks", c.now + c.limits.chunk_timeout_s * 1000))
    if named is not None:
        utterance.looking_up = True
        c.want(do.LookUp(named))
    else:
        accept(c, utterance)
    c.status(State.LISTENING, utterance.turn)


def on_utterance_ended(c: Conversation, event: on.UtteranceEnded) -> None:
    """`audio_end`: push-to-talk wins over any endpointing."""
    utterance = c.utterance
    known = event.utterance_id is not None and is_known(c, event.utterance_id)
    known = known or (c.dropping is not None and event.utterance_id in {None, c.dropping})
    c.dropping = None
    mine = utterance is not None and event.utterance_id in (None, utterance.utterance_id)
    if utterance is None or not mine or utterance.phase is Phase.ENDING:
        if not known or (mine and utterance is not None):
            complaint = BadMessage("audio_end, but no utterance is open: send audio first.")
            c.emit(out.Failed(complaint))
        return
    utterance.phase = Phase.ENDING
    utterance.spoken_until = c.now
    if not utterance.hands_free:
        c.want(do.TakeMicrophone(open=False))
    c.want(do.StopTimer("chunks"))
    c.want(do.SetTimer("final", c.now + c.policy.final_timeout_ms))
    if utterance.turn is not None:
        announce(c, utterance, utterance.turn)
        utterance.turn.mark("speech_end", c.now)
    c.status(State.TRANSCRIBING, utterance.turn)
    c.want(do.Listen(listen.Commit()))


def on_intake_failed(c: Conversation, event: on.IntakeFailed) -> None:
    """The utterance's bytes were no good, too many or too late; the session goes on."""
    end_utterance(c, event.error, clear=True)


# --- stt's side -----------------------------------------------------------------------------


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
        _drop_guess(c, c.utterance)
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
    utterance = _open(c, named, start=start, from_ms=report.audio_ms, hands_free=True)
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
    _drop_guess(c, utterance)
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


# --- shared steps ---------------------------------------------------------------------------


def accept(c: Conversation, utterance: Utterance) -> Turn:
    """The utterance becomes a turn."""
    turn = c.open_turn(utterance.utterance_id, typed=False)
    utterance.turn = turn
    announce(c, utterance, turn)
    if utterance.phase is Phase.ENDING:
        turn.mark("speech_end", utterance.spoken_until or c.now)
    return turn


def keep_own_voice(c: Conversation, pcm: bytes, text: str) -> None:
    """Keeps the recording as the person's own voice, when it is the best so far."""
    known = pcm_ms(len(c.own_voice.pcm)) if c.own_voice else _OWN_VOICE_MIN_MS
    if known < pcm_ms(len(pcm)) <= _OWN_VOICE_MAX_MS:
        c.own_voice = OwnVoice(c.session_id, str(len(pcm)), pcm, text)


def announce(c: Conversation, utterance: Utterance, turn: Turn) -> None:
    """`accepted`: when a turn opens, and again at its endpoint."""
    c.emit(out.TurnAccepted(turn.ref, turn.utterance_id, utterance.start, c.tape.offset))


def end_utterance(c: Conversation, error: AvatarError, *, clear: bool) -> None:
    """The open utterance ends in `error`; its turn, where it has one, ends with it."""
    utterance = c.utterance
    if utterance is None:
        c.emit(out.Failed(error))
        return
    if utterance.phase is Phase.OPEN and not utterance.hands_free:
        c.dropping = utterance.utterance_id
    close_utterance(c, clear=clear)
    release_reply(c, utterance)
    if utterance.turn is not None:
        fail(c, utterance.turn, error)
    else:
        c.emit(out.Failed(error))
    if c.turn is None:
        c.rest()


def discard_utterance(c: Conversation) -> None:
    """The open utterance is not wanted: no error, and no answer."""
    utterance = c.utterance
    if utterance is None:
        return
    close_utterance(c, clear=True)
    release_reply(c, utterance)
    turn = utterance.turn
    if turn is not None:
        turn.interrupted = True
        c.emit(out.SoundEnded(turn.ref, 0, turn.config.tts_mode))
        c.emit(out.TurnEnded(turn.ref, {}, True, ""))


def set_microphone(c: Conversation) -> None:
    """Opens or closes the microphone as the configuration says."""
    if c.config.hands_free != c.free_mode:
        c.free_mode = c.config.hands_free
        c.want(do.TakeMicrophone(open=c.free_mode, fresh=c.free_mode))
        if c.turn is None:
            c.rest()


def _open(
    c: Conversation, named: UUID | None, *, start: int, from_ms: float, hands_free: bool
) -> Utterance:
    c.utterance = Utterance(
        utterance_id=named or c.tools.new_id(),
        hands_free=hands_free,
        opened_at=c.now,
        start=start,
        from_ms=from_ms,
    )
    c.tape.hold(from_ms)
    return c.utterance


def close_utterance(c: Conversation, *, clear: bool) -> None:
    """The utterance is over for the microphone and for stt."""
    utterance, c.utterance = c.utterance, None
    if utterance is None:
        return
    _drop_guess(c, utterance)
    c.tape.let_go()
    c.want(do.StopTimer("chunks"))
    c.want(do.StopTimer("final"))
    if clear:
        c.clears += 1
        c.want(do.Listen(listen.Clear()))
    if not utterance.hands_free:
        c.want(do.TakeMicrophone(open=False))
    set_microphone(c)


def _accept_words(c: Conversation, utterance: Utterance) -> Turn | None:
    """The utterance's turn, opened by its first words that are more than a murmur."""
    if utterance.turn is not None or utterance.looking_up:
        return utterance.turn
    if c.turn is not None or not utterance.words or is_murmur(utterance.words):
        return None
    settle(c)
    return accept(c, utterance)


def _drop_guess(c: Conversation, utterance: Utterance) -> None:
    if utterance.guess is not None:
        c.want(do.Cancel(utterance.guess.key))
        utterance.guess = None
        c.tools.speculation.ended(kept=False)


def _refuse_second(c: Conversation, current: Utterance) -> None:
    if not current.refused:
        current.refused = True
        text = "The utterance before this one is being understood; wait for its transcription."
        c.emit(out.Failed(AlreadyProcessing(text)))


def _is_dropped(c: Conversation, named: UUID | None) -> bool:
    """Whether the chunk is the rest of an utterance that is over.

    A client that gives no ids and sends no `audio_end` after an error begins its next utterance
    after a pause.
    """
    if c.dropping is None or named not in {None, c.dropping}:
        return False
    return named is not None or c.now - c.tape.fed_at < _SAME_UTTERANCE_MS


def is_known(c: Conversation, utterance_id: UUID) -> bool:
    running = [turn.utterance_id for turn in (c.turn, c.closing) if turn]
    return utterance_id in c.finished or utterance_id in running


def repeats(c: Conversation, utterance_id: UUID) -> bool:
    """Whether the id is a turn's already; then that turn is what the client gets."""
    if utterance_id in c.finished:
        replay(c, c.finished[utterance_id])
        return True
    return is_known(c, utterance_id)
