"""Hands-free: speech is found by stt; pauses start a guess; nothing of it leaves too early."""

from __future__ import annotations

from avatar_contract import listen
from gateway.session import effects as do
from gateway.session import outputs as out


def test_turns_one_after_another(free) -> None:
    for words in ("hello there", "and goodbye"):
        free.hear_started()
        free.speak(1200)
        free.hear_partial(words[:5])
        free.hear_pause(words)
        free.wait(200)
        free.hear_final(words)
        free.model_writes("Fine.")
        free.voice_speaks_all(500)
        free.wait(600)
        free.store_answers()
    assert [t.turn.number for t in free.turns_ended] == [1, 2]
    assert [r.record.recognised_text for r in free.records] == ["hello there", "and goodbye"]
    assert free.microphone


def test_the_first_syllable_is_on_the_stored_sound(free) -> None:
    free.speak(3000)
    began = free.c.tape.end_ms - 300
    free.utterance = 1
    free._report(listen.SpeechStarted, audio_ms=began)
    free.speak(1000)
    free.hear_final("hello there")
    free.model_writes("Fine.")
    free.voice_speaks_all(500)
    free.wait(600)
    assert len(free.records[0].user_pcm) == 2 * 16 * 1300


def test_accepted_comes_with_the_first_words_that_are_no_murmur(free) -> None:
    free.hear_started()
    assert not free.heard_by_client(out.TurnAccepted)
    free.hear_partial("嗯")
    assert not free.heard_by_client(out.TurnAccepted)
    free.hear_partial("嗯我想")
    assert free.heard_by_client(out.TurnAccepted)
    free.hear_final("嗯我想要茶")


def test_a_cough_or_a_murmur_makes_no_turn_and_no_error(free) -> None:
    free.hear_started()
    free.hear_nothing()
    free.hear_started()
    free.hear_partial("嗯")
    free.hear_final("嗯")
    assert free.errors == []
    assert not free.heard_by_client(out.TurnAccepted)
    assert not free.effects(do.Ask)


def test_yes_is_an_answer_when_nobody_speaks(free) -> None:
    free.hear_started()
    free.hear_final("對")
    assert free.asked.messages[-1].content == "對"


def test_a_guess_that_was_right_is_kept_and_withheld_until_the_final(free) -> None:
    free.hear_started()
    free.hear_pause("what time is it")
    free.model_writes("It is noon. And sunny today it is.")
    free.voice_speaks()
    assert not free.heard_by_client(out.AnswerToken)
    assert not free.heard_by_client(out.ClauseSound)
    assert len(free.effects(do.Speak)) == 1
    free.hear_final("What time is it?")
    assert len(free.effects(do.Ask)) == 1
    assert free.heard_by_client(out.AnswerToken)
    assert free.heard_by_client(out.ClauseSound)
    assert len(free.effects(do.Speak)) == 2


def test_a_guess_on_other_words_is_thrown_away(free) -> None:
    free.hear_started()
    free.hear_pause("what time")
    guess = free.asked.key
    free.model_writes("Time is relative.")
    free.hear_final("what time is it")
    assert do.Cancel(guess) in free.done
    assert free.asked.messages[-1].content == "what time is it"
    assert not free.heard_by_client(out.AnswerToken)


def test_going_on_speaking_throws_the_guess_away(free) -> None:
    free.hear_started()
    free.hear_pause("I want")
    guess = free.asked.key
    free.hear_resumed()
    assert do.Cancel(guess) in free.done
    free.hear_pause("I want tea")
    free.hear_final("I want tea")
    assert len(free.effects(do.Ask)) == 2


def test_the_same_words_at_the_next_pause_keep_the_guess(free) -> None:
    free.hear_started()
    free.hear_pause("I want tea")
    free.hear_pause("I want tea.")
    assert len(free.effects(do.Ask)) == 1
    free.hear_final("I want tea")


def test_busy_engines_get_no_guesses(free) -> None:
    free.c.tools.speculation.busy = lambda: True
    free.hear_started()
    free.hear_pause("hello there")
    assert not free.effects(do.Ask)
    free.hear_final("hello there")
    assert len(free.effects(do.Ask)) == 1


def test_much_waste_makes_guesses_rare(free) -> None:
    free.hear_started()
    for n in range(40):
        free.hear_pause(f"word {n}")
        free.hear_resumed()
    assert len(free.effects(do.Ask)) < 20
    free.hear_final("the end of it")


def test_text_discards_an_open_utterance(free) -> None:
    free.hear_started()
    free.hear_partial("never mind")
    free.type("hello")
    free.hear_final("never mind this")
    assert free.asked.messages[-1].content == "hello"
    assert len(free.effects(do.Ask)) == 1
    free.hear_cleared()
    assert free.turns_ended[0].turn.number == 1


def test_timings_count_from_the_last_voiced_frame(free) -> None:
    free.hear_started()
    free.speak(1000)
    voiced = free.c.tape.end_ms
    free.speak(250)
    report = listen.Final
    free._report(report, text="hello there", language="en", audio_ms=voiced)
    free.wait(100)
    free.model_writes("Fine.")
    free.voice_speaks_all(400)
    free.wait(500)
    timings = free.records[0].record.timings
    assert timings["stt"] == 250
    assert timings["first_audio"] == 350
