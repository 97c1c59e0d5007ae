"""From a question to sound: the model's stream, clauses, and the voice's stream."""

from __future__ import annotations

from avatar_contract.audio import pcm_ms
from avatar_contract.errors import AvatarError, LlmUnavailable
from avatar_contract.wire import NoticeCode, State
from gateway.session import effects as do
from gateway.session import inputs as on
from gateway.session import outputs as out
from gateway.session import prompts
from gateway.session.ending import fail, watch_playback
from gateway.session.state import Clause, Conversation, Reply, Turn
from gateway.text.plain import PlainText


def start_reply(c: Conversation, turn: Turn, words: str, *, live: bool) -> Reply:
    """Asks the model for an answer to `words`."""
    c.attempts += 1
    locale = turn.config.locale
    reply = Reply(
        key=on.ReplyKey(turn.turn_id, turn.revision, c.attempts),
        words=words,
        live=live,
        plain=PlainText(),
        shown_script=c.tools.new_script(locale),
        spoken_script=c.tools.new_script(locale),
    )
    instructions = prompts.instructions(c.instructions, turn.config)
    c.want(do.Ask(reply.key, c.memory.messages(instructions, words)))
    return reply


def answer(c: Conversation, turn: Turn) -> None:
    """The turn's words are final: answer them, with the guess if it guessed right."""
    c.turn = turn
    turn.mark("final", c.now)
    c.status(State.THINKING, turn)
    if turn.reply is None:
        turn.reply = start_reply(c, turn, turn.user_text, live=True)
        return
    reply = turn.reply
    reply.live = True
    for output in reply.withheld:
        c.emit(output)
    reply.withheld.clear()
    pump(c, turn, reply)


def on_delta(c: Conversation, event: on.AnswerDelta) -> None:
    """The model wrote a little more."""
    found = _find(c, event.key)
    if found is None:
        return
    turn, reply = found
    plain = reply.plain.feed(event.text)
    _take_text(
        c, turn, reply, reply.shown_script.feed(plain.shown), reply.spoken_script.feed(plain.spoken)
    )


def on_answer_ended(c: Conversation, event: on.AnswerEnded) -> None:
    """The model is done."""
    found = _find(c, event.key)
    if found is None:
        return
    turn, reply = found
    turn.mark("last_token", c.now)
    _complete_text(c, turn, reply)
    if not reply.text.strip():
        _fail_reply(c, turn, reply, LlmUnavailable("The model answered with nothing."))
        return
    pump(c, turn, reply)


def on_answer_failed(c: Conversation, event: on.AnswerFailed) -> None:
    """The model broke off; what it wrote so far is still spoken."""
    found = _find(c, event.key)
    if found is None:
        return
    turn, reply = found
    if not reply.text.strip():
        _fail_reply(c, turn, reply, event.error)
        return
    turn.error = event.error.code
    _say(c, reply, out.Failed(event.error, turn.ref))
    _complete_text(c, turn, reply)
    pump(c, turn, reply)


def on_speech_opened(c: Conversation, event: on.SpeechOpened) -> None:
    """The voice engine began a clause."""
    found = _find(c, event.key)
    if found is None:
        return
    turn, reply = found
    reply.clauses[event.clause].sample_rate = event.sample_rate
    if event.notice and event.notice[0] not in turn.noticed:
        code, message = event.notice
        turn.noticed.add(code)
        _say(c, reply, out.NoticeGiven(NoticeCode(code), message, turn.ref))


def on_speech_piece(c: Conversation, event: on.SpeechPiece) -> None:
    """A piece of a clause's sound came."""
    found = _find(c, event.key)
    if found is None:
        return
    turn, reply = found
    turn.mark("first_speech", c.now)
    reply.clauses[event.clause].waiting.append(event.pcm)
    pump(c, turn, reply)


def on_speech_ended(c: Conversation, event: on.SpeechEnded) -> None:
    """A clause's sound is complete."""
    found = _find(c, event.key)
    if found is None:
        return
    turn, reply = found
    reply.clauses[event.clause].done = True
    pump(c, turn, reply)


def on_speech_failed(c: Conversation, event: on.SpeechFailed) -> None:
    """The voice failed: the rest of the answer is text only."""
    found = _find(c, event.key)
    if found is None:
        return
    turn, reply = found
    reply.clauses[event.clause].done = True
    if not reply.mute:
        reply.mute = True
        turn.error = event.error.code
        _say(c, reply, out.Failed(event.error, turn.ref))
    pump(c, turn, reply)


def pump(c: Conversation, turn: Turn, reply: Reply) -> None:
    """Sends what sound may leave now, asks for what comes next, and sees whether all is said."""
    if reply.live and not reply.held:
        _send_sound(c, turn, reply)
    _ask_ahead(c, turn, reply)
    all_sent = reply.generated and reply.at == len(reply.clauses)
    if reply.live and not reply.held and all_sent and not reply.sound_ended:
        end_sound(c, turn, reply)
        watch_playback(c, turn)


def end_sound(c: Conversation, turn: Turn, reply: Reply) -> None:
    """The one soundless message that ends every turn's sound."""
    reply.sound_ended = True
    c.emit(out.SoundEnded(turn.ref, reply.sample_rate, turn.config.tts_mode))


def _take_text(c: Conversation, turn: Turn, reply: Reply, shown: str, spoken: str) -> None:
    if not reply.text:
        shown = shown.lstrip()
    if shown:
        turn.mark("first_token", c.now)
        reply.text += shown
        _say(c, reply, out.AnswerToken(turn.ref, shown))
    new = reply.cutter.feed(spoken)
    if new:
        reply.clauses += [Clause(text) for text in new]
        pump(c, turn, reply)


def _complete_text(c: Conversation, turn: Turn, reply: Reply) -> None:
    plain = reply.plain.finish()
    shown = reply.shown_script.feed(plain.shown) + reply.shown_script.finish()
    spoken = reply.spoken_script.feed(plain.spoken) + reply.spoken_script.finish()
    _take_text(c, turn, reply, shown, spoken)
    reply.clauses += [Clause(text) for text in reply.cutter.flush()]
    reply.generated = True
    if reply.text.strip():
        reply.text_sent = True
        _say(c, reply, out.AnswerComplete(turn.ref, reply.text.strip()))


def _send_sound(c: Conversation, turn: Turn, reply: Reply) -> None:
    while reply.at < len(reply.clauses):
        clause = reply.clauses[reply.at]
        for pcm in clause.waiting:
            _send_piece(c, turn, reply, clause, pcm)
        clause.waiting.clear()
        if not clause.done and not (reply.mute and not clause.asked):
            return
        if clause.opened:
            reply.ledger.close()
        reply.at += 1


def _send_piece(c: Conversation, turn: Turn, reply: Reply, clause: Clause, pcm: bytes) -> None:
    mode, rate = turn.config.tts_mode, clause.sample_rate
    if not clause.opened:
        clause.opened = True
        reply.sample_rate = rate
        reply.ledger.open(clause.text)
        turn.mark("first_sound", c.now)
        c.status(State.SPEAKING, turn)
        c.emit(out.ClauseStarted(turn.ref, clause.text, rate, mode))
    ms = pcm_ms(len(pcm), rate)
    reply.ledger.add(ms)
    reply.clock.sent(ms, c.now)
    reply.sound += pcm
    c.emit(out.ClauseSound(turn.ref, pcm, rate, mode))


def _ask_ahead(c: Conversation, turn: Turn, reply: Reply) -> None:
    """Asks for the clause that is due and the next; of a guess only the first."""
    if reply.held or reply.mute:
        return
    until = reply.at + 1 + (c.policy.prefetch if reply.live else 0)
    for index, clause in enumerate(reply.clauses[:until]):
        if clause.asked:
            continue
        ahead = reply.clock.sent_ms - reply.clock.position(c.now)
        if ahead > c.policy.horizon_ms:
            c.want(do.SetTimer("ask", c.now + ahead - c.policy.horizon_ms + 1))
            return
        clause.asked = True
        turn.mark("first_clause", c.now)
        config = turn.config
        language = None if config.language == "auto" else config.language
        c.want(
            do.Speak(
                reply.key,
                index,
                clause.text,
                config.tts_mode,
                language,
                config.voice_profile_id,
                c.own_voice if config.self_clone else None,
            )
        )


def _say(c: Conversation, reply: Reply, output: out.Output) -> None:
    """Emits an event of `reply`, or withholds it while the reply is a guess."""
    if reply.live:
        c.emit(output)
    else:
        reply.withheld.append(output)


def _fail_reply(c: Conversation, turn: Turn, reply: Reply, error: AvatarError) -> None:
    """A guess that fails is forgotten (the answer is asked for anew); a live reply fails."""
    if reply.live:
        fail(c, turn, error)
    elif c.utterance and c.utterance.guess is reply:
        c.want(do.Cancel(reply.key))
        c.utterance.guess = None


def _find(c: Conversation, key: on.ReplyKey) -> tuple[Turn, Reply] | None:
    """The turn and reply that `key` names, or None when it is stale."""
    if c.turn and c.turn.reply and c.turn.reply.key == key:
        return c.turn, c.turn.reply
    spoken = c.utterance
    if spoken and spoken.guess and spoken.turn and spoken.guess.key == key:
        return spoken.turn, spoken.guess
    return None
