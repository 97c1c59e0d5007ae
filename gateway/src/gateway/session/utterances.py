"""Steps that all ways of listening share: an utterance opens, becomes a turn, and is over."""

from __future__ import annotations

from uuid import UUID

from avatar_contract import listen
from avatar_contract.audio import pcm_ms
from gateway.session import effects as do
from gateway.session import outputs as out
from gateway.session import records
from gateway.session.ending import replay
from gateway.session.joining import join_words
from gateway.session.listening import Phase, Utterance
from gateway.session.moments import Mark, Timer
from gateway.session.ports import OwnVoice
from gateway.session.state import Conversation
from gateway.session.turns import Turn
from gateway.text.words import is_murmur

_OWN_VOICE_MIN_MS, _OWN_VOICE_MAX_MS = 1500.0, 12_000.0
"""Shorter says too little of a voice; engines take no longer references."""


def open_utterance(
    c: Conversation, named: UUID | None, *, start: int, from_ms: float, number: int | None = None
) -> Utterance:
    """A new one; stt's `number` is known where stt found it (hands-free)."""
    before = c.utterance
    if before is not None:
        await_ending(c, before)
    utterance = Utterance(
        utterance_id=named or c.tools.new_id(),
        hands_free=number is not None,
        opened_at=c.now,
        start=start,
        from_ms=from_ms,
        number=number,
    )
    c.listening.begin(utterance)
    c.hold_sound()
    if utterance.hands_free:
        expect_more(c, utterance)
    return utterance


def expect_more(c: Conversation, utterance: Utterance) -> None:
    """It is being spoken, which may last for as long as an utterance may."""
    longest_ms = c.limits.max_binary_s * 1000
    utterance.due_ms = utterance.opened_at + longest_ms + c.policy.final_timeout_ms
    watch_endings(c)


def await_ending(c: Conversation, utterance: Utterance) -> None:
    """It was spoken: stt has so long to say what it was."""
    if utterance.ending is None:
        due_ms = c.now + c.policy.final_timeout_ms
        utterance.due_ms = min(due_ms, utterance.due_ms or due_ms)
        watch_endings(c)


def watch_endings(c: Conversation) -> None:
    """Sets the timer to when the next wait is over."""
    due = [one.due_ms for one in c.listening.all if one.due_ms is not None]
    c.want(do.SetTimer(Timer.FINAL, min(due)) if due else do.StopTimer(Timer.FINAL))


def accept(c: Conversation, utterance: Utterance) -> Turn:
    """The utterance becomes a turn, or is again the open one that it was before."""
    turn = c.open_turn(utterance.utterance_id, typed=False, known=utterance.known)
    turn.hands_free, turn.start = utterance.hands_free, utterance.start
    utterance.turn = turn
    announce(c, turn)
    records.keep_open(c, turn)
    if utterance.phase is Phase.ENDING:
        turn.mark(Mark.SPEECH_END, utterance.spoken_until or c.now)
    return turn


def accept_words(c: Conversation, utterance: Utterance) -> Turn | None:
    """The utterance's turn, opened by its first words that are more than a murmur.

    It is that of the utterance before, where that one is not answered yet.
    """
    if utterance.turn is not None or utterance.looking_up:
        return utterance.turn
    if c.turn is not None or not utterance.words or is_murmur(utterance.words):
        return None
    together = _together(c, utterance)
    if any(one.looking_up for one in together):
        return None
    turns = [one.turn for one in together if one.turn is not None]
    turn = turns[-1] if turns else accept(c, together[0])
    join_turn(c, utterance, turn)
    return turn


def join_turn(c: Conversation, utterance: Utterance, turn: Turn) -> None:
    """The utterance is a part of `turn`, and so are those before it that are not ended yet."""
    for one in _together(c, utterance):
        if one.turn is None:
            one.turn = turn


def _together(c: Conversation, utterance: Utterance) -> list[Utterance]:
    """The utterance and those before it that no text has overtaken."""
    known = c.listening.all
    return [one for one in known[: known.index(utterance) + 1] if not one.overtaken]


def said(c: Conversation, turn: Turn) -> str:
    """All words of the turn so far."""
    return join_words(turn.recognised or "", *(one.words for one in c.listening.of(turn)))


def keep_own_voice(c: Conversation, pcm: bytes, text: str) -> None:
    """Keeps the recording as the person's own voice, when it is the best so far."""
    known = pcm_ms(len(c.own_voice.pcm)) if c.own_voice else _OWN_VOICE_MIN_MS
    if known < pcm_ms(len(pcm)) <= _OWN_VOICE_MAX_MS:
        c.own_voice = OwnVoice(c.session_id, str(len(pcm)), pcm, text)


def announce(c: Conversation, turn: Turn) -> None:
    """`accepted`: when a turn opens, and again at its endpoint."""
    c.emit(out.TurnAccepted(turn.ref, turn.utterance_id, turn.start, c.tape.offset))


def close_utterance(c: Conversation, utterance: Utterance, *, clear: bool) -> None:
    """The utterance is over for the microphone and, with `clear`, for stt.

    A clear would take the words of others from them: while stt works on any, what it still says of
    this one is of an unknown number.
    """
    was_open = c.utterance is utterance
    c.listening.remove(utterance)
    c.hold_sound()
    watch_endings(c)
    if was_open:
        c.want(do.StopTimer(Timer.CHUNKS))
    if clear and not c.listening.busy:
        c.clears += 1
        c.tape.understood_ms = c.tape.end_ms
        c.want(do.Listen(listen.Clear()))
    if not utterance.hands_free:
        c.want(do.ResetMicrophone())
    if not c.listening.busy:
        set_microphone(c)


def set_microphone(c: Conversation) -> None:
    """Opens or closes the microphone as the configuration says."""
    if c.config.hands_free != c.free_mode:
        c.free_mode = c.config.hands_free
        c.want(do.ResetMicrophone())
        if c.turn is None:
            c.rest()


def drop_guess(c: Conversation, turn: Turn | None) -> None:
    """The speculative reply of `turn` is of no use."""
    if turn is not None and turn.guess is not None:
        c.want(do.Cancel(turn.guess.key))
        turn.guess = None
        c.tools.speculation.ended(kept=False)


def is_known(c: Conversation, utterance_id: UUID) -> bool:
    running = c.turn is not None and c.turn.utterance_id == utterance_id
    return running or utterance_id in c.finished


def repeats(c: Conversation, utterance_id: UUID) -> bool:
    """Whether the id is a turn's already; then that turn is what the client gets."""
    if utterance_id in c.finished:
        replay(c, c.finished[utterance_id])
        return True
    return is_known(c, utterance_id)
