"""The recogniser dies: what it has not answered is told to the next one, as the same turn."""

from __future__ import annotations

from avatar_contract import listen
from avatar_contract.audio import pcm_bytes
from avatar_contract.errors import SttUnavailable
from gateway.session import effects as do
from gateway.session import inputs as on
from gateway.session import outputs as out

KILLED = SttUnavailable("killed")


def lose(sim, *, for_good: bool = False) -> None:
    sim.send(on.ListenLost(KILLED, for_good=for_good))


def started(free, number: int) -> None:
    free.utterance = number
    free._report(listen.SpeechStarted)


def answer(free) -> None:
    free.model_writes("Fine.")
    free.voice_speaks_all(500)
    free.wait(10_000)


def words(free) -> list[str]:
    return [kept.record.recognised_text for kept in free.records]


def test_an_utterance_that_is_told_again_is_the_same_turn(free) -> None:
    free.hear_started()
    free.speak(600)
    free.hear_partial("what time")
    turn = free.heard_by_client(out.TurnAccepted)[0].turn
    lose(free)
    free.speak(400)
    started(free, 1)
    free.hear_partial("what time is it")
    free.hear_final("what time is it")
    answer(free)
    assert words(free) == ["what time is it"]
    assert {o.turn for o in free.heard_by_client(out.TurnAccepted)} == {turn}
    assert len(free.records[0].user_pcm) == pcm_bytes(1000)
    assert free.errors == []


def test_stretches_that_waited_are_told_again_and_may_be_divided_anew(free) -> None:
    for _ in range(3):
        free.hear_started()
        free.speak(300)
    free.hear_final("three")
    lose(free)
    assert not free.effects(do.Ask)
    for number, text in ((1, "one two"), (2, "three")):
        started(free, number)
        free.hear_final(text)
    answer(free)
    assert words(free) == ["one two three"]
    assert len(free.turns_ended) == 1


def test_what_the_lost_recogniser_answered_is_not_told_again(free) -> None:
    free.hear_started()
    free.speak(300)
    ended = free.c.tape.end_ms
    free.hear_final("hello")
    lose(free)
    assert free.c.tape.understood_ms == ended
    answer(free)
    assert words(free) == ["hello"]


def test_a_reply_goes_on_when_the_next_recogniser_takes_the_voice_for_a_cough(free) -> None:
    free.hear_started()
    free.hear_final("tell me")
    free.model_writes("One is here. Two is here.")
    free.voice_speaks_all(1000)
    free.wait(300)
    free.hear_started()
    lose(free)
    started(free, 1)
    free.hear_nothing()
    free.wait(5000)
    assert not free.turns_ended[0].interrupted


def test_a_recogniser_that_hears_nothing_in_what_it_is_told_again(free) -> None:
    free.hear_started()
    free.speak(500)
    lose(free)
    free.wait(free.c.policy.final_timeout_ms)
    assert free.errors == ["STT_UNAVAILABLE"]
    assert len(free.records[0].user_pcm) == pcm_bytes(500)


def test_sound_that_ends_recognisers_is_told_to_three_and_no_more(free) -> None:
    free.hear_started()
    free.speak(500)
    for _ in range(2):
        lose(free)
        assert free.errors == []
        started(free, 1)
    lose(free)
    assert free.errors == ["STT_UNAVAILABLE"]
    assert free.records[0].record.error == "STT_UNAVAILABLE"
    assert len(free.records[0].user_pcm) == pcm_bytes(500)
    assert free.c.tape.understood_ms == free.c.tape.end_ms


def test_where_there_is_no_other_all_that_waited_is_told_and_kept(free) -> None:
    free.hear_started()
    free.speak(500)
    free.hear_started()
    free.speak(300)
    lose(free, for_good=True)
    assert not free.c.listening.busy
    assert sum(len(kept.user_pcm) for kept in free.records) == pcm_bytes(800)
    assert {kept.record.error for kept in free.records} == {"STT_UNAVAILABLE"}


def test_what_a_text_overtook_is_not_mixed_with_what_was_said_after_it(free) -> None:
    free.hear_started()
    free.speak(300)
    free.hear_partial("never mind")
    free.type("hello")
    free.hear_started()
    free.speak(300)
    lose(free)
    started(free, 1)
    free.hear_final("and this")
    answer(free)
    kept = {record.record.recognised_text: record.record for record in free.records}
    assert kept[None].error == "STT_UNAVAILABLE"
    assert set(kept) == {None, "hello", "and this"}


def test_what_two_texts_overtook_is_not_mixed(free) -> None:
    for said, typed in (("never mind", "hello"), ("and this", "goodbye")):
        free.hear_started()
        free.speak(300)
        free.hear_partial(said)
        free.type(typed)
    lose(free)
    started(free, 1)
    free.hear_final("and this")
    answer(free)
    kept = {record.record.recognised_text: record.record for record in free.records}
    assert kept[None].error == "STT_UNAVAILABLE"
    assert set(kept) == {None, "hello", "and this", "goodbye"}


def test_a_held_utterance_is_understood_by_the_next_recogniser(sim) -> None:
    sim.press()
    lose(sim)
    sim.speak(300)
    sim.release()
    lose(sim)
    sim.utterance = 1
    sim.hear_final("what time is it")
    answer(sim)
    assert words(sim) == ["what time is it"]
    assert len(sim.records[0].user_pcm) == pcm_bytes(1300)


def test_sound_for_no_recogniser_is_kept_until_one_has_reported_on_it(sim) -> None:
    tape = sim.c.tape
    sim.speak(1000)
    tape.keep_unsent(400)
    sim.speak(5000)
    assert len(tape.cut(400, tape.end_ms)) == pcm_bytes(5600)
    tape.hold(3000)
    tape.keep_unsent(None)
    assert tape.from_ms == 3000
    tape.hold(None)
    assert tape.from_ms == tape.end_ms - 1500
