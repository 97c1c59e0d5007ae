"""The language of each clause, and whose words the model's stream carries."""

from __future__ import annotations

import pytest

from gateway.text.language import ReplyLanguage
from gateway.text.plain import PlainText


def languages(clauses: list[str], question: str = "", locale: str = "zh-TW") -> list[str]:
    reply = ReplyLanguage(question, locale)
    return [reply.of(clause, clauses[at + 1 :]) for at, clause in enumerate(clauses)]


@pytest.mark.parametrize(
    ("clauses", "question", "wanted"),
    [
        (["Your code is:", "4821."], "", ["en", "en"]),
        (["總共：", "$35.50"], "", ["zh", "zh"]),
        (["42.", "It is the answer."], "", ["en", "en"]),
        (["42."], "What is the answer?", ["en"]),
        (["42。"], "答案是什麼？", ["zh"]),
        (["3:05."], "", ["zh"]),
        (["新的是：", "iPhone 15，", "It is a very good phone."], "", ["zh", "zh", "en"]),
        (["He said:", "「你好」", "12."], "", ["en", "zh", "zh"]),
        (["The area is", "\\(\\pi r^2\\)."], "", ["en", "en"]),
    ],
)
def test_a_clause_without_letters_has_the_language_of_its_reply(
    clauses: list[str], question: str, wanted: list[str]
) -> None:
    assert languages(clauses, question) == wanted


def test_the_locale_tells_when_nothing_else_does() -> None:
    assert languages(["3:05."], "", "en") == ["en"]


def test_a_template_that_opens_the_thinking_leaks_nothing() -> None:
    stream = PlainText(thinking_opened=True)
    assert stream.feed("secret. ") == ("", "", False)
    assert stream.feed("more</think>\nHello") == ("Hello", "Hello", False)


def test_a_model_that_opens_it_again_is_no_deeper() -> None:
    stream = PlainText(thinking_opened=True)
    assert stream.feed("<think>a</think>Hello").shown == "Hello"


def test_an_answer_without_any_thinking_is_not_lost() -> None:
    stream = PlainText(thinking_opened=True)
    assert not stream.feed("Hello there.").shown
    assert stream.finish().shown == "Hello there."


def test_a_lone_closing_tag_takes_back_what_was_given() -> None:
    stream = PlainText()
    assert stream.feed("secret.\n").shown == "secret.\n"
    assert stream.feed("</think>Hello") == ("Hello", "Hello", True)
    assert not stream.feed(" you").retracted
