"""What the demo responder answers, in both languages."""

from datetime import UTC, datetime

import pytest

from avatar_contract.chat import ChatMessage
from llm_service.demo import tokens
from llm_service.demo.language import detect
from llm_service.demo.responder import respond

NOW = datetime(2026, 11, 21, 15, 5, tzinfo=UTC)


def ask(*said: str) -> str:
    """The answer to the last of several turns, the earlier ones answered by the responder too."""
    messages: list[ChatMessage] = []
    answer = ""
    for text in said:
        messages.append(ChatMessage(role="user", content=text))
        answer = respond(messages, NOW)
        messages.append(ChatMessage(role="assistant", content=answer))
    return answer


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("hello", "demo responder"),
        ("你好", "示範回應程式"),
        ("what time is it", "3:05 PM"),
        ("Hello, what time is it?", "3:05 PM"),
        ("現在幾點了？", "下午 3 點 5 分"),
        ("what is the date today", "Saturday, November 21, 2026"),
        ("明天星期幾", "11 月 22 日，星期日"),
        ("what was the date yesterday", "Friday, November 20"),
        ("say good morning everyone", "Good morning everyone."),
        ("Repeat after me: the sky is blue.", "The sky is blue."),
        ("跟我說早安台灣", "早安台灣。"),
        ("請說「我愛台灣」", "我愛台灣。"),
        ("thank you", "welcome"),
        ("謝謝你", "不客氣"),
        ("can you hear me", "hear you"),
        ("stop", "All right."),
        ("停", "好的。"),
        ("今天天氣如何", "查不到"),
        ("what is the capital of france", "what is the capital of france"),
        ("法國的首都是哪裡", "法國的首都是哪裡"),
    ],
)
def test_answers(text: str, part: str) -> None:
    assert part in ask(text)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("count to five", "One, two, three, four, five."),
        ("COUNT TO FIVE", "One, two, three, four, five."),
        ("count two five", "One, two, three, four, five."),
        ("count from three to six", "Three, four, five, six."),
        ("count backwards from 3", "Three, two, one."),
        ("數到五", "一，二，三，四，五。"),
        ("從八數到十一", "八，九，十，十一。"),
        ("倒數三", "三，二，一。"),
        ("count to one thousand", "I can count up to one hundred, no further."),
        ("數到一萬", "我最多數到一百。"),
    ],
)
def test_counts(text: str, answer: str) -> None:
    assert ask(text) == answer


def test_counting_on_somebody_is_no_counting() -> None:
    assert "demo responder" in ask("count on me")


def test_stories_are_long_and_differ() -> None:
    first, second = ask("tell me a story"), ask("tell me a story", "another story please")
    assert first != second
    assert first.count(".") >= 6
    assert ask("講個故事").count("。") >= 6


@pytest.mark.parametrize(
    ("said", "part"),
    [
        (("my name is ming", "what time is it", "what is my name"), "Ming"),
        (("我叫小明", "我叫什麼名字"), "小明"),
        (("my name is Ann", "我叫什麼名字"), "Ann"),
        (("my favorite color is blue", "what is my favorite color"), "blue"),
        (("我最喜歡的顏色是藍色", "我最喜歡的顏色是什麼"), "你最喜歡的顏色是藍色"),
        (("remember that the meeting is at nine", "what did i ask you to remember"), "at nine"),
        (("記住明天要開會", "我要你記住什麼"), "明天要開會"),
        (("the cat sat on the mat", "what did i say"), '"the cat sat on the mat"'),
        (("count to three", "say that again"), "One, two, three."),
        (("數到三", "再說一次"), "一，二，三。"),
        (("good morning", "thank you", "what was my first question"), "good morning"),
        (("hello", "what did we talk about"), "hello"),
        (("what is my name",), "not told me"),
        (("Please call me Bo.", "what is my name"), "Bo"),
        (("Hi, call me Bo.", "what is my name"), "Bo"),
        (("You can call me Bo.", "what is my name"), "Bo"),
        (("Others call me Mother Nature.", "what is my name"), "not told me"),
        (("They all call me Mother Nature.", "what is my name"), "not told me"),
        (("Other people may call me Mother Nature.", "what is my name"), "not told me"),
        (("My friends just call me Mother Nature.", "what is my name"), "not told me"),
        (("Will you call me tomorrow?", "what is my name"), "not told me"),
        (("So just call me Bo and sit down.", "what is my name"), "is Bo."),
        (("My name is Ann Lee and I sing.", "what is my name"), "is Ann Lee."),
        (("別人叫我大自然", "我叫什麼名字"), "還沒有告訴我"),
        (("叫我小花", "我叫什麼名字"), "小花"),
        (("我剛才說什麼",), "第一句話"),
    ],
)
def test_recalls_this_conversation(said: tuple[str, ...], part: str) -> None:
    assert part in ask(*said)


@pytest.mark.parametrize(
    "text",
    ["who are you", "are you a language model", "are you chatgpt", "你是誰", "你是語言模型嗎"],
)
def test_never_claims_to_be_a_model(text: str) -> None:
    answer = ask(text)
    assert "not a language model" in answer or "不是語言模型" in answer


@pytest.mark.parametrize("text", ["how do i connect a real model", "怎麼接上真正的模型"])
def test_says_how_to_connect_a_model(text: str) -> None:
    assert "LLM_URL" in ask(text)


def test_answers_in_the_language_of_the_last_message() -> None:
    assert detect(ask("hello", "你好")) == "zh"
    assert detect(ask("你好", "hello")) == "en"
    assert ask("what is two plus two", "3 + 5") == "3 plus 5 is 8."
    assert ask("二加二是多少", "3 + 5") == "3 加 5 等於 8。"


def test_mixed_language() -> None:
    assert detect("幫我打開 Wi-Fi") == "zh"
    assert detect("how do you say 你好 in English") == "en"
    assert detect("3 + 5") is None


@pytest.mark.parametrize(
    "text", ["", "   ", "???", "🙂🙂", "\u202e", "a" * 10_000, "(" * 5000, "9" * 5000]
)
def test_odd_input_has_an_answer(text: str) -> None:
    answer = ask(text)
    assert 0 < len(answer) < 600


def test_no_user_message_is_a_greeting() -> None:
    assert respond([ChatMessage(role="system", content="Be kind.")], NOW).startswith("你好")


@pytest.mark.parametrize(
    "text", ["講個故事", "tell me a story", "It is 3:05 PM.", " two  blanks ", ""]
)
def test_tokens_join_to_the_text(text: str) -> None:
    answer = ask(text)
    for whole in (text, answer):
        pieces = tokens.split(whole)
        assert "".join(pieces) == whole
        assert all(len(piece) < 20 for piece in pieces)


def test_same_conversation_same_answer() -> None:
    assert ask("my name is Bo", "tell me a story") == ask("my name is Bo", "tell me a story")
