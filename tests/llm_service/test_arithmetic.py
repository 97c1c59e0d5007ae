"""Sums as people say them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_service.demo.arithmetic import say, solve
from llm_service.demo.language import Language, detect, plain
from llm_service.demo.numerals import chinese_number, english_number, to_chinese, to_english


def reply(text: str) -> str | None:
    language: Language = detect(text) or "en"
    found = solve(plain(text), language)
    return None if found is None else say(found, language)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("what is two plus three", "2 plus 3 is 5."),
        ("What's 12 * (3+4)?", "12 times (3 plus 4) is 84."),
        ("twenty-three times four", "23 times 4 is 92."),
        ("how much is 15 percent of 200", "15% of 200 is 30."),
        ("10 divided by four", "10 divided by 4 is 2.5."),
        ("what is to plus for", "2 plus 4 is 6."),
        ("10 / 3", "10 divided by 3 is about 3.333333."),
        ("square root of 16", "The square root of 16 is 4."),
        ("the square root of two", "The square root of 2 is about 1.414214."),
        ("two to the power of ten", "2 to the power of 10 is 1024."),
        ("three point one four times two", "3.14 times 2 is 6.28."),
        ("one hundred and five minus a hundred", "105 minus 100 is 5."),
        ("two minus five", "2 minus 5 is minus 3."),
        ("1/0", "Nothing can be divided by zero."),
        ("0.000000000000000000000000001^200", "That number is larger than I can work with."),
        ("9^9^9", "That number is larger than I can work with."),
        ("square root of minus 4", "A negative number has no real square root."),
        ("三加五等於多少", "3 加 5 等於 8。"),
        ("兩百五十減三十", "250 減 30 等於 220。"),
        ("十二除以五是多少？", "12 除以 5 等於 2.4。"),
        ("二的三次方", "2 的 3 次方 等於 8。"),
        ("十六的平方根", "根號 16 等於 4。"),
        ("200 的百分之十五", "200 乘以 15% 等於 30。"),
        ("3萬加5千", "30000 加 5000 等於 35000。"),
        ("一加二乘以三", "1 加 2 乘以 3 等於 7。"),
        ("請幫我算 23 × 45", "23 乘以 45 等於 1035。"),
        ("五除以零", "不能除以零。"),
    ],
)
def test_sums(text: str, answer: str) -> None:
    assert reply(text) == answer


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "what is love",
        "twenty three",
        "10",
        "我有三個蘋果",
        "one two three",
        "一",
        "2 +",
        "( 3",
        "plus",
        "two plus apples",
        "__import__('os')",
        "1 and 2",
    ],
)
def test_what_is_no_sum(text: str) -> None:
    assert reply(text) is None


@given(st.integers(0, 999))
def test_numbers_there_and_back(value: int) -> None:
    words = to_english(value).replace("-", " ").split()
    assert english_number(words, 0) == (Fraction(value), len(words))
    assert chinese_number(to_chinese(value)) == value


@pytest.mark.parametrize(
    ("numeral", "value"),
    [
        ("兩百五", 250),
        ("三萬二", 32_000),
        ("一萬零三", 10_003),
        ("二〇二六", 2026),
        ("十", 10),
        ("一千零五十", 1050),
        ("一億兩千萬", 120_000_000),
        ("三點一四", Fraction(314, 100)),
        ("廿", None),
    ],
)
def test_chinese_numerals(numeral: str, value: int | Fraction | None) -> None:
    assert chinese_number(numeral) == value if value is not None else True


@given(st.integers(-999, 999), st.integers(-999, 999), st.sampled_from("+-*"))
def test_agrees_with_python(left: int, right: int, operator: str) -> None:
    found = solve(plain(f"{left} {operator} {right}"), "en")
    assert found is not None
    exact = {"+": left + right, "-": left - right, "*": left * right}[operator]
    assert found.value == exact


@given(st.text(max_size=200))
def test_any_text_is_survived(text: str) -> None:
    assert isinstance(reply(text), str | None)
