"""Turns a model's stream into text that can be shown and spoken.

::

    tokens ─ answer ─▶ without thinking, tools, control tokens ─ markdown ─▶ shown, spoken

Both steps work character by character: where a server cuts its tokens makes no difference.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from gateway.text.answer import AnswerText
from gateway.text.markdown import MarkdownText

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffd]")


class Plain(NamedTuple):
    """What a piece of the stream comes to."""

    shown: str
    spoken: str
    retracted: bool = False
    """Whether everything given before was a thought, and must be taken back: a closing tag came
    whose opening the model's template had swallowed."""


class PlainText:
    """Feed it the model's deltas; it gives back what to show and what to speak.

    Args:
        thinking_opened: the model's template opens the thinking, so the stream begins with it.
    """

    def __init__(self, *, thinking_opened: bool = False) -> None:
        self._answer = AnswerText(opened=thinking_opened)
        self._markdown = MarkdownText()

    def feed(self, delta: str) -> Plain:
        """The text that `delta` settles; the rest is held until its meaning is clear."""
        return self._given(self._answer.feed(_CONTROL.sub("", delta)), final=False)

    def finish(self) -> Plain:
        """What was held back when the stream ended."""
        return self._given(self._answer.finish(), final=True)

    def _given(self, text: str, *, final: bool) -> Plain:
        retracted = self._answer.retracted
        if retracted:
            self._markdown = MarkdownText()
        shown, spoken = self._markdown.feed(text)
        if final:
            rest = self._markdown.finish()
            shown, spoken = shown + rest[0], spoken + rest[1]
        return Plain(shown, spoken, retracted)
