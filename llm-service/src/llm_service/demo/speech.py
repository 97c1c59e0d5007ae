"""Saying things on request: repeating words and counting."""

import re

from llm_service.demo.language import Language
from llm_service.demo.numerals import english_number, number_at, to_chinese, to_english

MAX_COUNT = 100

_REPEAT = re.compile(
    r"^\s*(?:(?:please|now|can you|could you|ok|okay)[\s,]+)*"
    r"(?:repeat after me|repeat the words?|repeat|say after me|say the words?|say)\b"
    r"[\s:,\"“「']*(?P<words>.+?)[\"”」]?\s*$",
    re.IGNORECASE | re.DOTALL,
)
_REPEAT_ZH = re.compile(
    r"^\s*(?:請|请|麻煩|麻烦)?(?:你)?(?:跟著我說|跟着我说|跟我說|跟我说|跟我唸|跟我念"
    r"|重複一次|重复一次"
    r"|重複|重复|複述|复述|幫我唸|帮我念|唸出|念出|唸|請說|说一下|說一下|說(?!個|一個|故事"
    r"|說|什麼|了)"
    r"|说(?!个|一个|故事|说|什么|了))[\s：:，,「“\"]*(?P<words>.+?)[」”\"]?\s*$",
    re.DOTALL,
)
# These ask for something said earlier, which `memory` answers.
_POINTS_BACK = re.compile(
    r"^(?:that|it|this|again|what (?:i|you)\b.*|your(?:self)? .*|the last .*|that again|it again)"
    r"(?: please)?$|^(?:一次|一遍|再.*|剛才.*|刚才.*|剛剛.*|你.*什麼|我.*什麼)$"
)

_COUNT_EN = re.compile(r"\bcount\b(?P<rest>.*)$")
_BACKWARDS_EN = re.compile(r"\b(?:back|backwards?|down)\b")
_BOUND_EN = re.compile(r"\b(?:up to|to|two|too|until|till|through|for)\b")
_COUNT_ZH = re.compile(r"(?:倒數|倒数|數到|数到|數數|数数|^從.*數|^从.*数|^數|^数|報數|报数)")


def repeat(text: str, language: Language) -> str | None:
    """The words somebody asked to have repeated, as they were written; None when not asked."""
    match = (_REPEAT_ZH if language == "zh" else _REPEAT).match(text)
    if match is None:
        match = (_REPEAT if language == "zh" else _REPEAT_ZH).match(text)
    if match is None:
        return None
    words = match["words"].strip()
    bare = re.sub(r"[\s.?!。？！,，]+$", "", words).casefold()
    if not bare or _POINTS_BACK.match(bare):
        return None
    if words[-1] not in ".?!。？！…":
        words += "。" if language == "zh" else "."
    return words[0].upper() + words[1:]


def count(plain_text: str, language: Language) -> str | None:
    """Numbers in words, a comma after each, so that they can be spoken one by one."""
    bounds = _bounds_zh(plain_text) if language == "zh" else _bounds_en(plain_text)
    if bounds is None:
        return None
    first, last = bounds
    if not (0 <= first <= MAX_COUNT and 0 <= last <= MAX_COUNT):
        return (
            f"我最多數到{to_chinese(MAX_COUNT)}。"
            if language == "zh"
            else f"I can count up to {to_english(MAX_COUNT)}, no further."
        )
    numbers = range(first, last + 1) if first <= last else range(first, last - 1, -1)
    if language == "zh":
        return "，".join(to_chinese(n) for n in numbers) + "。"
    words = ", ".join(to_english(n) for n in numbers)
    return words[0].upper() + words[1:] + "."


def _bounds_en(text: str) -> tuple[int, int] | None:
    match = _COUNT_EN.search(text)
    if match is None or re.search(r"\bcount on\b", text):
        return None
    rest = match["rest"]
    numbers = _numbers_en(rest)
    backwards = bool(_BACKWARDS_EN.search(rest))
    if len(numbers) > 1 and not re.search(r"\bfrom\b", rest):
        # A recogniser hears "count to five" as "count two five".
        numbers = numbers[-1:]
    if not numbers:
        return None if rest.strip() and not backwards else ((10, 1) if backwards else (1, 10))
    if len(numbers) == 1:
        return (numbers[0], 1) if backwards or "from" in rest.split() else (1, numbers[0])
    first, last = numbers[0], numbers[-1]
    return (max(first, last), min(first, last)) if backwards else (first, last)


def _numbers_en(text: str) -> list[int]:
    words, index, found = text.replace("-", " ").split(), 0, []
    while index < len(words):
        if words[index].isdigit() and len(words[index]) < 9:
            found.append(int(words[index]))
        number = english_number(words, index)
        if number is not None:
            found.append(int(number[0]))
            index = number[1]
            continue
        index += 1
    return found


def _bounds_zh(text: str) -> tuple[int, int] | None:
    if not _COUNT_ZH.search(text):
        return None
    backwards = "倒" in text
    numbers, index = [], 0
    while index < len(text):
        number = number_at(text, index)
        if number is None:
            index += 1
            continue
        numbers.append(int(number[0]))
        index = number[1]
    if not numbers:
        return (
            (10, 1) if backwards else ((1, 10) if re.search("數數|数数|報數|报数", text) else None)
        )
    if len(numbers) == 1:
        return (numbers[0], 1) if backwards else (1, numbers[0])
    first, last = numbers[0], numbers[-1]
    return (max(first, last), min(first, last)) if backwards else (first, last)
