"""Comparing words, backchannels, and the script of the locale."""

from __future__ import annotations

import opencc
import pytest

from gateway.text.script import ScriptStream
from gateway.text.words import is_backchannel, is_murmur, same_words


@pytest.mark.parametrize("text", ["嗯", "嗯嗯 嗯", "Uh-huh.", "mmmm", "", "…", "hmm hm"])
def test_murmurs(text: str) -> None:
    assert is_murmur(text)
    assert is_backchannel(text)


@pytest.mark.parametrize("text", ["對", "對對對", "好的。", "Yeah, right.", "oh, I see", "OK ok"])
def test_assents_are_backchannels_but_no_murmurs(text: str) -> None:
    assert is_backchannel(text)
    assert not is_murmur(text)


@pytest.mark.parametrize(
    "text", ["停", "等一下", "no", "stop", "好的但是等等", "yeah but why", "對不起"]
)
def test_words_are_neither(text: str) -> None:
    assert not is_backchannel(text)


def test_same_words() -> None:
    assert same_words("What time is it", "what time is it?")
    assert same_words("你好，嗎", "你好 嗎。")
    assert same_words("１２３", "123")
    assert not same_words("what time", "what time is it")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("我的头发很长", "我的頭髮很長"),
        ("皇后在後面，這裡有里長", "皇后在後面，這裡有里長"),
        ("Hello 世界", "Hello 世界"),
        ("", ""),
    ],
)
def test_script(text: str, wanted: str) -> None:
    converters = opencc.OpenCC("s2tw"), opencc.OpenCC("t2s")
    for step in (1, 2, 5):
        stream = ScriptStream(*converters)
        pieces = [stream.feed(text[at : at + step]) for at in range(0, len(text), step)]
        assert "".join(pieces) + stream.finish() == wanted
