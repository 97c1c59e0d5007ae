"""Two speak at once: barge-in, backchannels, coughs, echo, and the button that stops.

::

    speech_started ─▶ pause, hold ─┬─ words ────────────────────▶ flush, cut, a new turn
                                   ├─ long sound without words ─▶ flush, cut
                                   ├─ a backchannel, a cough ───▶ resume
                                   └─ our own echo ─────────────▶ (never paused)
"""

from __future__ import annotations

from avatar_contract.wire import State
from gateway.session import effects as do
from gateway.session import inputs as on
from gateway.session import outputs as out
from gateway.session.answering import pump
from gateway.session.ending import cut, watch_playback
from gateway.session.state import Conversation, Utterance
from gateway.text.words import is_backchannel, normalised

_ECHO_WINDOW_MS = 600.0


def hold_reply(c: Conversation, utterance: Utterance) -> None:
    """Somebody speaks during a reply: it is held until it is clear whether they mean it."""
    turn = c.turn
    if turn is None or turn.reply is None or utterance.barging or _is_echo(c):
        return
    reply = turn.reply
    utterance.barging = True
    reply.held = True
    reply.clock.pause(c.now)
    c.emit(out.PlaybackCommand(turn.ref, "pause"))
    c.want(do.StopTimer("playback"))
    c.want(do.SetTimer("verdict", c.now + c.policy.verdict_ms))


def release_reply(c: Conversation, utterance: Utterance) -> None:
    """They did not mean it: go on where it was held."""
    if not utterance.barging:
        return
    utterance.barging = False
    c.want(do.StopTimer("verdict"))
    turn = c.turn
    if turn is None or turn.reply is None:
        return
    reply = turn.reply
    reply.held = False
    reply.clock.resume(c.now)
    c.emit(out.PlaybackCommand(turn.ref, "resume"))
    c.state = None if reply.clock.started else c.state
    c.status(State.SPEAKING if reply.clock.started else State.THINKING, turn)
    pump(c, turn, reply)
    watch_playback(c, turn)


def judge_words(c: Conversation, utterance: Utterance, *, voice_ended: bool) -> None:
    """Words came during a reply: an interruption, or only "go on"."""
    if c.turn is None:
        return
    if utterance.words and not is_backchannel(utterance.words):
        if not utterance.barging and _is_own_words(c, utterance.words):
            return
        take_over(c, utterance)
    elif voice_ended and utterance.words:
        utterance.dismissed = True
        release_reply(c, utterance)


def take_over(c: Conversation, utterance: Utterance) -> None:
    """The person takes the floor."""
    utterance.barging = False
    utterance.dismissed = False
    cut(c)


def on_verdict(c: Conversation) -> None:
    """Voiced sound went on without a verdict of its words: that is no cough."""
    utterance = c.utterance
    if utterance is None or not utterance.barging or utterance.dismissed:
        return
    murmuring = bool(utterance.words) and is_backchannel(utterance.words)
    if murmuring and not utterance.granted_time:
        # stt takes its time to call a murmur ended: it may be the beginning of a sentence.
        utterance.granted_time = True
        c.want(do.SetTimer("verdict", c.now + c.policy.verdict_ms))
        return
    take_over(c, utterance)


def on_interrupted(c: Conversation, event: on.Interrupted) -> None:
    """The person pressed stop. A reply that is over already needs none."""
    turn = c.turn
    if turn is None or (event.turn_id is not None and event.turn_id != turn.turn_id):
        return
    if c.utterance is not None:
        c.utterance.barging = False
    cut(c, played_ms=event.played_ms)


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
