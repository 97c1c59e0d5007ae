"""Steps that all ways of listening share: an utterance opens, becomes a turn, and is over."""

from __future__ import annotations

from uuid import UUID

from avatar_contract import listen
from avatar_contract.audio import pcm_ms
from avatar_contract.errors import (
    AvatarError,
)
from gateway.backends.protocols import OwnVoice
from gateway.session import effects as do
from gateway.session import outputs as out
from gateway.session.ending import fail, replay
from gateway.session.overlap import release_reply
from gateway.session.state import Conversation, Phase, Turn, Utterance

_OWN_VOICE_MIN_MS, _OWN_VOICE_MAX_MS = 1500.0, 12_000.0
"""Shorter says too little of a voice; engines take no longer references."""


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


def open_utterance(
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
    drop_guess(c, utterance)
    c.tape.let_go()
    c.want(do.StopTimer("chunks"))
    c.want(do.StopTimer("final"))
    if clear:
        c.clears += 1
        c.want(do.Listen(listen.Clear()))
    if not utterance.hands_free:
        c.want(do.TakeMicrophone(open=False))
    set_microphone(c)


def drop_guess(c: Conversation, utterance: Utterance) -> None:
    if utterance.guess is not None:
        c.want(do.Cancel(utterance.guess.key))
        utterance.guess = None
        c.tools.speculation.ended(kept=False)


def is_known(c: Conversation, utterance_id: UUID) -> bool:
    running = [turn.utterance_id for turn in (c.turn, c.closing) if turn]
    return utterance_id in c.finished or utterance_id in running


def repeats(c: Conversation, utterance_id: UUID) -> bool:
    """Whether the id is a turn's already; then that turn is what the client gets."""
    if utterance_id in c.finished:
        replay(c, c.finished[utterance_id])
        return True
    return is_known(c, utterance_id)
