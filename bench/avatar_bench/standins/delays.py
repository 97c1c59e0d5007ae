"""How long the stand-in engines take, ms. Standard library only: the peers' side reads it too."""

import re
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Delays:
    """Issue 5's figures, or the product's budgets."""

    recogniser_ms: float = 120
    """A call, whatever its length."""
    first_token_ms: float = 150
    token_ms: float = 20
    first_byte_ms: float = 100
    speech_factor: float = 0.1
    """Seconds that a second of speech takes."""
    char_ms: float = 65
    """Sound of a character."""

    def as_dict(self) -> dict[str, float]:
        """For the wire."""
        return asdict(self)


FAST = Delays()
BUDGET = Delays(recogniser_ms=600, first_token_ms=800, first_byte_ms=1500)


def tokens(last_word: str, kind: str) -> list[str]:
    """The answer to a question that ends in `last_word`; as models write, a word has its blank
    before it."""
    return re.findall(r" ?[^ ]+", _ANSWERS[kind].format(word=last_word))


def first_clause_tokens(kind: str) -> int:
    """Tokens until it is known that the first clause is whole: its own, and the next one.

    Only what follows a full stop tells an end ("word. That") from an abbreviation or a number.
    """
    written = tokens("word", kind)
    return 2 + next(n for n, token in enumerate(written) if token[-1] in ".,")


_ANSWERS = {
    "short": "You said {word}. That is what was heard just now, and nothing else.",
    # 50 characters with a word of eight letters.
    "fifty": "You said {word}. I shall remember it for you now.",
    "long": (
        "You said {word}. This is the first of several sentences about it. "
        "The second one goes on for a little longer, with a comma in its middle. "
        "A third sentence follows so that there is something to interrupt. "
        "The fourth tells nothing new, as you may have noticed already. "
        "And with the fifth the whole story comes to its end."
    ),
}
