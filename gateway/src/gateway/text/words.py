"""Comparing what was said: equal words, and sounds that only say "I'm listening"."""

from __future__ import annotations

import re
import unicodedata

_NOT_WORD = re.compile(r"[^\w]+|_")
_DRAWN_OUT = re.compile(r"(.)\1{2,}")


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


_MURMURS = _listed(
    """
    嗯 嗯嗯 嗯哼 呃 喔 哦 噢 啊 哈 唔 欸 誒
    um umm uh uhh uhhuh uhuh mm mmm mhm mmhm mmhmm hm hmm huh ah oh er eh
    """
)
"""Sounds without a meaning of their own: never a turn."""

_ASSENTS = _listed(
    """
    對 對對 對對對 對啊 對呀 是 是是 是的 是啊 好 好好 好的 好啊 了解 沒錯 這樣 這樣啊 原來如此 真的
    yes yeah yep yup ok okay right sure isee gotit exactly true really
    alright yeahyeah cool nice wow
    """
)
"""Words that are a backchannel while the other speaks, and an answer when nobody does."""


def normalised(text: str) -> str:
    """`text` without case, width, punctuation and spaces: equal when the words are equal."""
    return _NOT_WORD.sub("", unicodedata.normalize("NFKC", text).casefold())


def same_words(one: str, other: str) -> bool:
    """Whether two transcripts say the same."""
    return normalised(one) == normalised(other)


def is_murmur(text: str) -> bool:
    """Whether `text` is nothing but murmurs, or nothing at all."""
    return not _words(text)


def is_backchannel(text: str) -> bool:
    """Whether `text`, said while the other speaks, only says "go on"."""
    words = _words(text)
    return "".join(words) in _ASSENTS or all(word in _ASSENTS for word in words)


def _words(text: str) -> list[str]:
    """The words of `text` without murmurs, however long one is drawn out (mmmm, 嗯嗯嗯嗯)."""
    pieces = (normalised(word) for word in text.split())
    return [word for word in pieces if word and _DRAWN_OUT.sub(r"\1\1", word) not in _MURMURS]
