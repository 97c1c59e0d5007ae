"""From a question to sound: the model's stream, clauses, and the voice's stream."""

from __future__ import annotations

from avatar_contract.audio import pcm_ms
from avatar_contract.errors import AvatarError, LlmUnavailable, PayloadTooLarge
from avatar_contract.terms import NoticeCode, State
from gateway.session import effects as do
from gateway.session import inputs as on
from gateway.session import outputs as out
from gateway.session import prompts, records
from gateway.session.config import SessionConfig
from gateway.session.ending import fail, watch_playback
from gateway.session.moments import Mark, Timer
from gateway.session.one_rate import RateChange
from gateway.session.state import Conversation
from gateway.session.turns import Clause, Reply, Turn
from gateway.text.clauses import ClauseCutter
from gateway.text.language import ReplyLanguage
from gateway.text.plain import PlainText


def start_reply(c: Conversation, turn: Turn, words: str, *, live: bool) -> Reply:
    """Asks the model for an answer to `words`."""
    reply = new_reply(c, turn, words, live=live)
    instructions = prompts.instructions(c.instructions, turn.config)
    c.want(do.Ask(reply.key, c.memory.messages(instructions, words)))
    return reply


def too_long(
    c: Conversation, config: SessionConfig, words: str, most: int | None = None
) -> AvatarError | None:
    """The error of a question that there is no room for, asked with nothing before it.

    Args:
        most: characters that are allowed, also where the model has room for more.
    """
    instructions = prompts.instructions(c.instructions, config)
    room = c.memory.room_chars(instructions, words)
    if most is not None:
        room = min(room, most)
    if room >= len(words):
        return None
    if not room:
        return PayloadTooLarge(
            "The instructions leave the language model no room for a question: shorten them, "
            "or set a larger TOKEN_BUDGET."
        )
    return PayloadTooLarge(
        f"The question has {len(words)} characters; there is room for {room} of them. "
        "Ask it shorter, or in parts."
    )


def new_reply(c: Conversation, turn: Turn, words: str, *, live: bool) -> Reply:
    """An attempt at an answer to `words` of which nothing is known yet."""
    c.attempts += 1
    locale = turn.config.locale
    return Reply(
        key=on.ReplyKey(turn.turn_id, turn.revision, c.attempts),
        words=words,
        live=live,
        plain=PlainText(thinking_opened=c.thinking_opened),
        language=ReplyLanguage(words, locale),
        shown_script=c.tools.new_script(locale),
        spoken_script=c.tools.new_script(locale),
    )


def answer(c: Conversation, turn: Turn, *, held: bool = False) -> None:
    """The turn's words are final: answer them, with the guess if it guessed right.

    `held`: let nothing of it be heard yet.
    """
    c.turn = turn
    turn.mark(Mark.FINAL, c.now)
    c.status(State.THINKING, turn)
    records.keep_open(c, turn)
    complaint = too_long(c, turn.config, turn.user_text)
    if complaint is not None:
        fail(c, turn, complaint)
        return
    if turn.reply is None:
        turn.reply = start_reply(c, turn, turn.user_text, live=True)
        turn.reply.held = held
        return
    reply = turn.reply
    reply.live, reply.held = True, held
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
    if plain.retracted:
        _retract(c, turn, reply)
    _take_text(
        c, turn, reply, reply.shown_script.feed(plain.shown), reply.spoken_script.feed(plain.spoken)
    )


def _retract(c: Conversation, turn: Turn, reply: Reply) -> None:
    """What came so far was thinking, as only its closing tag has told: none of it is the answer.

    Sound that was sent already has been heard; it is not remembered.
    """
    reply.text = ""
    reply.withheld.clear()
    reply.shown_script = c.tools.new_script(turn.config.locale)
    reply.spoken_script = c.tools.new_script(turn.config.locale)
    reply.cutter = ClauseCutter()
    for clause in reply.clauses:
        clause.asked = clause.done = clause.retracted = True
        clause.waiting.clear()
    for sent in reply.ledger.clauses:
        sent.text = ""


def on_answer_ended(c: Conversation, event: on.AnswerEnded) -> None:
    """The model is done."""
    found = _find(c, event.key)
    if found is None:
        return
    turn, reply = found
    turn.mark(Mark.LAST_TOKEN, c.now)
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
    reply.sample_rate = reply.sample_rate or event.sample_rate
    if event.sample_rate != reply.sample_rate:
        change = RateChange(event.sample_rate, reply.sample_rate)
        reply.clauses[event.clause].rate_change = change
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
    clause = reply.clauses[event.clause]
    if clause.retracted:
        return
    turn.mark(Mark.FIRST_SPEECH, c.now)
    pcm = clause.rate_change.push(event.pcm) if clause.rate_change else event.pcm
    if pcm:
        clause.waiting.append(pcm)
    pump(c, turn, reply)


def on_speech_ended(c: Conversation, event: on.SpeechEnded) -> None:
    """A clause's sound is complete."""
    found = _find(c, event.key)
    if found is None:
        return
    turn, reply = found
    _end_clause(reply.clauses[event.clause])
    pump(c, turn, reply)


def on_speech_failed(c: Conversation, event: on.SpeechFailed) -> None:
    """The voice failed: the rest of the answer is text only."""
    found = _find(c, event.key)
    if found is None:
        return
    turn, reply = found
    _end_clause(reply.clauses[event.clause])
    if not reply.mute:
        reply.mute = True
        turn.error = event.error.code
        _say(c, reply, out.Failed(event.error, turn.ref))
    pump(c, turn, reply)


def _end_clause(clause: Clause) -> None:
    clause.done = True
    if clause.rate_change and not clause.retracted:
        tail = clause.rate_change.push(b"", last=True)
        if tail:
            clause.waiting.append(tail)


def pump(c: Conversation, turn: Turn, reply: Reply) -> None:
    """Sends what sound may leave now, asks for what comes next, and sees whether all is said."""
    may_leave = reply.live and not reply.held and not c.away
    if may_leave:
        _send_sound(c, turn, reply)
    _ask_ahead(c, turn, reply)
    all_sent = reply.generated and reply.at == len(reply.clauses)
    if may_leave and all_sent and not reply.sound_ended:
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
        turn.mark(Mark.FIRST_TOKEN, c.now)
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
    if reply.live:
        records.keep_open(c, turn)


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
    mode, rate = turn.config.tts_mode, reply.sample_rate
    if not clause.opened:
        clause.opened = True
        reply.ledger.open(clause.text)
        turn.mark(Mark.FIRST_SOUND, c.now)
        c.status(State.SPEAKING, turn)
        c.emit(out.ClauseStarted(turn.ref, clause.text, rate, mode))
    ms = pcm_ms(len(pcm), rate)
    reply.ledger.add(ms)
    reply.clock.sent(ms, c.now)
    reply.sound += pcm
    c.emit(out.ClauseSound(turn.ref, pcm, rate, mode))


def _ask_ahead(c: Conversation, turn: Turn, reply: Reply) -> None:
    """Asks for the clause that is due and the next; of a guess, or while held, not the next."""
    if reply.mute:
        return
    until = reply.at + 1 + (c.policy.prefetch if reply.live and not reply.held else 0)
    for index, clause in enumerate(reply.clauses[:until]):
        if clause.asked:
            continue
        ahead = reply.clock.sent_ms - reply.clock.position(c.now)
        if ahead > c.policy.horizon_ms:
            c.want(do.SetTimer(Timer.ASK, c.now + ahead - c.policy.horizon_ms + 1))
            return
        clause.asked = True
        turn.mark(Mark.FIRST_CLAUSE, c.now)
        config = turn.config
        following = [later.text for later in reply.clauses[index + 1 :]]
        spoken = reply.language.of(clause.text, following)
        language = spoken if config.language == "auto" else config.language
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
    else:
        c.want(do.Cancel(reply.key))
        turn.guess = None


def _find(c: Conversation, key: on.ReplyKey) -> tuple[Turn, Reply] | None:
    """The turn and reply that `key` names, or None when it is stale."""
    if c.turn and c.turn.reply and c.turn.reply.key == key:
        return c.turn, c.turn.reply
    for spoken in c.listening.all:
        turn = spoken.turn
        if turn and turn.guess and turn.guess.key == key:
            return turn, turn.guess
    return None
