"""The client's side of the microphone: push-to-talk, `configure`, and sound that is no good."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from avatar_contract import listen
from avatar_contract.errors import (
    AlreadyProcessing,
    BadMessage,
)
from avatar_contract.terms import State
from gateway.session import effects as do
from gateway.session import inputs as on
from gateway.session import outputs as out
from gateway.session.concluding import fail_utterance, settle
from gateway.session.ending import cut
from gateway.session.listening import Phase, Utterance
from gateway.session.moments import Mark, Timer
from gateway.session.state import Conversation
from gateway.session.utterances import (
    accept,
    announce,
    await_ending,
    is_known,
    open_utterance,
    repeats,
    set_microphone,
)

_SAME_UTTERANCE_MS = 1000.0


def wants(c: Conversation, utterance_id: UUID | None) -> bool:
    """Whether microphone bytes that are named `utterance_id`, or not named, are to be taken in."""
    utterance = c.utterance
    if utterance is None or utterance.hands_free:
        return c.free_mode
    return utterance.phase is Phase.OPEN and utterance_id in {None, utterance.utterance_id}


def on_configured(c: Conversation, event: on.Configured) -> None:
    """What it changes holds from the next turn on."""
    c.config = c.config.changed(event.change)
    c.want(do.Listen(c.config.listen(c.vocabulary)))
    chosen = event.change.get("voice_profile_id")
    if chosen is not None:
        c.want(do.CheckVoice(chosen))
    if not c.listening.busy:
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
        if named is None or named != current.utterance_id:
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
    start = c.announced[1] if c.announced else c.tape.offset
    c.announced = None
    utterance = open_utterance(c, named, start=start, from_ms=c.tape.end_ms)
    c.want(do.ResetMicrophone())
    c.want(do.SetTimer(Timer.CHUNKS, c.now + c.limits.chunk_timeout_s * 1000))
    if named is not None:
        utterance.looking_up = True
        c.want(do.LookUp(named))
    else:
        accept(c, utterance)
    c.status(State.LISTENING, utterance.turn)


def on_utterance_ended(c: Conversation, event: on.UtteranceEnded) -> None:
    """`audio_end`: push-to-talk wins over any endpointing.

    Of an utterance that has ended it says nothing new: a client that came back repeats it.
    """
    utterance, named = c.utterance, event.utterance_id
    dropped, c.dropping = c.dropping, None
    mine = utterance is not None and named in (None, utterance.utterance_id)
    if utterance is None or not mine or utterance.phase is Phase.ENDING:
        named = named or dropped
        if named is None or not (named == dropped or _has_ended(c, named)):
            complaint = BadMessage("audio_end, but no utterance is open: send audio first.")
            c.emit(out.Failed(complaint))
        else:
            _forget_announcement(c, named)
        return
    _forget_announcement(c, utterance.utterance_id)
    utterance.phase = Phase.ENDING
    utterance.spoken_until = c.now
    if not utterance.hands_free:
        c.want(do.ResetMicrophone())
    c.want(do.StopTimer(Timer.CHUNKS))
    await_ending(c, utterance)
    if utterance.turn is not None:
        announce(c, utterance.turn)
        utterance.turn.mark(Mark.SPEECH_END, c.now)
    c.status(State.TRANSCRIBING, utterance.turn)
    c.want(do.Listen(listen.Commit()))


def on_intake_failed(c: Conversation, event: on.IntakeFailed) -> None:
    """The utterance's bytes were no good, too many or too late; the session goes on."""
    if c.utterance is None:
        c.emit(out.Failed(event.error))
        return
    fail_utterance(c, c.utterance, event.error, clear=True)
    settle(c)


def _has_ended(c: Conversation, utterance_id: UUID) -> bool:
    """Whether the utterance, which is not open, is known: its words are awaited, or are there."""
    return c.listening.identified(utterance_id) is not None or is_known(c, utterance_id)


def _forget_announcement(c: Conversation, utterance_id: UUID) -> None:
    """`audio_start` that was repeated for this utterance names no next one."""
    if c.announced is not None and c.announced[0] == utterance_id:
        c.announced = None


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
