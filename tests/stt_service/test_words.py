"""Pure functions on recognised text."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stt_service.backends.base import Hints, Stretch, TimedWord, Transcript
from stt_service.backends.faster_whisper import Tongue
from stt_service.backends.pieces import cut
from stt_service.backends.short_window import Said
from stt_service.hearing.spans import spans_of
from stt_service.words.agreement import Agreement
from stt_service.words.captions import srt, verbose, vtt
from stt_service.words.normal import join, normalised
from stt_service.words.script import as_written, in_script, punctuated


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
    "a < b 你好",
    "en",
    (
        Stretch("a < b", 0.0, 61_001.4, (TimedWord(" a", 0, 100), TimedWord("b", 100, 200))),
        Stretch("你好", 3_600_000.0, 3_601_000.0),
    ),
)


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


@pytest.mark.parametrize(
    ("heard", "written"),
    [
        ("你好,今天天氣怎麼樣?", "你好，今天天氣怎麼樣？"),
        ("好的, 謝謝你!", "好的，謝謝你！"),
        ("他說:走吧;我們走了.", "他說：走吧；我們走了。"),
        ("現在是3:30, 有1,000人.", "現在是3:30，有1,000人。"),
        ("我想用Python, 你呢?", "我想用Python，你呢？"),
        ("你知道 iPhone 嗎?", "你知道 iPhone 嗎？"),
        ("這個很好用 really?", "這個很好用 really？"),
        ("Is it three, or four?", "Is it three, or four?"),
        ("I love Taipei (台北), and it is great.", "I love Taipei (台北), and it is great."),
        ("你好，世界。", "你好，世界。"),
        ("", ""),
    ],
)
def test_chinese_has_full_width_punctuation(heard, written):
    assert punctuated(heard) == written


def test_tai_is_written_as_people_do_or_as_documents_do():
    said = Transcript("我在台湾的台北,有一台电脑", "zh", (Stretch("台湾", 0, 1),))
    most = as_written(said, Hints())
    assert most.text == "我在台灣的台北，有一台電腦"
    assert most.stretches[0].text == "台灣"
    assert "臺灣" in as_written(said, Hints(tai="臺")).text
    assert as_written(said, Hints(locale="en")).text == "我在台湾的台北，有一台电脑"


@pytest.mark.parametrize(
    ("text", "loops"),
    [
        ("Fail better. " * 20, True),
        ("Ever tried. Ever failed. Ever failed.", True),
        ("今天天氣今天天氣", True),
        ("Ever tried. Ever failed. No matter. Try again. Fail again. Fail better.", False),
        ("謝謝謝謝", False),
        ("no no", False),
        ("今天天氣怎麼樣", False),
        ("", False),
    ],
)
def test_words_that_repeat_themselves_are_noticed(text, loops):
    assert Said(text, "en", 1.0, -0.1, 0.0).loops is loops


def test_a_language_is_pinned_late_and_can_be_revised():
    tongue = Tongue()
    tongue.glance("en", 0.99, 1.0)
    assert tongue.pinned == ""  # too little sound to be believed
    tongue.glance("en", 0.6, 3.0)
    assert tongue.pinned == ""
    tongue.glance("en", 0.9, 3.0)
    assert tongue.pinned == "en"
    tongue.settle("zh", 0.95, 3.5)
    assert tongue.pinned == "zh"
    tongue.settle("en", 0.5, 4.0)
    assert tongue.pinned == ""


def test_long_sound_is_cut_where_it_is_quiet():
    loud = np.full(16_000, 8000, np.int16)
    sound = np.concatenate([loud] * 30)
    sound[22 * 16_000 : 22 * 16_000 + 3200] = 3
    pieces = cut(sound.tobytes(), 25.0)
    assert b"".join(pieces) == sound.tobytes()
    assert [round(len(one) / 32_000, 1) for one in pieces] == [22.1, 7.9]
    assert cut(loud.tobytes(), 25.0) == [loud.tobytes()]
