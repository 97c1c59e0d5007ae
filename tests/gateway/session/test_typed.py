"""Typed turns."""

from __future__ import annotations

import pytest

from gateway.session import effects as do


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
