"""Typed turns."""

from __future__ import annotations

import re
from uuid import UUID

import pytest

from avatar_contract.terms import Limits
from gateway.session import effects as do
from gateway.session import inputs as on
from gateway.session import outputs as out

UNSEEN = {
    "zero width": "\u200b\u200d",
    "an empty Braille cell": "\u2800",
    "a Hangul filler": "\u3164 \uffa0",
    "a byte order mark": "\ufeff",
    "direction marks": "\u200e\u202e\u2066",
    "a variation selector": "\ufe0f",
    "a soft hyphen": "\u00ad",
    "tags": "\U000e0041\U000e007f",
    "an accent without a letter": "\u0301",
    "controls": "\x00\x07",
    "an ideographic space": "\u3000",
}


@pytest.mark.parametrize("text", UNSEEN.values(), ids=UNSEEN.keys())
def test_text_that_can_not_be_seen_is_no_question(sim, text: str) -> None:
    sim.type(text)
    assert sim.errors == ["BAD_MESSAGE"]
    assert not sim.effects(do.Ask)


@pytest.mark.parametrize("text", ["?", "3", "👍🏽", "\u200b好", "é", "…", "\U0001fae9"])
def test_little_text_is_a_question(sim, text: str) -> None:
    sim.type(text)
    assert sim.errors == []
    assert sim.asked.messages[-1].content == text


@pytest.mark.parametrize("text", ["", " ", "\u200b", "\u2800"])
def test_a_correction_that_can_not_be_seen(sim, text: str) -> None:
    sim.type("hello")
    sim.send(on.Edited(sim.c.turn.turn_id, 1, text))
    assert sim.errors == ["BAD_MESSAGE"]
    assert sim.c.turn.revision == 0


TOO_LONG = {"letters": "wordy" * 1500, "Chinese": "很長的話" * 600, "signs": "?!" * 3500}


@pytest.mark.parametrize("text", TOO_LONG.values(), ids=TOO_LONG.keys())
def test_a_question_longer_than_the_budget_is_never_asked(sim, text: str) -> None:
    sim.type(text)
    assert sim.errors == ["PAYLOAD_TOO_LARGE"]
    assert not sim.effects(do.Ask)
    sim.type("hello")
    assert sim.asked.messages[-1].content == "hello"


def told_room(sim, text: str) -> int:
    """The number in the newest refusal, which says how long the question was, too."""
    told = sim.heard_by_client(out.Failed)[-1].error.message
    found = re.fullmatch(
        rf"The question has {len(text)} characters; there is room for (\d+) of them\. "
        r"Ask it shorter, or in parts\.",
        told,
    )
    assert found, told
    return int(found[1])


@pytest.mark.parametrize("text", TOO_LONG.values(), ids=TOO_LONG.keys())
@pytest.mark.parametrize("instructions", ["", "Answer as a pirate. " * 20], ids=["plain", "long"])
def test_the_limit_that_is_told_is_the_right_one(sim, text: str, instructions: str) -> None:
    """What is told to have room is asked, and a character more is not."""
    sim.configure(instructions=instructions)
    sim.type(text)
    room = told_room(sim, text)
    sim.type(text[: room + 1])
    assert sim.errors == ["PAYLOAD_TOO_LARGE"] * 2
    assert not sim.effects(do.Ask)
    sim.type(text[:room])
    assert sim.asked.messages[-1].content == text[:room]


@pytest.mark.parametrize("text", ["字" * 9000, "x" * 9000, "x" * 500 + "字" * 8500])
def test_of_two_limits_the_smaller_one_is_told(sim, text: str) -> None:
    """A text longer than MAX_TEXT_CHARS, of which the budget may have room for still less."""
    sim.c.limits = Limits(max_text_chars=4000)
    sim.type(text)
    room = told_room(sim, text)
    assert room <= 4000
    assert (room == 4000) is (text[1000] == "x")
    sim.type(text[:room])
    assert sim.asked.messages[-1].content == text[:room]


def test_instructions_that_leave_no_room_are_told(sim) -> None:
    sim.c.instructions = "很長的話" * 600
    sim.type("hello")
    assert sim.errors == ["PAYLOAD_TOO_LARGE"]
    assert "TOKEN_BUDGET" in sim.heard_by_client(out.Failed)[-1].error.message
    assert not sim.effects(do.Ask)


def test_a_spoken_question_longer_than_the_budget(sim) -> None:
    sim.press()
    sim.hear_pause("很長的話" * 600)
    sim.release()
    sim.hear_final("很長的話" * 600)
    assert sim.errors == ["PAYLOAD_TOO_LARGE"]
    assert not sim.effects(do.Ask)
    assert sim.records[-1].record.recognised_text == "很長的話" * 600


def test_a_correction_longer_than_the_budget(sim) -> None:
    sim.type("hello")
    sim.send(on.Edited(sim.c.turn.turn_id, 1, "很長的話" * 600))
    assert sim.errors == ["PAYLOAD_TOO_LARGE"]
    assert len(sim.effects(do.Ask)) == 1


def test_of_a_burst_of_texts_the_last_one_is_answered(sim) -> None:
    ids = [UUID(int=200 + n) for n in range(4)]
    for n, utterance_id in enumerate(ids):
        sim.type(f"question {n}", utterance_id)
    for utterance_id in ids:
        sim.send(on.LookedUp(utterance_id, None))
    assert sim.errors == []
    assert [ask.messages[-1].content for ask in sim.effects(do.Ask)] == ["question 3"]
    asked = [m.content for m in sim.asked.messages if m.role == "user"]
    assert asked == [f"question {n}" for n in range(4)]
    assert [ended.interrupted for ended in sim.turns_ended] == [True] * 3
    assert [kept.record.recognised_text for kept in sim.records] == asked[:3]


def test_a_text_that_was_overtaken_is_answered_late(sim) -> None:
    first, last = UUID(int=200), UUID(int=201)
    sim.type("one", first)
    sim.type("two", last)
    sim.send(on.LookedUp(last, None))
    sim.send(on.LookedUp(first, None))
    assert [ask.messages[-1].content for ask in sim.effects(do.Ask)] == ["two"]
    assert sim.c.turn.utterance_id == last


def test_a_text_without_an_id_overtakes_too(sim) -> None:
    sim.type("one", UUID(int=200))
    sim.type("two")
    sim.send(on.LookedUp(UUID(int=200), None))
    assert [ask.messages[-1].content for ask in sim.effects(do.Ask)] == ["two"]
    assert len(sim.heard_by_client(out.TurnAccepted)) == 2


def test_a_repeated_text_does_not_overtake_itself(sim) -> None:
    for _ in range(2):
        sim.type("one", UUID(int=200))
    for _ in range(2):
        sim.send(on.LookedUp(UUID(int=200), None))
    assert len(sim.heard_by_client(out.TurnAccepted)) == 1


def test_asking_forgets_nothing(sim) -> None:
    for n in range(3):
        sim.c.memory.remember(UUID(int=n), f"question {n}", "Answer.")
    long = sim.c.memory.messages("Be brief.", "很" * 1960)
    short = sim.c.memory.messages("Be brief.", "hello")
    assert len(long) < len(short)
    assert len(short) == 8


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "BAD_MESSAGE"), (" \n\t", "BAD_MESSAGE"), ("x" * 1_000_000, "PAYLOAD_TOO_LARGE")],
    ids=["empty", "blank", "1 MB"],
)
def test_text_that_can_not_be_a_turn(sim, text: str, code: str) -> None:
    sim.type(text)
    assert sim.errors == [code]
    sim.type("hello")
    assert sim.asked.messages[-1].content == "hello"


def test_typing_during_a_reply_interrupts_it(sim) -> None:
    sim.type("hello")
    sim.model_writes("One is here.", end=False)
    key = sim.asked.key
    sim.type("no, goodbye")
    assert do.Cancel(key) in sim.done
    assert sim.turns_ended[0].interrupted


def test_typing_while_push_to_talk_is_open_is_refused(sim) -> None:
    sim.press()
    sim.type("hello")
    assert sim.errors == ["ALREADY_PROCESSING"]


def test_earlier_turns_are_told_within_the_budget(sim) -> None:
    for n in range(40):
        sim.type(f"question {n} " + "很長的話" * 20)
        sim.model_writes("Answer.")
        sim.voice_speaks_all(100)
        sim.wait(2000)
    messages = sim.asked.messages
    assert messages[0].role == "system"
    assert "question 39" in messages[-1].content
    assert len(messages) < 60
    assert [m.role for m in messages[1:]] == ["user", "assistant"] * ((len(messages) - 2) // 2) + [
        "user"
    ]
