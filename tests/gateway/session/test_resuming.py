"""A client goes and comes back, on virtual time."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from avatar_contract.records import ClaimedSession, TurnView
from gateway.session import effects as do
from gateway.session import inputs as on
from gateway.session import outputs as out
from gateway.session.listening import Phase
from gateway.session.resuming import restore

U1 = UUID(int=101)
SESSION = UUID(int=5)


def view(number: int = 1, state: str = "open", **fields: object) -> TurnView:
    words = {"user_text": "tell me", "recognised_text": "tell me"}
    known = {
        "session_id": SESSION,
        "turn_id": UUID(int=900 + number),
        "utterance_id": UUID(int=100 + number),
        "turn_number": number,
        "revision": 0,
        "state": state,
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return TurnView.model_validate(known | words | fields)


def speaking(sim, text: str = "One is here. Two is here. Three is here.") -> out.TurnRef:
    sim.type("count")
    sim.model_writes(text)
    sim.voice_speaks_all()
    return sim.heard_by_client(out.TurnAccepted)[-1].turn


def test_the_clock_stands_still_while_nobody_listens(sim) -> None:
    turn = speaking(sim)
    sim.wait(500)
    sim.send(on.ClientDetached())
    sim.wait(60_000)
    assert not sim.turns_ended
    sim.send(on.ClientAttached(turn.turn_id, 0, 700))
    sim.wait(2400)
    assert sim.turns_ended[0].heard_text == "One is here. Two is here. Three is here."
    assert not sim.turns_ended[0].interrupted


def test_nothing_sounds_while_nobody_listens_but_the_answer_is_written(sim) -> None:
    sim.type("count")
    sim.send(on.ClientDetached())
    sim.model_writes("One is here.")
    sim.voice_speaks_all()
    assert not sim.heard_by_client(out.ClauseSound)
    assert sim.heard_by_client(out.AnswerComplete)
    sim.send(on.ClientAttached())
    assert sim.heard_by_client(out.ClauseSound)
    sim.wait(1100)
    assert sim.turns_ended


def test_what_was_heard_is_kept_when_the_client_goes(sim) -> None:
    speaking(sim)
    sim.wait(1100)
    sim.send(on.ClientDetached())
    assert sim.open_records[-1].record.heard_text == "One is here."


def test_a_barge_in_that_is_undecided_when_the_client_goes_waits_for_it(free) -> None:
    turn = speaking(free)
    free.wait(500)
    free.hear_started()
    free.send(on.ClientDetached())
    free.hear_nothing()
    free.wait(30_000)
    assert not free.turns_ended
    free.send(on.ClientAttached(turn.turn_id, 0, 600))
    free.wait(2500)
    assert not free.turns_ended[0].interrupted


def test_a_retold_turn_begins_where_it_was_heard(sim) -> None:
    turn = speaking(sim)
    sim.wait(1500)
    sim.send(on.ClientDetached())
    sim.said.clear()
    sim.send(on.ClientAttached(turn.turn_id, 0, 1500, retell=True))
    clauses = [o.text for o in sim.heard_by_client(out.ClauseStarted)]
    assert clauses == ["Two is here.", "Three is here."]
    sound = sum(len(o.pcm) for o in sim.heard_by_client(out.ClauseSound))
    assert sound == 1500 * 48
    assert sim.heard_by_client(out.AnswerComplete)
    sim.wait(1400)
    assert not sim.turns_ended
    sim.wait(200)
    assert sim.turns_ended[0].heard_text.endswith("Three is here.")


def test_a_retold_turn_without_a_place_begins_at_its_beginning(sim) -> None:
    speaking(sim)
    sim.wait(1500)
    sim.send(on.ClientDetached())
    sim.said.clear()
    sim.send(on.ClientAttached(retell=True))
    assert len(sim.heard_by_client(out.ClauseStarted)) == 3
    sim.send(on.Interrupted(None, None, 900))
    assert sim.turns_ended[0].heard_text == "One is"


def restored(sim, *turns: TurnView) -> None:
    claimed = ClaimedSession(
        session_id=SESSION,
        epoch=4,
        config={"locale": "en", "tts_mode": "hq", "from_the_future": 1},
        turns=list(turns),
        next_turn_number=8,
    )
    restore(sim.c, claimed)


def test_memory_configuration_and_numbers_come_back(sim) -> None:
    heard = view(1, "closed", ai_text="One. Two.", heard_text="One.", interrupted=True)
    whole = view(2, "closed", ai_text="Three.", heard_text="Three.")
    restored(sim, heard, whole)
    sim.type("go on")
    assert sim.c.config.tts_mode == "hq"
    said = [message.content for message in sim.asked.messages[1:]]
    assert said == ["tell me", "One.", "tell me", "Three.", "go on"]
    assert sim.heard_by_client(out.TurnAccepted)[0].turn.number == 8
    assert sim.open_records[-1].record.epoch == 4


def test_a_closed_turn_of_before_is_replayed_not_done_again(sim) -> None:
    restored(sim, view(1, "closed", ai_text="Three.", heard_text="Three."))
    sim.type("tell me", UUID(int=101))
    assert not sim.effects(do.Ask)
    assert sim.turns_ended[0].heard_text == "Three."


def test_an_open_turn_is_answered_anew_under_its_own_ids(sim) -> None:
    restored(sim, view(3))
    sim.send(on.TurnReopened(view(3)))
    accepted = sim.heard_by_client(out.TurnAccepted)[0]
    assert (accepted.turn.turn_id, accepted.turn.number) == (UUID(int=903), 3)
    sim.model_writes("Yes.")
    sim.voice_speaks_all()
    sim.wait(1100)
    (kept,) = sim.records
    assert (kept.record.session_id, kept.record.epoch) == (SESSION, 4)


def test_a_turn_that_the_client_saw_end_is_remembered_not_done_again(sim) -> None:
    restored(sim, view(3))
    sim.send(on.TurnReopened(view(3, ai_text="Yes."), wanted=False))
    assert not sim.heard_by_client(out.TurnAccepted)
    sim.type("go on")
    assert [m.content for m in sim.asked.messages[1:]] == ["tell me", "Yes.", "go on"]


def test_the_late_record_of_a_turn_replaces_what_was_known_of_it(sim) -> None:
    restored(sim, view(2, heard_text="One"), view(3, ai_text="Yes.", heard_text="Ye"))
    sim.send(on.TurnReopened(view(3, ai_text="Yes.", heard_text="Ye"), wanted=False))
    waited_for = [effect.utterance_id for effect in sim.effects(do.AwaitRecord)]
    assert waited_for == [UUID(int=102), UUID(int=103)]
    sim.send(on.RecordRead(view(2, "closed", ai_text="One. Two.", heard_text="One. Two.")))
    cut = view(3, "closed", ai_text="Yes. No.", heard_text="Yes.", interrupted=True)
    sim.send(on.RecordRead(cut))
    sim.type("go on")
    said = [message.content for message in sim.asked.messages[1:]]
    assert said == ["tell me", "One. Two.", "tell me", "Yes.", "go on"]


def test_a_late_record_does_not_undo_a_correction(sim) -> None:
    restored(sim, view(3))
    sim.send(on.TurnReopened(view(3, ai_text="Yes."), wanted=False))
    sim.send(on.RecordRead(view(3, "closed", ai_text="Yes.", heard_text="Yes.")))
    sim.send(on.Edited(UUID(int=903), 1, "tell me more"))
    sim.model_writes("More.")
    sim.voice_speaks_all()
    sim.wait(2000)
    sim.send(on.RecordRead(view(3, "closed", ai_text="Yes.", heard_text="Yes.")))
    sim.type("go on")
    said = [message.content for message in sim.asked.messages[1:]]
    assert said == ["tell me more", "More.", "go on"]


def test_a_stored_answer_is_spoken_from_where_it_was_heard(sim) -> None:
    text = "One is here. Two is here. Three is here."
    known = view(3, ai_text=text, heard_text="One is here. Two")
    restored(sim, known)
    sim.send(on.TurnReopened(known, 1400))
    assert not sim.effects(do.Ask)
    sim.voice_speaks_all()
    assert [o.text for o in sim.heard_by_client(out.ClauseStarted)] == [
        "Two is here.",
        "Three is here.",
    ]
    sim.send(on.Played(known.turn_id, 0, 3400))
    sim.wait(1100)
    assert sim.turns_ended[0].heard_text == text
    assert sim.records[0].ai_pcm is None


def test_an_open_turn_without_words_waits_for_the_client_who_has_its_sound(sim) -> None:
    known = view(3, user_text="", recognised_text=None)
    restored(sim, known)
    sim.send(on.TurnReopened(known))
    assert not sim.heard_by_client(out.TurnAccepted)
    sim.press(UUID(int=103))
    sim.send(on.LookedUp(UUID(int=103), known))
    assert sim.heard_by_client(out.TurnAccepted)[0].turn.turn_id == known.turn_id
    sim.release()
    sim.hear_final("tell me")
    assert sim.asked


def say_again(sim) -> None:
    """A client that came back says an utterance again that it does not know to have arrived."""
    sim.send(on.ClientDetached())
    sim.send(on.ClientAttached())
    sim.send(on.UtteranceAnnounced(U1, 0))
    sim.send(on.ChunkArrived(None))
    sim.send(on.ChunkArrived(U1))
    sim.release(U1)


@pytest.mark.parametrize("looked_up", [True, False])
def test_what_is_said_again_of_an_utterance_that_stt_works_on_is_ignored(sim, looked_up) -> None:
    sim.press(U1)
    if looked_up:
        sim.send(on.LookedUp(U1, None))
    sim.release(U1)
    say_again(sim)
    assert sim.errors == []
    assert [one.command.type for one in sim.effects(do.Listen)] == ["commit"]
    sim.hear_final("count")
    if not looked_up:
        sim.send(on.LookedUp(U1, None))
    assert len(sim.effects(do.Ask)) == 1
    assert sim.c.turn.utterance_id == U1
    say_again(sim)
    sim.release(U1)
    assert sim.errors == []
    assert len(sim.effects(do.Ask)) == 1


def test_what_is_said_again_does_not_name_the_next_utterance(sim) -> None:
    sim.press(U1)
    sim.send(on.LookedUp(U1, None))
    sim.release(U1)
    say_again(sim)
    sim.hear_final("count")
    sim.press()
    assert sim.c.utterance.utterance_id != U1


def test_an_utterance_that_goes_on_after_a_resume_does_not_name_the_next_one(sim) -> None:
    sim.press(U1)
    sim.send(on.LookedUp(U1, None))
    sim.send(on.ClientDetached())
    sim.send(on.ClientAttached())
    sim.send(on.UtteranceAnnounced(U1, 16_000))
    sim.speak(500)
    sim.release(U1)
    sim.hear_final("count")
    sim.press()
    assert sim.c.utterance.utterance_id != U1


def test_the_end_of_a_stretch_that_is_over_is_ignored_while_the_next_is_spoken(free) -> None:
    free.send(on.UtteranceAnnounced(U1, 0))
    free.hear_started()
    free.send(on.LookedUp(U1, None))
    free.hear_partial("tell me")
    free.speak(500)
    free.hear_started()
    free.release(U1)
    assert free.errors == []
    assert free.c.utterance.utterance_id != U1
    assert free.c.utterance.phase is Phase.OPEN


def test_the_end_of_an_unknown_utterance_is_a_bad_message_also_while_stt_works(sim) -> None:
    sim.press(U1)
    sim.release(U1)
    sim.release(UUID(int=102))
    assert sim.errors == ["BAD_MESSAGE"]


@pytest.mark.parametrize("state", ["open", "closed"])
def test_a_named_utterance_that_is_spoken_freely_is_looked_up_too(free, state: str) -> None:
    known = view(3, state, ai_text="Three.")
    free.send(on.UtteranceAnnounced(UUID(int=103), 0))
    free.hear_started()
    free.hear_partial("tell me")
    assert not free.heard_by_client(out.TurnAccepted)
    free.send(on.LookedUp(UUID(int=103), known))
    assert free.heard_by_client(out.TurnAccepted)[0].turn.turn_id == known.turn_id
    if state == "closed":
        assert free.turns_ended
    else:
        free.hear_final("tell me more")
        assert free.asked.messages[-1].content == "tell me more"
