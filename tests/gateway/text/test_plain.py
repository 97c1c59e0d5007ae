"""The model's stream becomes plain words, wherever its tokens are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.text.plain import Plain, PlainText


def plain(text: str, step: int = 1) -> tuple[str, str]:
    stream = PlainText()
    pieces: list[Plain] = []
    for piece in [*(stream.feed(text[at : at + step]) for at in range(0, len(text), step)), None]:
        given = piece or stream.finish()
        pieces = [given] if given.retracted else [*pieces, given]
    return "".join(p.shown for p in pieces), "".join(p.spoken for p in pieces)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<think>let me see</think>\n\nIt is **noon**.", "It is noon."),
        ("<thinking>hm", ""),
        ("no </think> here", "here"),
        ("*italic* _too_ but snake_case", "italic too but snake_case"),
        ("3 * 4 and 2*3", "3 * 4 and 2*3"),
        ("# Title\n- one\n* two\n> quote", "Title\none\ntwo\nquote"),
        ("see [the docs](http://x/y) and ![a picture](z.png).", "see the docs and a picture."),
        ("a < b, x[1], hello! ~5", "a < b, x[1], hello! ~5"),
        ("run `make`", "run make"),
        ("ctrl\x00\x07chars\ufffd", "ctrlchars"),
        ("-5 degrees", "-5 degrees"),
        ("~~gone~~ stays", "gone stays"),
    ],
)
def test_marks_go(text: str, shown: str) -> None:
    for step in (1, 2, 3, 5, 100):
        assert plain(text, step) == (shown, shown)


def test_code_is_shown_but_not_spoken() -> None:
    for step in (1, 2, 3, 100):
        shown, spoken = plain("Run this:\n```python\nprint(1)\n```\nDone.", step)
        assert "print(1)" in shown
        assert "print" not in spoken
        assert "Done." in spoken


@given(st.text("ab*_`#[]()!<>/~|-\n 好", max_size=60), st.integers(1, 7))
def test_where_tokens_are_cut_makes_no_difference(text: str, step: int) -> None:
    assert plain(text, step) == plain(text, 1)


@given(st.text(max_size=200))
def test_plain_words_pass(text: str) -> None:
    words = "".join(c for c in text if c.isalnum())
    assert plain(words)[0] == words
