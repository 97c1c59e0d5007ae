"""Which script a text is in, and its one conversion."""

from __future__ import annotations

import opencc
import pytest

from avatar_contract.script import evidence, in_traditional, leaning

CONVERTER = opencc.OpenCC("s2twp")


@pytest.mark.parametrize(
    ("character", "wanted"), [("说", 1), ("說", -1), ("里", 0), ("准", 0), ("a", 0), ("好", 0)]
)
def test_evidence(character: str, wanted: int) -> None:
    assert evidence(character) == wanted


@pytest.mark.parametrize(
    "text",
    ["請說我們去看小丑表演，經理已批准。", "鄰里", "北斗", "相干", "皇后在後面", "有里長", "hello"],
)
def test_traditional_text_stays(text: str) -> None:
    assert in_traditional(text, CONVERTER) == text
    assert leaning(text) <= 0


def test_simplified_text_is_converted_whole_and_mixed_text_mended() -> None:
    assert in_traditional("皇后在后面，这里有软件", CONVERTER) == "皇后在後面，這裡有軟體"
    assert in_traditional("我們去看电影，很準", CONVERTER) == "我們去看電影，很準"
