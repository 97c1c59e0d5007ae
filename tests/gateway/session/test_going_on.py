"""Hands-free, in stretches: whoever goes on before the answer sounds goes on with the question."""

from __future__ import annotations

import pytest

from avatar_contract import listen
from avatar_contract.audio import pcm_bytes
from avatar_contract.errors import ErrorCode, TtsUnavailable
from gateway.session import effects as do
from gateway.session import inputs as on
from gateway.session import outputs as out
from gateway.session.joining import join_words

STAGES = ["thinking", "writing", "unspoken"]


def stretch(free, ms: float = 600) -> int:
    """A voiced stretch of `ms` of which no words are known yet; stt's number."""
    free.hear_started()
    free.speak(ms)
    return free.utterance


def final(free, number: int, text: str, at: float | None = None) -> None:
    """The words of a stretch that ends `at` on the tape."""
    at = free.c.tape.end_ms if at is None else at
    free._report(listen.Final, utterance=number, text=text, language="en", audio_ms=at)


def answer(free, text: str = "Fine.") -> None:
    free.model_writes(text)
    free.voice_speaks_all(500)
    free.wait(10_000)


def begin(free, stage: str) -> int:
    """A question whose answer has come as far as `stage`, which is before its first sound."""
    number = stretch(free)
    final(free, number, "I want")
    if stage != "thinking":
        free.model_writes("One is here. Two is here.", end=stage != "writing")
    return number


def words(free) -> list[str]:
    return [kept.record.recognised_text for kept in free.records]


def test_a_second_stretch_while_the_first_waits_for_its_final(free) -> None:
    """Issue 10, fault D1: a pause of 0.8 s, and a recogniser that takes 0.9 s."""
    first = stretch(free)
    free.wait(800)
    second = stretch(free)
    final(free, first, "I want tea")
    assert not free.heard_by_client(out.ClauseSound)
    free.wait(500)
    final(free, second, "with milk")
    answer(free)
    assert words(free) == ["I want tea with milk"]
    assert free.asked.messages[-1].content == "I want tea with milk"
    assert len(free.turns_ended) == 1


def test_finals_out_of_order_are_joined_as_they_were_spoken(free) -> None:
    first, second, third = stretch(free), stretch(free), stretch(free)
    final(free, third, "please")
    final(free, second, "with milk")
    assert not free.effects(do.Ask)
    final(free, first, "I want tea")
    answer(free)
    assert words(free) == ["I want tea with milk please"]
    assert len(free.turns_ended) == 1


@pytest.mark.parametrize("stage", STAGES)
def test_going_on_before_the_answer_sounds_is_one_question(free, stage: str) -> None:
    begin(free, stage)
    thrown_away = free.asked.key
    second = stretch(free)
    free.hear_partial("some tea")
    assert do.Cancel(thrown_away) in free.done
    final(free, second, "some tea")
    assert free.asked.messages[-1].content == "I want some tea"
    answer(free)
    (ended,) = free.turns_ended
    assert (ended.turn.revision, ended.turn.number, ended.interrupted) == (1, 1, False)
    assert words(free) == ["I want some tea"]
    assert not free.heard_by_client(out.PlaybackCommand)


def test_the_sound_of_all_stretches_is_kept(free) -> None:
    first = stretch(free, 700)
    final(free, first, "I want")
    second = stretch(free, 400)
    final(free, second, "some tea")
    answer(free)
    assert len(free.records[0].user_pcm) == pcm_bytes(1100)


@pytest.mark.parametrize("stage", STAGES)
def test_a_cough_before_the_answer_sounds_holds_it_and_no_more(free, stage: str) -> None:
    begin(free, stage)
    stretch(free)
    asked = len(free.effects(do.Ask))
    if stage == "unspoken":
        free.voice_speaks_all(500)
        assert not free.heard_by_client(out.ClauseSound)
    free.hear_nothing()
    if stage == "unspoken":
        assert free.heard_by_client(out.ClauseSound)
    elif stage == "writing":
        free.send(on.AnswerEnded(free.asked.key, "stop"))
    else:
        free.model_writes("One is here.")
    free.voice_speaks_all(500)
    free.wait(3000)
    assert len(free.effects(do.Ask)) == asked
    assert [ended.turn.revision for ended in free.turns_ended] == [0]
    assert words(free) == ["I want"]


def test_a_murmur_before_the_answer_sounds_lets_it_go_on(free) -> None:
    begin(free, "unspoken")
    second = stretch(free)
    free.hear_pause("嗯")
    free.voice_speaks_all(500)
    assert free.heard_by_client(out.ClauseSound)
    final(free, second, "嗯")
    free.wait(3000)
    assert words(free) == ["I want"]
    assert not free.turns_ended[0].interrupted


def test_yes_before_the_answer_sounds_is_a_word(free) -> None:
    begin(free, "thinking")
    final(free, stretch(free), "對")
    answer(free)
    assert words(free) == ["I want 對"]


def test_a_voice_that_failed_under_a_cough_ends_the_turn_once(free) -> None:
    begin(free, "writing")
    stretch(free)
    speak = free.effects(do.Speak)[0]
    free.send(on.SpeechFailed(speak.key, 0, TtsUnavailable("gone")))
    free.send(on.AnswerEnded(free.asked.key, "stop"))
    free.hear_nothing()
    free.wait(1000)
    assert len(free.turns_ended) == 1


def test_noise_that_goes_on_holds_the_answer_only_so_long(free) -> None:
    begin(free, "unspoken")
    free.hear_started()
    free.voice_speaks_all(500)
    free.wait(free.c.policy.unheard_hold_ms - 1)
    assert not free.heard_by_client(out.ClauseSound)
    free.wait(2)
    assert free.heard_by_client(out.ClauseSound)
    final(free, free.utterance, "and some tea")
    assert free.turns_ended[0].interrupted
    answer(free)
    assert words(free) == ["I want", "and some tea"]


def test_a_guess_on_the_first_stretch_is_kept_when_the_second_is_nothing(free) -> None:
    first = stretch(free)
    free.hear_pause("what time is it")
    free.model_writes("It is noon.")
    free.voice_speaks_all(500)
    stretch(free)
    final(free, first, "what time is it")
    assert not free.heard_by_client(out.ClauseSound)
    free.hear_nothing()
    assert free.heard_by_client(out.ClauseSound)
    free.wait(3000)
    assert len(free.effects(do.Ask)) == 1
    assert words(free) == ["what time is it"]


def test_the_guess_on_the_first_stretch_goes_when_there_is_more(free) -> None:
    first = stretch(free)
    free.hear_pause("what time")
    guess = free.asked.key
    second = stretch(free)
    free.hear_pause("is it")
    assert do.Cancel(guess) in free.done
    assert free.asked.messages[-1].content == "what time is it"
    final(free, first, "what time")
    final(free, second, "is it")
    assert len(free.effects(do.Ask)) == 2
    answer(free)
    assert words(free) == ["what time is it"]


def test_a_first_stretch_that_was_nothing_does_not_keep_the_second_waiting(free) -> None:
    first, second = stretch(free), stretch(free)
    free.hear_partial("some tea")
    final(free, second, "some tea")
    free._report(listen.NoSpeech, utterance=first)
    answer(free)
    assert words(free) == ["some tea"]


def test_a_stretch_that_fails_is_told_and_its_sound_kept_with_the_rest(free) -> None:
    first, second = stretch(free, 500), stretch(free, 300)
    code = ErrorCode.STT_UNAVAILABLE
    free._report(listen.ListenError, utterance=second, code=code, message="crashed")
    final(free, first, "I want tea", at=500)
    answer(free)
    assert free.errors == ["STT_UNAVAILABLE"]
    assert words(free) == ["I want tea"]
    assert len(free.records[0].user_pcm) == pcm_bytes(800)


def test_a_stretch_that_nobody_understood_is_a_turn_with_its_sound(free) -> None:
    number = stretch(free, 500)
    code = ErrorCode.STT_UNAVAILABLE
    free._report(listen.ListenError, utterance=number, code=code, message="crashed")
    (kept,) = free.records
    assert kept.record.error == "STT_UNAVAILABLE"
    assert len(kept.user_pcm) == pcm_bytes(500)


def test_a_recogniser_that_never_answers_for_one_stretch_keeps_no_other(free) -> None:
    stretch(free)
    second = stretch(free)
    final(free, second, "are you there")
    free.wait(free.c.policy.final_timeout_ms)
    assert free.errors == ["STT_UNAVAILABLE"]
    answer(free)
    assert words(free) == ["are you there"]
    assert not free.c.listening.busy


def test_a_text_overtakes_what_is_not_understood_yet_and_its_words_are_kept(free) -> None:
    first = stretch(free)
    free.hear_partial("I want")
    free.type("hello")
    final(free, first, "I want tea")
    assert free.asked.messages[-1].content == "hello"
    answer(free)
    by_words = {kept.record.recognised_text: kept.record for kept in free.records}
    assert by_words["I want tea"].interrupted
    assert by_words["I want tea"].ai_text == ""
    assert by_words["hello"].ai_text == "Fine."


def test_three_stretches_around_an_answer_that_is_taken_back_twice(free) -> None:
    for text in ("one", "two", "three"):
        final(free, stretch(free), text)
    answer(free)
    assert words(free) == ["one two three"]
    assert [ended.turn.revision for ended in free.turns_ended] == [2]


@pytest.mark.parametrize(
    ("stretches", "text"),
    [
        (["我想喝茶", "加牛奶"], "我想喝茶加牛奶"),
        (["我想喝茶。", "Thank you"], "我想喝茶。Thank you"),
        (["I want tea,", "with milk"], "I want tea, with milk"),
        (["我要", "coffee", "謝謝"], "我要 coffee 謝謝"),
        (["", "hello", ""], "hello"),
    ],
)
def test_words_are_joined_as_each_script_is_written(stretches: list[str], text: str) -> None:
    assert join_words(*stretches) == text
