"""A push-to-talk turn from the first chunk to `turn_done`, and what can go wrong on the way."""

from __future__ import annotations

from uuid import UUID

from avatar_contract.audio import pcm_bytes
from avatar_contract.errors import BadAudio, LlmUnavailable, SttUnavailable, TtsUnavailable
from avatar_contract.terms import NoticeCode
from gateway.session import effects as do
from gateway.session import inputs as on
from gateway.session import outputs as out

U1, U2 = UUID(int=101), UUID(int=102)


def ask(sim, words: str = "what time is it") -> None:
    sim.press()
    sim.release()
    sim.wait(50)
    sim.hear_final(words)


def test_a_turn_in_order(sim) -> None:
    sim.press()
    sim.hear_partial("what time")
    sim.release()
    sim.hear_final("what time is it")
    sim.model_writes("It is noon.")
    sim.voice_speaks_all()
    sim.wait(1500)
    sim.store_answers()
    assert sim.names() == [
        "TurnAccepted",
        "Transcribed",
        "TurnAccepted",
        "Transcribed",
        "AnswerToken",
        "AnswerComplete",
        "ClauseStarted",
        "ClauseSound",
        "SoundEnded",
        "TurnEnded",
        "ReplayReady",
    ]
    (ended,) = sim.turns_ended
    assert not ended.interrupted
    assert ended.heard_text == "It is noon."
    assert sim.records[0].record.recognised_text == "what time is it"
    assert sim.records[0].user_pcm is not None


def test_the_first_clause_is_spoken_while_the_model_still_writes(sim) -> None:
    ask(sim)
    sim.model_writes("On an island, ", end=False)
    assert [s.text for s in sim.effects(do.Speak)] == ["On an island,"]
    sim.voice_speaks()
    assert sim.heard_by_client(out.ClauseSound)
    assert not sim.heard_by_client(out.AnswerComplete)
    sim.model_writes("there was a lighthouse.")


def test_a_chinese_answer_is_spoken_from_its_first_clause(sim) -> None:
    ask(sim, "請說明")
    sim.model_writes("好的，", end=False)
    assert [s.text for s in sim.effects(do.Speak)] == ["好的，"]
    sim.model_writes("我來說明。")


def test_one_clause_is_prefetched_and_no_more(sim) -> None:
    ask(sim)
    sim.model_writes("One is here. Two is here. Three is here. Four is here.")
    assert [s.clause for s in sim.effects(do.Speak)] == [0, 1]
    sim.voice_speaks()
    assert [s.clause for s in sim.effects(do.Speak)] == [0, 1, 2, 3]


def test_far_ahead_of_the_listener_no_clause_is_asked_for(sim) -> None:
    ask(sim)
    sim.model_writes("".join(f"Sentence number {n} is here. " for n in range(6)))
    sim.voice_speaks(ms=8000)
    sim.voice_speaks(ms=8000)
    asked = len(sim.effects(do.Speak))
    assert asked < 6
    sim.wait(20_000)
    assert len(sim.effects(do.Speak)) > asked


def test_sound_of_a_later_clause_waits_for_the_earlier(sim) -> None:
    ask(sim)
    sim.model_writes("One is here. Two is here.")
    first, second = sim.effects(do.Speak)
    sim.send(on.SpeechOpened(second.key, 1, 24000))
    sim.send(on.SpeechPiece(second.key, 1, b"\x02\x00"))
    assert not sim.heard_by_client(out.ClauseSound)
    sim.send(on.SpeechOpened(first.key, 0, 24000))
    sim.send(on.SpeechPiece(first.key, 0, b"\x01\x00"))
    sim.send(on.SpeechEnded(first.key, 0))
    assert [s.pcm for s in sim.heard_by_client(out.ClauseSound)] == [b"\x01\x00", b"\x02\x00"]


def test_audio_end_without_an_utterance_is_bad_message(sim) -> None:
    sim.release()
    assert sim.errors == ["BAD_MESSAGE"]


def test_a_second_audio_end_is_bad_message_and_the_turn_goes_on(sim) -> None:
    sim.press()
    sim.release()
    sim.release()
    assert sim.errors == ["BAD_MESSAGE"]
    sim.hear_final("hello")
    assert sim.c.turn is not None


def test_silence_is_no_speech_and_leaves_neither_words_nor_sound(sim) -> None:
    sim.press()
    sim.release()
    sim.hear_nothing()
    assert sim.errors == ["NO_SPEECH"]
    (kept,) = sim.records
    assert (kept.record.error, kept.record.recognised_text) == ("NO_SPEECH", None)
    assert kept.user_pcm is None
    ask(sim)
    assert sim.c.turn is not None


def test_a_second_utterance_while_the_first_is_understood_is_refused_once(sim) -> None:
    sim.press(U1)
    sim.send(on.LookedUp(U1, None))
    sim.release()
    sim.send(on.ChunkArrived(U2))
    sim.send(on.ChunkArrived(U2))
    assert sim.errors == ["ALREADY_PROCESSING"]
    sim.hear_final("hello")
    assert sim.c.turn.utterance_id == U1


def test_speaking_during_a_reply_interrupts_it(sim) -> None:
    ask(sim)
    sim.model_writes("One is here. Two is here.")
    sim.voice_speaks_all(ms=1000)
    sim.wait(1500)
    before = len(sim.said)
    sim.press()
    after = [type(o).__name__ for o in sim.said[before:]]
    assert after.index("PlaybackCommand") < after.index("TurnEnded") < after.index("TurnAccepted")
    (ended,) = sim.turns_ended
    assert ended.interrupted
    assert ended.heard_text == "One is here. Two is"
    assert sim.c.memory.exchanges[-1].heard == ended.heard_text
    assert sim.records[-1].record.heard_text == ended.heard_text


def test_bad_bytes_end_the_utterance_and_leave_the_session_usable(sim) -> None:
    sim.press()
    sim.send(on.IntakeFailed(BadAudio("no Opus in there")))
    assert sim.errors == ["BAD_AUDIO"]
    assert isinstance(sim.effects(do.Listen)[-1].command.type, str)
    assert not sim.microphone
    sim.hear_cleared()
    sim.send(on.ChunkArrived(None))
    assert sim.c.utterance is None
    sim.release()
    assert sim.errors == ["BAD_AUDIO"]
    ask(sim)
    assert sim.c.turn is not None


def test_what_stt_says_of_a_cleared_utterance_is_dropped(sim) -> None:
    sim.press()
    sim.send(on.IntakeFailed(BadAudio("x")))
    sim.hear_final("ghost words")
    assert sim.c.turn is None
    sim.hear_cleared()


def test_sixty_seconds_without_a_chunk(sim) -> None:
    sim.press()
    sim.wait(58_000)
    assert sim.errors == []
    sim.speak(20)
    sim.wait(59_000)
    assert sim.errors == []
    sim.wait(2_000)
    assert sim.errors == ["AUDIO_TIMEOUT"]
    assert sim.c.utterance is None


def test_a_recogniser_that_stalls(sim) -> None:
    sim.press()
    sim.release()
    sim.wait(31_000)
    assert sim.errors == ["STT_UNAVAILABLE"]


def test_a_model_that_fails_before_a_word(sim) -> None:
    ask(sim)
    sim.send(on.AnswerFailed(sim.asked.key, LlmUnavailable("gone")))
    assert sim.errors == ["LLM_UNAVAILABLE"]
    assert sim.records[-1].record.error == "LLM_UNAVAILABLE"
    assert sim.records[-1].record.recognised_text == "what time is it"


def test_a_model_that_breaks_off_is_spoken_as_far_as_it_came(sim) -> None:
    ask(sim)
    sim.model_writes("Half a sentence is", end=False)
    sim.send(on.AnswerFailed(sim.asked.key, LlmUnavailable("gone")))
    sim.voice_speaks_all()
    sim.wait(3000)
    assert sim.errors == ["LLM_UNAVAILABLE"]
    assert sim.turns_ended[0].heard_text == "Half a sentence is"


def test_a_model_that_says_nothing(sim) -> None:
    ask(sim)
    sim.model_writes("<think>hm</think>")
    assert sim.errors == ["LLM_UNAVAILABLE"]


def test_a_voice_that_fails_leaves_the_text(sim) -> None:
    ask(sim)
    sim.model_writes("One is here. Two is here.")
    speak = sim.effects(do.Speak)[0]
    sim.send(on.SpeechFailed(speak.key, 0, TtsUnavailable("gone")))
    second = sim.effects(do.Speak)[1]
    sim.send(on.SpeechFailed(second.key, 1, TtsUnavailable("gone")))
    sim.wait(2000)
    assert sim.errors == ["TTS_UNAVAILABLE"]
    assert sim.heard_by_client(out.AnswerComplete)[0].text == "One is here. Two is here."
    assert sim.turns_ended[0].heard_text == ""


def test_a_record_that_cannot_be_stored_is_said_and_the_turn_ends(sim) -> None:
    ask(sim)
    sim.model_writes("Yes.")
    sim.voice_speaks_all()
    sim.wait(1001)
    turn = sim.turns_ended[0].turn
    sim.send(on.StoreFailed(turn, words_kept=True))
    sim.send(on.StoreFailed(turn, words_kept=False))
    notices = [notice.code for notice in sim.heard_by_client(out.NoticeGiven)]
    assert notices == [NoticeCode.SOUND_NOT_STORED, NoticeCode.NOT_STORED]
    assert sim.errors == []


def test_the_record_is_wanted_before_turn_done_is_said(sim) -> None:
    """Whoever performs the effects can then say it only when the record is on disk."""
    ask(sim)
    sim.model_writes("Yes.")
    sim.voice_speaks_all()
    sim.wait(1001)
    closed = sim.done.index(sim.records[-1])
    assert closed < sim.done.index(do.Emit(sim.turns_ended[0]))


def test_a_turn_is_kept_from_its_acceptance_on(sim) -> None:
    sim.press()
    assert [kept.record.recognised_text for kept in sim.open_records] == [None]
    sim.release()
    sim.hear_final("hello")
    assert sim.open_records[-1].record.recognised_text == "hello"
    sim.model_writes("Hi there.")
    assert sim.open_records[-1].record.ai_text == "Hi there."
    assert not sim.records


def test_what_nobody_understood_is_kept_as_sound(sim) -> None:
    sim.press()
    sim.send(on.ListenLost(SttUnavailable("killed"), for_good=True))
    (kept,) = sim.records
    assert kept.record.error == "STT_UNAVAILABLE"
    assert kept.user_pcm is not None
    assert len(kept.user_pcm) == pcm_bytes(1000)


def test_what_the_voice_did_not_speak_was_not_heard(sim) -> None:
    ask(sim)
    sim.model_writes("One is here. Two is here.")
    key = sim.asked.key
    sim.send(on.SpeechOpened(key, 0, 24_000))
    sim.send(on.SpeechPiece(key, 0, bytes(48_000)))
    sim.send(on.SpeechEnded(key, 0))
    sim.send(on.SpeechFailed(key, 1, TtsUnavailable("gone")))
    sim.wait(2000)
    assert sim.turns_ended[0].heard_text == "One is here."
    sim.type("go on")
    assert sim.asked.messages[-2].content == "One is here."


def test_results_of_a_cancelled_attempt_are_dropped(sim) -> None:
    ask(sim)
    stale = sim.asked.key
    sim.send(on.Interrupted(None, None, None))
    said = len(sim.said)
    sim.send(on.AnswerDelta(stale, "too late"))
    sim.send(on.AnswerEnded(stale, "stop"))
    assert len(sim.said) == said


def test_store_audio_false_keeps_no_sound(sim) -> None:
    sim.configure(store_audio=False)
    ask(sim)
    sim.model_writes("Yes.")
    sim.voice_speaks_all()
    sim.wait(2100)
    assert sim.records[0].user_pcm is None
    assert sim.records[0].ai_pcm is None
    assert not sim.heard_by_client(out.ReplayReady)


def test_a_client_that_vanishes_leaves_its_turn_open(sim) -> None:
    ask(sim)
    sim.model_writes("One is here. Two is here.")
    sim.voice_speaks_all()
    sim.wait(500)
    key = sim.asked.key
    sim.send(on.SessionEnded())
    assert sim.open_records[-1].record.heard_text == "One is"
    assert not sim.records
    assert do.Cancel(key) in sim.done
    sim.said.clear()
