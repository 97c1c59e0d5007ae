"""The same utterance id again is the same turn, never a second one."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from avatar_contract import listen
from avatar_contract.records import TurnView
from gateway.session import effects as do
from gateway.session import inputs as on
from gateway.session import outputs as out

U1 = UUID(int=101)


def view(sim) -> TurnView:
    return TurnView(
        session_id=sim.c.session_id,
        turn_id=UUID(int=9),
        utterance_id=U1,
        turn_number=3,
        revision=0,
        state="closed",
        user_text="hello",
        ai_text="Hi.",
        heard_text="Hi.",
        ai_audio_ms=500,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_a_typed_turn_waits_for_the_look_up(sim) -> None:
    sim.type("hello", U1)
    assert not sim.heard_by_client(out.TurnAccepted)
    sim.send(on.LookedUp(U1, None))
    assert sim.heard_by_client(out.TurnAccepted)[0].utterance_id == U1


def test_a_typed_turn_said_again_during_the_look_up_is_one_turn(sim) -> None:
    """A client whose socket broke says it again; the answer to the look-up is on its way."""
    sim.type("hello", U1)
    sim.type("hello", U1)
    assert sim.errors == []
    sim.send(on.LookedUp(U1, None))
    assert len(sim.heard_by_client(out.TurnAccepted)) == 1


def test_a_turn_of_another_conversation_does_not_take_this_ones_token_there(sim) -> None:
    """Its client could not resume, and had the turn done again in a new conversation."""
    sim.c.token_hash = "a" * 64
    elsewhere = view(sim).model_copy(update={"session_id": UUID(int=77), "state": "open"})
    sim.type("hello", U1)
    sim.send(on.LookedUp(U1, elsewhere))
    sim.send(on.Interrupted(None, None, None))
    sim.type("and here", UUID(int=102))
    sim.send(on.LookedUp(UUID(int=102), None))
    there, here = (
        [
            e.record
            for e in sim.effects(do.Store)
            if (e.record.session_id == elsewhere.session_id) is t
        ]
        for t in (True, False)
    )
    assert there
    assert all(record.session is None for record in there)
    assert here
    assert all(record.session is not None for record in here)


def test_a_known_typed_turn_comes_back(sim) -> None:
    sim.type("hello", U1)
    sim.send(on.LookedUp(U1, view(sim)))
    assert not sim.effects(do.Ask)
    assert sim.heard_by_client(out.AnswerComplete)[0].text == "Hi."
    assert sim.turns_ended[0].heard_text == "Hi."


def test_a_known_spoken_turn_comes_back_and_its_sound_is_dropped(sim) -> None:
    sim.press(U1)
    sim.send(on.LookedUp(U1, view(sim)))
    assert not sim.microphone
    assert sim.turns_ended[0].turn.number == 3
    sim.send(on.ChunkArrived(U1))
    sim.release(U1)
    assert sim.errors == []
    assert len(sim.turns_ended) == 1


def test_hands_free_the_sound_of_a_known_turn_is_for_no_other_recogniser(free) -> None:
    free.send(on.UtteranceAnnounced(U1, 0))
    free.hear_started()
    free.speak(500)
    free.send(on.LookedUp(U1, view(free)))
    assert free.effects(do.Listen)[-1].command == listen.Clear()
    assert free.c.tape.understood_ms == free.c.tape.end_ms == 500


def test_a_final_before_the_look_up_waits_for_it(sim) -> None:
    sim.press(U1)
    sim.release(U1)
    sim.hear_final("hello")
    assert not sim.effects(do.Ask)
    sim.send(on.LookedUp(U1, None))
    assert sim.asked.messages[-1].content == "hello"


def test_a_turn_of_this_session_is_known_from_memory(sim) -> None:
    sim.type("hello", U1)
    sim.send(on.LookedUp(U1, None))
    sim.model_writes("Hi.")
    sim.voice_speaks_all()
    sim.wait(3000)
    first = sim.turns_ended[0]
    sim.type("hello", U1)
    assert len(sim.effects(do.Ask)) == 1
    assert sim.turns_ended[1].turn == first.turn
    assert sim.turns_ended[1].heard_text == "Hi."
