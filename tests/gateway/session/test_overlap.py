"""Two speak at once: barge-in at every stage, backchannels, coughs, echo, the stop button."""

from __future__ import annotations

import pytest

from gateway.session import effects as do
from gateway.session import inputs as on
from gateway.session import outputs as out

STORY = "One is here. Two is here. Three is here."


def actions(sim) -> list[str]:
    return [o.action for o in sim.heard_by_client(out.PlaybackCommand)]


def begin(free, *, upto: str = "speaking") -> None:
    """A reply that has come as far as `upto`."""
    free.hear_started()
    free.hear_final("tell me a story")
    if upto == "thinking":
        return
    free.model_writes(STORY, end=upto != "writing")
    if upto in {"writing", "unspoken"}:
        return
    free.voice_speaks_all(1000)
    free.wait(1500)


def test_barge_in_while_it_is_spoken(free) -> None:
    begin(free)
    free.hear_started()
    assert actions(free) == ["pause"]
    free.wait(150)
    free.hear_partial("stop please")
    assert actions(free) == ["pause", "flush"]
    (ended,) = free.turns_ended
    assert ended.interrupted
    assert ended.heard_text == "One is here. Two is"
    free.hear_final("stop please")
    assert free.asked.messages[-1].content == "stop please"


@pytest.mark.parametrize("stage", ["thinking", "writing", "unspoken"])
def test_speaking_before_the_answer_to_a_typed_turn_sounds_interrupts_it(free, stage: str) -> None:
    free.type("tell me a story")
    if stage != "thinking":
        free.model_writes(STORY, end=stage != "writing")
    free.hear_started()
    assert actions(free) == []
    free.hear_partial("stop please")
    assert actions(free) == ["flush"]
    assert free.turns_ended[0].interrupted
    free.hear_final("stop please")
    assert free.asked.messages[-1].content == "stop please"


def test_nothing_is_asked_of_the_engines_while_held(free) -> None:
    begin(free, upto="unspoken")
    asked = len(free.effects(do.Speak))
    free.hear_started()
    free.voice_speaks()
    assert len(free.effects(do.Speak)) == asked
    assert not free.heard_by_client(out.ClauseSound)
    free.hear_nothing()
    assert free.heard_by_client(out.ClauseSound)


@pytest.mark.parametrize("words", ["嗯", "對對", "uh-huh", "yeah", "oh okay"])
def test_a_backchannel_does_not_end_the_reply(free, words: str) -> None:
    begin(free)
    free.hear_started()
    free.hear_partial(words)
    free.hear_pause(words)
    assert actions(free) == ["pause", "resume"]
    free.hear_final(words)
    free.wait(2000)
    assert not free.turns_ended or not free.turns_ended[0].interrupted
    assert len(free.heard_by_client(out.TurnAccepted)) == 2
    free.wait(3000)
    assert free.turns_ended[0].heard_text == STORY


def test_a_cough_does_not_end_the_reply(free) -> None:
    begin(free)
    free.hear_started()
    free.wait(300)
    free.hear_nothing()
    assert actions(free) == ["pause", "resume"]
    assert free.errors == []


def test_words_after_a_backchannel_do_end_it(free) -> None:
    begin(free)
    free.hear_started()
    free.hear_pause("okay")
    free.hear_resumed()
    free.hear_partial("okay but stop now")
    assert actions(free)[-1] == "flush"
    free.hear_final("okay but stop now")


def test_long_sound_without_words_ends_it(free) -> None:
    begin(free)
    free.hear_started()
    free.wait(1000)
    assert actions(free) == ["pause", "flush"]
    free.hear_final("I would like something else")


def test_a_murmur_gets_time_to_end(free) -> None:
    begin(free)
    free.hear_started()
    free.hear_partial("嗯嗯")
    free.wait(1500)
    assert actions(free) == ["pause"]
    free.hear_pause("嗯嗯")
    assert actions(free) == ["pause", "resume"]
    free.hear_final("嗯嗯")


def test_murmuring_on_and_on_takes_the_floor(free) -> None:
    begin(free)
    free.hear_started()
    free.hear_partial("嗯嗯")
    free.wait(1900)
    assert actions(free) == ["pause", "flush"]
    free.hear_final("嗯嗯嗯我想說")


def test_the_clock_stands_still_while_paused(free) -> None:
    begin(free)
    free.hear_started()
    free.wait(800)
    free.hear_nothing()
    free.wait(100)
    free.send(on.Interrupted(None, None, None))
    assert free.turns_ended[0].heard_text == "One is here. Two is"


def test_echo_does_not_pause(sim) -> None:
    sim.c.tools.is_echo = lambda _mic, _sound, _rate: True
    sim.configure(turn_detection="server_vad")
    begin(sim)
    sim.hear_started()
    sim.hear_partial("two is here")
    sim.hear_final("two is here")
    assert actions(sim) == []
    sim.wait(5000)
    assert sim.turns_ended[0].heard_text == STORY
    assert len(sim.heard_by_client(out.TurnAccepted)) == 2


def test_words_over_an_echo_do_interrupt(sim) -> None:
    sim.c.tools.is_echo = lambda _mic, _sound, _rate: True
    sim.configure(turn_detection="server_vad")
    begin(sim)
    sim.hear_started()
    sim.hear_partial("stop talking")
    assert actions(sim) == ["flush"]
    sim.hear_final("stop talking")


def test_the_stop_button_twice(free) -> None:
    begin(free)
    free.send(on.Interrupted(None, None, 1400))
    free.send(on.Interrupted(None, None, 1400))
    assert len(free.turns_ended) == 1
    assert free.turns_ended[0].heard_text == "One is here. Two"


def test_stop_for_another_turn_is_ignored(free) -> None:
    begin(free)
    free.send(on.Interrupted(free.c.session_id, 0, 0))
    assert not free.turns_ended


def test_what_the_client_reports_is_what_was_heard(free) -> None:
    begin(free)
    turn = free.c.turn
    free.send(on.Played(turn.turn_id, 0, 1000))
    free.wait(200)
    free.hear_started()
    free.hear_partial("enough of that")
    assert free.turns_ended[0].heard_text == "One is here."
    free.hear_final("enough of that")


def test_a_client_that_never_reports_is_clocked(free) -> None:
    begin(free)
    free.wait(1490)
    assert not free.records
    free.wait(20)
    assert free.records[0].record.heard_text == STORY


def test_a_client_that_stops_reporting_is_clocked_from_its_last_report(free) -> None:
    begin(free)
    turn = free.c.turn
    free.send(on.Played(turn.turn_id, 0, 1500))
    free.wait(1400)
    assert not free.records
    free.wait(200)
    assert free.records[0].record.heard_text == STORY


def test_a_slow_client_is_waited_for(free) -> None:
    begin(free)
    turn = free.c.turn
    for played in range(200, 2800, 200):
        free.wait(500)
        free.send(on.Played(turn.turn_id, 0, played))
        assert not free.records
    free.send(on.Played(turn.turn_id, 0, 3000))
    assert free.records


def test_the_next_question_knows_only_what_was_heard(free) -> None:
    begin(free)
    free.hear_started()
    free.hear_final("what did you say")
    said = [(m.role, m.content) for m in free.asked.messages[1:]]
    assert said == [
        ("user", "tell me a story"),
        ("assistant", "One is here. Two is"),
        ("user", "what did you say"),
    ]


def test_stop_for_an_earlier_revision_does_not_stop_the_newer_answer(free) -> None:
    free.type("what is two plus tree")
    turn_id = free.c.turn.turn_id
    free.send(on.Edited(turn_id, 1, "what is two plus three"))
    free.send(on.Interrupted(turn_id, 0, None))
    assert free.c.turn is not None
    free.send(on.Interrupted(turn_id, 1, None))
    assert free.c.turn is None
