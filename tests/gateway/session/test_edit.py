"""`edit_transcription`: the corrected text is answered instead; both texts are kept."""

from __future__ import annotations

from uuid import UUID

from gateway.session import effects as do
from gateway.session import inputs as on
from gateway.session import outputs as out


def spoken(sim) -> UUID:
    sim.press()
    sim.release()
    sim.hear_final("what is two plus tree")
    sim.model_writes("I do not know trees. They are green and tall.")
    sim.voice_speaks_all(1000)
    return sim.c.turn.turn_id


def test_an_edit_during_speech(sim) -> None:
    turn_id = spoken(sim)
    sim.wait(500)
    sim.send(on.Edited(turn_id, 1, "what is two plus three"))
    sim.model_writes("Five.")
    sim.voice_speaks_all(500)
    sim.wait(600)
    sim.store_answers()
    assert sim.turns_ended[0].interrupted
    assert sim.turns_ended[1].turn.revision == 1
    assert sim.turns_ended[1].turn.number == 1
    record = sim.records[-1].record
    assert record.recognised_text == "what is two plus tree"
    assert record.edited_text == "what is two plus three"
    assert [m.content for m in sim.asked.messages[1:]] == ["what is two plus three"]


def test_an_edit_after_the_end(sim) -> None:
    turn_id = spoken(sim)
    sim.wait(4000)
    sim.send(on.Edited(turn_id, 1, "what is two plus three"))
    assert sim.asked.messages[-1].content == "what is two plus three"
    assert sim.heard_by_client(out.TurnAccepted)[-1].turn.revision == 1


def test_only_the_last_turn_and_the_next_revision(sim) -> None:
    first = spoken(sim)
    sim.wait(4000)
    sim.type("hello")
    sim.send(on.Edited(first, 1, "x"))
    sim.send(on.Edited(sim.c.turn.turn_id, 2, "x"))
    sim.send(on.Edited(UUID(int=7), 1, "x"))
    assert sim.errors == ["CONFLICT"] * 3
    assert len(sim.effects(do.Ask)) == 2
