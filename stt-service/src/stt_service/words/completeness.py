"""Does it sound finished? A guess from the words alone, for Chinese and English.

Speech that trails off in a conjunction, a preposition or the middle of a number will go on;
a question particle or a full stop says that it won't. A semantic model can replace this behind
`Finish`.
"""

import re
from collections.abc import Callable

Finish = Callable[[str], float]
"""How likely the speaker has finished, 0 … 1, from the words so far."""

UNSURE = 0.5
"""No words, or nothing in them tells."""
_SURE, _LIKELY, _UNLIKELY, _HARDLY = 0.95, 0.8, 0.12, 0.03

_HAN = re.compile(r"[\u3400-\u9fff]")
_WORD = re.compile(r"[a-z0-9']+")

_EN_HANGING = frozenset(
    ["a", "an", "the", "this", "these", "those", "my", "your", "his", "her", "its", "our", "their", "some", "any", "every", "each", "no", "and", "or", "but", "so", "because", "since", "although", "though", "while", "if", "unless", "when", "whenever", "whereas", "than", "of", "to", "in", "on", "at", "for", "with", "from", "by", "about", "into", "onto", "over", "under", "between", "through", "during", "without", "within", "as", "like", "via", "per", "toward", "towards", "against", "among", "around", "is", "are", "was", "were", "am", "be", "been", "being", "do", "does", "did", "have", "has", "had", "will", "would", "can", "could", "should", "shall", "may", "might", "must", "i'm", "you're", "we're", "they're", "i'll", "you'll", "we'll", "i'd", "you'd", "i", "we", "they", "he", "she", "who", "which", "whose", "want", "need", "wanna", "gonna", "going", "let's", "very", "really", "quite", "too", "also", "just", "maybe", "perhaps", "um", "uh", "er", "hmm", "erm"]
)
_EN_CLOSING = frozenset(
    ["please", "thanks", "thank", "today", "tomorrow", "yesterday", "tonight", "now", "okay", "ok", "yes", "yeah", "yep", "no", "nope", "right", "bye", "goodbye", "stop", "hello", "hi", "you", "me", "it", "that", "there", "here", "again"]
)
_EN_OPENERS = re.compile(r"(?:^| )(?:i mean|you know|such as|kind of|sort of|in order to|so that)$")
_EN_QUESTION = re.compile(r"^(?:what|where|when|who|how|why|which|can|could|would|is|are|do|does)\b")

_ZH_HANGING = ["因為", "所以", "但是", "可是", "不過", "然後", "而且", "還有", "或者", "或是", "如果", "要是", "雖然", "以及", "並且", "並", "除了", "關於", "對於", "根據", "為了", "比如", "例如", "比方說", "就是", "就是說", "那個", "這個", "一個", "一些", "有一個", "我想", "我想要", "我要", "想要", "想", "要", "我覺得", "我認為", "可以", "能不能", "可不可以", "幫我", "請", "請你", "請幫我", "請問", "讓", "把", "被", "給", "跟", "和", "與", "及", "或", "在", "從", "到", "往", "向", "對", "比", "用", "去", "是", "也", "都", "還", "就", "再", "又", "很", "非常", "太", "最", "我", "你", "他", "她", "我們", "你們", "他們", "每", "第", "大概", "大約", "可能", "應該", "必須", "需要", "的話", "的時候", "嗯", "呃", "那", "那麼", "等一下我", "因为", "但", "虽然", "除了", "为了", "我觉得", "我认为", "这个", "那个", "还有", "请", "请问", "帮我", "让", "给", "应该", "需要", "时候"]
_ZH_HANGING_END = re.compile("(?:" + "|".join(sorted(_ZH_HANGING, key=len, reverse=True)) + ")$")
_ZH_CLOSING_END = re.compile(
    r"(?:嗎|吗|呢|吧|啊|呀|喔|哦|囉|啦|了|謝謝|谢谢|再見|再见|好的|可以嗎|怎麼樣|怎么样|為什麼|为什么|"
    r"什麼|什么|多少|幾點|几点|哪裡|哪里|誰|谁|今天|明天|現在|现在|沒有|没有|不要|不用|對不對|一下)$"
)
_ZH_MEASURE_HANG = re.compile(r"[零〇一二兩三四五六七八九十百千萬億]+$")

_DIGIT_WORDS = ["zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety", "hundred", "thousand", "million", "point", "double", "triple"]
_EN_DIGITS = re.compile(r"(?:\b(?:" + "|".join(_DIGIT_WORDS) + r"|\d+)\b[ ,-]*)+$")
_NUMBER_CUE = re.compile(
    r"number|phone|code|card|account|digits|電話|手機|號碼|号码|電号|身分證|卡號|帳號|密碼|编号|編號"
)
_LONG_NUMBER = 8
"""Digits of the shortest number that people read out in groups: a phone number."""


def likelihood(text: str) -> float:
    """How likely the speaker has finished, 0 … 1."""
    said = text.strip().lower()
    if not said:
        return UNSURE
    marked = _by_mark(said[-1])
    if marked is not None:
        return marked
    said = said.rstrip("。，,.!?！？;；:… ")
    if _half_number(said):
        return _HARDLY
    return _chinese(said) if _HAN.match(said[-1]) else _english(said)


def _by_mark(mark: str) -> float | None:
    """The verdict of a recogniser that punctuates. A full stop it often guesses; words decide."""
    if mark in "?？!！":
        return _SURE
    if mark in ",，、;；:：-—…":
        return _UNLIKELY
    return None


def _half_number(said: str) -> bool:
    """Reading out a number that usually has more digits than these."""
    if _HAN.search(said):
        tail = re.search(r"[零〇一二兩三四五六七八九十\d\s-]+$", said)
        digits = len(re.sub(r"[\s-]", "", tail.group())) if tail else 0
    else:
        found = _EN_DIGITS.search(said)
        tail = found
        digits = sum(len(w) if w.isdigit() else 1 for w in _WORD.findall(found.group())) if found else 0
    if tail is None or not digits:
        return False
    cued = bool(_NUMBER_CUE.search(said[: tail.start()]))
    alone = not said[: tail.start()].strip() and digits >= 3
    return (cued or alone) and digits < _LONG_NUMBER


def _english(said: str) -> float:
    words = _WORD.findall(said)
    if not words:
        return UNSURE
    last = words[-1]
    asks = bool(_EN_QUESTION.match(said))
    if last in _EN_HANGING and not (asks and last in {"is", "are", "was", "to", "for", "do", "i"}):
        return _HARDLY if len(words) > 1 else _UNLIKELY
    if _EN_OPENERS.search(said):
        return _HARDLY
    if last in _EN_HANGING:
        return UNSURE
    if last in _EN_CLOSING:
        return _SURE
    return _LIKELY if len(words) > 2 or asks else 0.6


def _chinese(said: str) -> float:
    if _ZH_CLOSING_END.search(said):
        return _SURE
    if _ZH_HANGING_END.search(said):
        return _HARDLY
    if _ZH_MEASURE_HANG.search(said):
        return 0.4
    if said.endswith("的"):
        return UNSURE
    return _LIKELY if len(said) > 3 else 0.6
