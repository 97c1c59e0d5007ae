"""Clauses are cut where a speaker would breathe, in Chinese and in English, however tokens fall."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.text.clauses import ClauseCutter, units


def cut(text: str, step: int = 1) -> list[str]:
    cutter = ClauseCutter()
    clauses = [c for at in range(0, len(text), step) for c in cutter.feed(text[at : at + step])]
    return clauses + cutter.flush()


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("Hello! How can I help?", ["Hello!", "How can I help?"]),
        ("It costs 1,234.50 dollars, i.e. a lot.", ["It costs 1,234.50 dollars,", "i.e. a lot."]),
        ("Dr. Smith left at 3:30 p.m. and came back.", None),
        ("Wait... what?! I see.", ["Wait...", "what?!", "I see."]),
        ("好的，我來說明。", ["好的，", "我來說明。"]),
        ("他說「真的嗎？」然後走了。", ["他說「真的嗎？」", "然後走了。"]),
        ("第一行\n第二行", ["第一行", "第二行"]),
        ("See https://example.com/a,b for it.", None),
        ("", []),
        ("…… !! 。", []),
    ],
)
def test_cuts(text: str, clauses: list[str] | None) -> None:
    for step in (1, 2, 3, 7):
        assert cut(text, step) == ([text] if clauses is None else clauses)


def test_the_first_clause_is_short_and_later_ones_longer() -> None:
    clauses = cut("好的，台積電今天漲了，聯電跌了，鴻海沒有變，其他都差不多。")
    assert clauses[0] == "好的，"
    assert all(units(clause) >= 8 for clause in clauses[1:-1])


def test_text_without_any_mark_is_cut_all_the_same() -> None:
    assert len(cut("word " * 200)) > 3
    assert len(cut("字" * 300)) > 3


def test_a_clause_leaves_as_soon_as_it_is_complete() -> None:
    cutter = ClauseCutter()
    assert cutter.feed("你好") == []
    assert cutter.feed("，") == ["你好，"]


@given(st.text("ab 好。，,.1\n「」", max_size=80), st.integers(1, 5))
def test_nothing_spoken_is_lost(text: str, step: int) -> None:
    joined = "".join(cut(text, step))
    assert [c for c in joined if units(c)] == [c for c in text if units(c)]
