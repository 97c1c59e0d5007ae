"""From the model's tokens to the words that a voice says, whole: `replies.toml` holds the cases."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import NamedTuple

import opencc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatar_contract.errors import UnsupportedLanguage
from gateway.text.clauses import ClauseCutter
from gateway.text.language import ReplyLanguage
from gateway.text.plain import PlainText
from gateway.text.script import ScriptStream
from tts_service.speakable import speakable

CASES = tomllib.loads(Path(__file__).with_name("replies.toml").read_text("utf-8"))["reply"]
BOTH = frozenset({"en", "zh"})


class Rendered(NamedTuple):
    """What became of a reply."""

    shown: str
    clauses: list[str]
    said: list[str]


@cache
def converter() -> opencc.OpenCC:
    return opencc.OpenCC("s2twp")


def rendered(text: str, cuts: list[int], question: str = "") -> Rendered:
    """`text` sent in tokens of the lengths `cuts`, over and over, through every step."""
    plain, script, cutter = PlainText(), ScriptStream(converter()), ClauseCutter()
    shown, clauses, at, turn = "", [], 0, 0
    given = []
    while at < len(text):
        given.append(plain.feed(text[at : at + cuts[turn % len(cuts)]]))
        at, turn = at + cuts[turn % len(cuts)], turn + 1
    for piece in [*given, plain.finish()]:
        if piece.retracted:
            script, cutter, shown, clauses = ScriptStream(converter()), ClauseCutter(), "", []
        shown += piece.shown
        clauses += cutter.feed(script.feed(piece.spoken))
    clauses += cutter.feed(script.finish()) + cutter.flush()
    language = ReplyLanguage(question, "zh-TW")
    said = [
        said_of(clause, language.of(clause, clauses[index + 1 :]))
        for index, clause in enumerate(clauses)
    ]
    return Rendered(shown, clauses, said)


def said_of(clause: str, language: str) -> str:
    try:
        ready = speakable(clause, language, default="zh", can=BOTH)
    except UnsupportedLanguage:
        return ""
    return " | ".join(run.text for run in ready.runs)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['kind']}: {case['sent'][:20]!r}")
def test_replies(case: dict[str, str]) -> None:
    for cuts in ([1], [2], [3, 1, 5], [10_000]):
        found = rendered(case["sent"], cuts, case.get("question", ""))
        assert found.said == case["heard"]
        assert found.shown == case.get("shown", found.shown)


MARKS = r"""
    # ## - * + > | ** * _ ` ``` ~~~ ~~ [ ] ( ) [1] [^1] [x](y) ![ <br> <b> </b> <sup> === --- 1. 2)
    <think> </think> <|im_end|> <tool_call> &amp; &lt; $ $$ $5 $x^2$ \( \) \[ \] \frac{1}{2} \
    3.14 1,234 .5 10K 5% 17:20 17：20 5-3 8/2=4 5/6 2024-11-21 0912-345-678 °C ㎡ ½ ² ⁴ π √ ≤ → ★ €
    NT$ 😀 ☆ Dr. Ph.D. U.S. Mt. e.g. Hello world. one, two; three: four! five? 你好， 里面 后面 这个
    說話。 「引」 《書》 批准 公里 年 點 ， 。 ！ : . ! ?
"""
PIECES = st.sampled_from([*MARKS.split(), " ", "\n", "\n\n", "  \n", "\t"])
NOISE = st.one_of(
    st.lists(PIECES, max_size=25).map("".join),
    st.lists(PIECES, max_size=25).map(" ".join),
    st.text(max_size=60),
)


@settings(max_examples=150, deadline=None)
@given(NOISE, st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_where_tokens_are_cut_makes_no_difference(text: str, cuts: list[int]) -> None:
    assert rendered(text, cuts) == rendered(text, [1])


ORDINARY = """
    apple river 7 42 350 1,200 Mr. Dr. blue-green it's 3.5 London, however. really? yes! (aside)
    one's 蘋果 河流， 說話。 我們 「好」 北斗 鄰里
"""
WORDS = st.lists(st.sampled_from(ORDINARY.split()), min_size=1, max_size=30, unique=True).map(
    " ".join
)


@settings(max_examples=150, deadline=None)
@given(WORDS)
def test_ordinary_words_are_all_said_and_none_twice(text: str) -> None:
    found = rendered(text, [4])
    said = " ".join(found.said)
    for word in ("apple", "river", "blue-green", "London", "however", "really", "yes", "aside"):
        assert said.count(word) == text.count(word)
    for word in ("蘋果", "河流", "說話", "我們", "北斗", "鄰里"):
        assert said.count(word) == text.count(word)
    numbers = {"42": ("forty-two", "四十二"), "350": ("three hundred fifty", "三百五十")}
    for written, spoken in numbers.items():
        assert (sum(said.count(form) for form in spoken) > 0) == (written in text.split())


@settings(max_examples=150, deadline=None)
@given(st.text("bcdq 好我 ,.!?()':;，。！？「」\n", max_size=60))
def test_every_letter_of_ordinary_text_is_said_once_and_in_order(text: str) -> None:
    said = "".join(rendered(text, [2]).said)
    assert letters(said) == letters(text)


def letters(text: str) -> str:
    return "".join(character for character in text if character.isalpha())


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**7), st.integers(0, 10**7), st.sampled_from(["en", "zh"]))
def test_different_numbers_are_said_differently(one: int, other: int, language: str) -> None:
    same = said_of(f"{one:,} x", language) == said_of(f"{other:,} x", language)
    assert same == (one == other)


@settings(max_examples=100, deadline=None)
@given(NOISE)
def test_marks_are_never_spoken(text: str) -> None:
    said = "".join(rendered(text, [3]).said).replace(" | ", "")
    assert not set("*`<>[]{}|\\_#") & set(said)


def test_the_first_clause_does_not_wait_for_the_reply() -> None:
    plain, script, cutter = PlainText(), ScriptStream(converter()), ClauseCutter()
    clauses: list[str] = []
    sent = ""
    for token in ["好的", "，我", "來", "說明"]:
        sent += token
        clauses += cutter.feed(script.feed(plain.feed(token).spoken))
        if clauses:
            break
    assert (sent, clauses) == ("好的，我", ["好的，"])
