"""What the model thinks is neither spoken nor kept, however its tags come."""

from __future__ import annotations

from gateway.session import effects as do
from gateway.session import inputs as on
from gateway.session import outputs as out


def test_thinking_that_the_template_opened_is_taken_back(sim) -> None:
    sim.type("who are you")
    key = sim.asked.key
    sim.send(on.AnswerDelta(key, "A secret plan. I must be brief. "))
    sim.voice_speaks(500)
    sim.send(on.AnswerDelta(key, "Now.\n</think>\nI am Ava."))
    sim.send(on.AnswerEnded(key, "stop"))
    sim.voice_speaks_all(500)
    sim.wait(5000)
    assert sim.heard_by_client(out.AnswerComplete)[0].text == "I am Ava."
    assert sim.turns_ended[0].heard_text == "I am Ava."
    assert "secret" not in sim.records[0].record.model_dump_json()


def test_a_model_that_is_known_to_do_so_is_not_heard_thinking(sim) -> None:
    sim.c.thinking_opened = True
    sim.type("who are you")
    key = sim.asked.key
    sim.send(on.AnswerDelta(key, "A secret plan. I must be brief. "))
    assert not sim.effects(do.Speak)
    sim.send(on.AnswerDelta(key, "</think>I am Ava."))
    sim.send(on.AnswerEnded(key, "stop"))
    assert [speak.text for speak in sim.effects(do.Speak)] == ["I am Ava."]


def test_a_clause_without_letters_is_spoken_in_the_replys_language(sim) -> None:
    sim.type("what is it")
    sim.model_writes("Your code is:\n4821.")
    sim.voice_speaks_all()
    assert {speak.language for speak in sim.effects(do.Speak)} == {"en"}
    sim.wait(5000)
