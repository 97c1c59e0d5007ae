"""Pure functions on recognised text."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stt_service.backends.base import Stretch, TimedWord, Transcript
from stt_service.hearing.spans import spans_of
from stt_service.words.agreement import Agreement
from stt_service.words.captions import srt, verbose, vtt
from stt_service.words.normal import join, normalised
from stt_service.words.script import in_script


def test_words_are_stable_once_two_hypotheses_agree_and_go_on():
    agreement = Agreement()
    seen = [
        agreement.update(text) for text in ("will", "what time", "what time is", "what time it")
    ]
    assert seen == [0, 0, len("what time"), len("what time")]


def test_agreement_needs_no_spaces():
    agreement = Agreement()
    assert [agreement.update(text) for text in ("今天", "今天天氣", "今天天氣好")] == [0, 2, 4]


def test_mixed_scripts_agree_by_words_and_characters():
    agreement = Agreement()
    agreement.update("我用 Python 寫")
    assert agreement.update("我用 Python 寫程式") == len("我用 Python 寫")


@given(st.lists(st.text("ab 我你", max_size=12), max_size=10))
def test_stable_characters_are_always_in_the_text(texts):
    agreement = Agreement()
    assert all(0 <= agreement.update(text) <= len(text) for text in texts)


def test_equal_words_are_equal_whatever_the_marks():
    assert (
        normalised("Hello, World!") == normalised("hello world") == normalised("ＨＥＬＬＯ　world")
    )
    assert normalised("你好，世界。") == normalised("你好世界")
    assert normalised(" 。,!") == ""


@pytest.mark.parametrize(
    ("first", "second", "whole"),
    [
        ("a b", "c", "a b c"),
        ("你好", "世界", "你好世界"),
        ("用", "Python", "用 Python"),
        ("", "a", "a"),
    ],
)
def test_pieces_are_joined_as_their_script_does(first, second, whole):
    assert join(first, second) == whole


def test_taiwans_words_are_used():
    assert in_script("软件和网络", "zh-TW") == "軟體和網路"
    assert in_script("hello", "zh-TW") == "hello"
    assert in_script("软件", "en") == "软件"


SAID = Transcript(
    "a < b 你好", "en",
    (
        Stretch("a < b", 0.0, 61_001.4, (TimedWord(" a", 0, 100), TimedWord("b", 100, 200))),
        Stretch("你好", 3_600_000.0, 3_601_000.0),
    ),
)  # fmt: skip


def test_subtitles():
    assert srt(SAID) == (
        "1\n00:00:00,000 --> 00:01:01,001\na < b\n\n2\n01:00:00,000 --> 01:00:01,000\n你好\n"
    )
    assert vtt(SAID).startswith("WEBVTT\n\n00:00:00.000 --> 00:01:01.001\na &lt; b\n")


def test_verbose_counts_in_seconds():
    whole = verbose(SAID, 5000)
    assert (whole.duration, [w.word for w in whole.words]) == (5.0, ["a", "b"])
    assert whole.segments[1].start == 3600.0


def test_spans_join_near_ones_and_stay_short():
    near = [0.9] * 20 + [0.0] * 10 + [0.9] * 20 + [0.0] * 60 + [0.9] * 20
    spans = spans_of(near, 130 * 32.0)
    assert len(spans) == 2
    assert spans[0].start_ms == 0
    assert spans[1].end_ms == 130 * 32
    long = spans_of([0.9] * 1500, 48_000)
    assert len(long) > 2
    assert all(one.end_ms - one.start_ms <= 15_700 for one in long)
    assert all(a.end_ms <= b.start_ms for a, b in pairwise(long))
