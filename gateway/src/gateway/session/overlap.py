"""Two speak at once: barge-in, backchannels, coughs, echo, and the button that stops.

::

    the answer sounds
    speech_started ─▶ pause, hold ─┬─ words ────────────────────▶ flush, cut, a new turn
                                   ├─ long sound without words ─▶ flush, cut
                                   ├─ a backchannel, a cough ───▶ resume
                                   └─ our own echo ─────────────▶ (never paused)

    it does not sound yet, and the question was spoken hands-free
    speech_started ─▶ hold ────────┬─ words ────────────────────▶ taken back: they join the question
                                   ├─ a murmur, a cough ────────▶ it goes on
                                   └─ sound for long, no words ─▶ it goes on
"""

from __future__ import annotations

from avatar_contract.terms import State
from gateway.session import effects as do
from gateway.session import inputs as on
from gateway.session import outputs as out
from gateway.session.answering import pump
from gateway.session.ending import cut, leave_reply, names, watch_playback
from gateway.session.listening import Utterance
from gateway.session.moments import Timer
from gateway.session.state import Conversation
from gateway.session.turns import Reply, Turn
from gateway.session.utterances import announce, join_turn
from gateway.text.words import is_backchannel, is_murmur, normalised

_ECHO_WINDOW_MS = 600.0


def continues(c: Conversation, utterance: Utterance) -> bool:
    """Whether who speaks goes on with the question, because no answer to it has sounded yet."""
    turn = c.turn
    if turn is None or not (turn.hands_free and utterance.hands_free) or turn.edited is not None:
        return False
    return turn.reply is None or not turn.reply.sounds


def hold_reply(c: Conversation, utterance: Utterance) -> None:
    """Somebody speaks during a reply: it is held until it is clear whether they mean it."""
    turn = c.turn
    if turn is None or turn.reply is None or utterance.barging or _is_echo(c):
        return
    utterance.barging = True
    was_held, turn.reply.held = turn.reply.held, True
    if continues(c, utterance):
        if not was_held:
            c.want(do.SetTimer(Timer.VERDICT, c.now + c.policy.unheard_hold_ms))
        return
    c.want(do.SetTimer(Timer.VERDICT, c.now + c.policy.verdict_ms))
    if not was_held:
        _pause(c, turn, turn.reply)


def hold_answer(c: Conversation) -> None:
    """An answer begins while somebody speaks again: it is held until it is clear what they say."""
    for utterance in c.listening.all:
        hold_reply(c, utterance)


def release_reply(c: Conversation, utterance: Utterance) -> None:
    """They did not mean it: go on where it was held, unless another voice holds it too."""
    if not utterance.barging:
        return
    utterance.barging = False
    if any(other.barging for other in c.listening.all):
        return
    c.want(do.StopTimer(Timer.VERDICT))
    turn = c.turn
    if turn is None or turn.reply is None:
        return
    reply = turn.reply
    reply.held = False
    if reply.sounds:
        if not c.away:
            reply.clock.resume(c.now)
        c.emit(out.PlaybackCommand(turn.ref, "resume"))
        c.state = None
    c.status(State.SPEAKING if reply.sounds else State.THINKING, turn)
    pump(c, turn, reply)
    if c.turn is turn:
        watch_playback(c, turn)


def judge_words(c: Conversation, utterance: Utterance, *, voice_ended: bool) -> None:
    """Words came during a reply: more of the question, an interruption, or only "go on"."""
    if c.turn is None or not utterance.words:
        return
    if continues(c, utterance):
        meant = not is_murmur(utterance.words)
        if meant:
            _take_back(c, utterance, c.turn)
    else:
        meant = not is_backchannel(utterance.words)
        if meant and (utterance.barging or not _is_own_words(c, utterance.words)):
            _take_over(c, utterance)
    if voice_ended and not meant:
        utterance.dismissed = True
        release_reply(c, utterance)


def on_verdict(c: Conversation) -> None:
    """Voiced sound went on without a verdict of its words."""
    barging = [one for one in c.listening.all if one.barging and not one.dismissed]
    if not barging:
        return
    newest = barging[-1]
    if continues(c, newest):
        for utterance in barging:
            release_reply(c, utterance)
        return
    murmuring = bool(newest.words) and is_backchannel(newest.words)
    if murmuring and not newest.granted_time:
        # stt takes its time to call a murmur ended: it may be the beginning of a sentence.
        newest.granted_time = True
        c.want(do.SetTimer(Timer.VERDICT, c.now + c.policy.verdict_ms))
        return
    # That is no cough.
    _take_over(c, newest)


def on_interrupted(c: Conversation, event: on.Interrupted) -> None:
    """The person pressed stop. A reply that is over already needs none."""
    turn = c.turn
    if turn is None or not names(turn, event.turn_id or turn.turn_id, event.revision):
        return
    cut(c, played_ms=event.played_ms)


def _take_over(c: Conversation, utterance: Utterance) -> None:
    """The person takes the floor."""
    utterance.dismissed = False
    cut(c)


def _take_back(c: Conversation, utterance: Utterance, turn: Turn) -> None:
    """The answer in the making is thrown away: nothing of it was heard. Its next one is another
    revision, so that a client drops the text that it was shown."""
    utterance.dismissed = False
    if turn.reply is not None:
        c.want(do.Cancel(turn.reply.key))
    turn.reply, turn.error = None, None
    turn.revision += 1
    turn.marks.clear()
    leave_reply(c)
    join_turn(c, utterance, turn)
    announce(c, turn)


def _pause(c: Conversation, turn: Turn, reply: Reply) -> None:
    if not reply.sounds:
        return
    reply.clock.pause(c.now)
    c.emit(out.PlaybackCommand(turn.ref, "pause"))
    c.want(do.StopTimer(Timer.PLAYBACK))


def _is_echo(c: Conversation) -> bool:
    """Whether what the microphone heard just now is the reply coming back from a loudspeaker."""
    reply = c.turn.reply if c.turn else None
    if reply is None or not reply.clock.started:
        return False
    rate = reply.sample_rate
    # The place in the sound is known to about the network's delay: search a wider window.
    played = reply.clock.position(c.now)
    start = max(0.0, played - 2 * _ECHO_WINDOW_MS)
    first, last = (int(ms * rate / 1000) * 2 for ms in (start, played + _ECHO_WINDOW_MS))
    played_sound = bytes(reply.sound[first:last])
    return c.tools.is_echo(c.tape.recent(_ECHO_WINDOW_MS), played_sound, rate)


def _is_own_words(c: Conversation, words: str) -> bool:
    """Whether the microphone's words are those the reply speaks (an echo stt transcribed)."""
    reply = c.turn.reply if c.turn else None
    heard = normalised(words)
    return bool(reply and heard and heard in normalised(reply.text))
