"""Does it sound finished? A guess from the words alone, for Chinese and English.

Speech that trails off in a conjunction, a preposition or the middle of a number will go on;
a question particle says that it won't. A semantic model can replace this behind `Finish`.
"""

import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

Finish = Callable[[str], float]
"""How likely the speaker has finished, 0 … 1, from the words so far."""

UNSURE = 0.5
"""No words, or nothing in them tells."""
_SURE, _LIKELY, _SHORT, _REQUEST = 0.95, 0.8, 0.6, 0.62
_TOPIC, _UNLIKELY, _HARDLY = 0.25, 0.12, 0.03
_REQUEST_WORDS, _REQUEST_HAN = 8, 9
"""A request no longer than this may still lack what it is about."""

_HAN = re.compile(r"[\u3400-\u9fff]")
_WORD = re.compile(r"[a-z0-9']+")
_ZH_DIGITS = re.compile(r"[零〇一二兩三四五六七八九十\d\s-]+$")
_ZH_QUANTITY = re.compile(r"[零〇一二兩三四五六七八九十百千萬万億亿]$")
_ZH_SEQUEL = re.compile(r"(?:請|请|你|我)*先(?!生)(?!.*(?:再|然後|然后|最後|最后))")
"""What comes first is followed by what comes next."""
_ZH_NO_OBJECT = re.compile(
    r"^.{0,2}[幫帮](?:我|忙).一下$|[一兩两三四五六七八九十幾几][本張张件條条支隻只部輛辆片塊块封篇首]$"
)
"""A verb, or a number and its measure word, without the thing."""
_ZH_WANTS = re.compile(
    r"(?:有沒有|有没有|是不是|會不會|会不会|能不能|要不要|可不可以)$"
    r"|^(?!.*[不別别])(?:.*(?:告訴|告诉)[我你他她]?|.*[跟對对].{1,4}[說说講讲])$"
)
"""A verb that wants another, or what is told."""
_PHONE_DIGITS = 8
"""Digits of the shortest number that people read out in groups."""
_CLAUSE_WORDS, _CLAUSE_HAN = 5, 6
"""A conditional clause no longer than this has no main clause yet."""
_LINKED_HAN = 16
"""Nor has a longer Chinese one, up to this, without a word that links the two."""


def likelihood(text: str) -> float:
    """How likely the speaker has finished, 0 … 1."""
    said = text.strip().lower()
    if not said:
        return UNSURE
    # A recogniser guesses full stops from the silence itself, so they tell nothing.
    if said[-1] in "?？!！":
        return _SURE
    if said[-1] in ",，、;；:：-—…" or said.endswith("..."):
        return _UNLIKELY
    said = said.rstrip("。. ")
    if not said:
        return UNSURE
    if _half_a_number(said):
        return _HARDLY
    if said[-1].isdigit() and _HAN.search(said):
        return _LIKELY
    return _chinese(said) if _HAN.match(said[-1]) else _english(said)


@dataclass(frozen=True, slots=True)
class _Phrases:
    hanging: frozenset[str]
    may_end_a_question: frozenset[str]
    closing: frozenset[str]
    question: frozenset[str]
    wh: frozenset[str]
    openers: frozenset[str]
    conditional: frozenset[str]
    links: frozenset[str]
    request: frozenset[str]
    request_two: frozenset[str]
    modal: frozenset[str]
    telling: frozenset[str]
    told: frozenset[str]
    article: frozenset[str]
    number: frozenset[str]
    zh_hanging: re.Pattern[str]
    zh_closing: re.Pattern[str]
    zh_openers: frozenset[str]
    zh_asking: re.Pattern[str]
    zh_predicate: re.Pattern[str]
    zh_conditional: re.Pattern[str]
    zh_request: re.Pattern[str]
    zh_links: re.Pattern[str]
    zh_address: re.Pattern[str]
    cue: re.Pattern[str]


@cache
def _phrases() -> _Phrases:
    read = tomllib.loads(files(__package__).joinpath("phrases.toml").read_text("utf-8"))
    english = {name: frozenset(words.split()) for name, words in read["english"].items()}
    chinese = read["chinese"]
    return _Phrases(
        **english,
        zh_hanging=re.compile(f"(?:{_any(chinese['hanging'].split())})$"),
        zh_closing=re.compile(f"(?:{_any(chinese['closing'].split())})$"),
        zh_openers=frozenset(chinese["openers"].split()),
        zh_asking=re.compile(_any(chinese["asking"].split())),
        zh_predicate=re.compile(_any(chinese["predicate"].split())),
        zh_conditional=re.compile(_any(chinese["conditional"].split())),
        zh_request=re.compile(_any(chinese["request"].split())),
        zh_links=re.compile(_any(chinese["links"].split())),
        zh_address=re.compile(_any(chinese["address"].split())),
        cue=re.compile(_any(read["number"]["cue"].split())),
    )


def _any(words: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


def _half_a_number(said: str) -> bool:
    """Whether it ends inside a number that usually has more digits than these."""
    if _HAN.search(said):
        found = _ZH_DIGITS.search(said)
        before = said[: found.start()] if found else said
        digits = len(re.sub(r"[\s-]", "", found.group())) if found else 0
    else:
        words = _WORD.findall(said)
        tail = _number_tail(words)
        before = " ".join(words[: len(words) - len(tail)])
        digits = sum(len(word) if word.isdigit() else 1 for word in tail)
    if not 0 < digits < _PHONE_DIGITS:
        return False
    return bool(_phrases().cue.search(before)) or (not before.strip() and digits >= 3)


def _number_tail(words: list[str]) -> list[str]:
    number = _phrases().number
    at = len(words)
    while at and (words[at - 1].isdigit() or words[at - 1] in number):
        at -= 1
    return words[at:]


def _english(said: str) -> float:
    words = _WORD.findall(said)
    if not words:
        return UNSURE
    phrases = _phrases()
    first, last = words[0], words[-1]
    asks = first in phrases.question
    if last in phrases.hanging:
        if first in phrases.wh and len(words) > 2 and last in phrases.may_end_a_question:
            return UNSURE
        return _HARDLY if len(words) > 1 else _UNLIKELY
    if (not asks and last in phrases.links) or _asks_only(words) or _lacks_what_is_told(words):
        return _HARDLY
    if first in phrases.conditional and len(words) <= _CLAUSE_WORDS:
        return _UNLIKELY
    if said in phrases.openers:
        return UNSURE
    if last in phrases.closing or (first in phrases.wh and len(words) > 2):
        return _SURE
    return _english_statement(words, asks=asks)


def _english_statement(words: list[str], *, asks: bool) -> float:
    """Words that could be all: how likely they are."""
    if len(words) <= _REQUEST_WORDS and _requests(words):
        return _REQUEST
    return _LIKELY if len(words) > 2 or asks else _SHORT


def _requests(words: list[str]) -> bool:
    """A wish or a command: "please …", "could you …". What exactly often comes after a pause."""
    phrases = _phrases()
    return words[0] in phrases.request or "_".join(words[:2]) in phrases.request_two


def _lacks_what_is_told(words: list[str]) -> bool:
    """As "can you tell me", and "explain how a bicycle"."""
    phrases = _phrases()
    if words[0] not in phrases.wh and words[-1] in phrases.told:
        return words[-2:-1] != [] and words[-2] in phrases.telling
    return len(words) > 3 and words[-3] in phrases.wh and words[-2] in phrases.article


def _asks_only(words: list[str]) -> bool:
    """A question's first two words: "can you", "should i"."""
    return len(words) <= 3 and words[-2:-1] != [] and words[-2] in _phrases().modal


def _chinese(said: str) -> float:
    phrases = _phrases()
    if _lacks_main_clause(said) or _stops_in_an_address(said) or _ZH_WANTS.search(said):
        return _UNLIKELY
    if said in phrases.zh_openers or _ZH_SEQUEL.match(said) or _ZH_NO_OBJECT.search(said):
        return UNSURE
    if phrases.zh_closing.search(said):
        return _SURE
    if phrases.zh_hanging.search(said):
        return _HARDLY
    if said.endswith("的") or _ZH_QUANTITY.search(said):
        return UNSURE
    # What comes after 把 needs a verb: 把窗戶 … 打開.
    said = said.rpartition("把")[2]
    if len(said) > 2 and not phrases.zh_predicate.search(said):
        return _TOPIC
    if phrases.zh_asking.search(said):
        return _SURE
    asks = len(said) <= _REQUEST_HAN and phrases.zh_request.search(said)
    return _REQUEST if asks else _LIKELY if len(said) > 3 else _SHORT


def _lacks_main_clause(said: str) -> bool:
    """As 雖然我試過很多次, which wants its 還是."""
    phrases = _phrases()
    opened = phrases.zh_conditional.match(said)
    if not opened:
        return False
    linked = phrases.zh_links.search(said, opened.end())
    return len(said) <= _CLAUSE_HAN or (not linked and len(said) <= _LINKED_HAN)


def _stops_in_an_address(said: str) -> bool:
    return said[-1] in "路街段巷弄" and bool(_phrases().zh_address.search(said))
