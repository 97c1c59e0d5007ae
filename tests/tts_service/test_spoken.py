"""What is written and what is said, kind by kind: `spoken.tsv`, a line for each.

A member of a kind is added by a line: the kind, the language (en, zh), what is written, what is
said. Runs of different languages are parted by " | ".
"""

from pathlib import Path

import pytest

from tts_service.speakable import Speakable, speakable

LINES = Path(__file__).with_name("spoken.tsv").read_text("utf-8").splitlines()
CASES = [line.split("\t") for line in LINES if line and not line.startswith("#")]


def say(text: str, language: str | None) -> Speakable:
    return speakable(text, language, default="zh", can=frozenset({"en", "zh"}))


@pytest.mark.parametrize(("kind", "language", "written", "spoken"), CASES)
def test_spoken(kind: str, language: str, written: str, spoken: str) -> None:
    assert " | ".join(run.text for run in say(written, language).runs) == spoken, kind


@pytest.mark.parametrize("kind", sorted({case[0] for case in CASES}))
def test_every_kind_has_members_in_both_languages(kind: str) -> None:
    assert {case[1] for case in CASES if case[0] == kind} == {"en", "zh"}


@pytest.mark.parametrize("text", ["done \u2713", "x \u2300 y", "五\u2318\u237a"])
def test_a_sign_without_a_name_is_left_out_with_a_notice(text: str) -> None:
    assert say(text, "zh").skipped


@pytest.mark.parametrize("text", ["θ = 5", "★★", "3 → 4", "好的👍", "Windows™"])
def test_named_signs_and_decoration_need_no_notice(text: str) -> None:
    assert not say(text, "zh").skipped
