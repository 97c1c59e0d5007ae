"""When two hypotheses say the same, and how pieces of text are joined."""

import re
import unicodedata

_KEEP = re.compile(r"[\W_]+")
_WIDE = re.compile(r"[\u3000-\u303f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uff65]")


def normalised(text: str) -> str:
    """`text` without case, punctuation, width and spacing: equal means the same words."""
    return _KEEP.sub("", unicodedata.normalize("NFKC", text).casefold())


def join(first: str, second: str) -> str:
    """Two pieces of one utterance, with a space where the script has them."""
    first, second = first.strip(), second.strip()
    if not first or not second:
        return first or second
    tight = _WIDE.match(first[-1]) and _WIDE.match(second[0])
    return first + second if tight else f"{first} {second}"
