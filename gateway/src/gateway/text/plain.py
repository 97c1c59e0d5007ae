"""Turns a model's stream into text that can be shown and spoken.

Thinking is dropped, Markdown's marks are dropped, and code is shown but not spoken. It works
character by character with a bounded look-ahead, because tokens cut marks anywhere.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_THINKING = ("think", "thinking", "reasoning", "thought")
_OPEN = tuple(f"<{name}>" for name in _THINKING)
_CLOSE = tuple(f"</{name}>" for name in _THINKING)
_LINK = re.compile(r"!?\[([^\]\n]*)\]\([^)\n]*\)")
_LINK_SO_FAR = re.compile(r"!?\[[^\]\n]{0,200}(\](\([^)\n]{0,500})?)?\Z")
_SPECIAL = re.compile(r"[<`*_#\[!~|>\-+]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffd]")


class Plain(NamedTuple):
    """What a piece of the stream comes to."""

    shown: str
    spoken: str


class PlainText:
    """Feed it the model's deltas; it gives back what to show and what to speak."""

    def __init__(self) -> None:
        self._held = ""
        self._inside: tuple[str, ...] | None = None
        self._fenced = False
        self._last = "\n"
        self._after_thinking = False
        self._shown: list[str] = []
        self._spoken: list[str] = []

    def feed(self, delta: str) -> Plain:
        """The text that `delta` settles; the rest is held until its meaning is clear."""
        self._held += _CONTROL.sub("", delta)
        return self._drain(final=False)

    def finish(self) -> Plain:
        """What was held back when the stream ended."""
        return self._drain(final=True)

    def _drain(self, *, final: bool) -> Plain:
        while self._held and self._step(final):
            pass
        plain = Plain("".join(self._shown), "".join(self._spoken))
        self._shown.clear()
        self._spoken.clear()
        return plain

    def _step(self, final: bool) -> bool:
        """Settles a little of what is held; False when more must come first."""
        if self._inside:
            return self._skip_thinking(final)
        if self._fenced:
            return self._code(final)
        found = _SPECIAL.search(self._held)
        if found is None:
            self._give(self._held)
            self._held = ""
        elif found.start():
            self._give(self._held[: found.start()])
            self._held = self._held[found.start() :]
        else:
            return self._special(final)
        return True

    def _give(self, text: str, *, spoken: bool = True) -> None:
        if self._after_thinking:
            text = text.lstrip("\n")
        if text:
            self._after_thinking = False
            self._last = text[-1]
            self._shown.append(text)
            if spoken:
                self._spoken.append(text)

    def _drop(self, count: int) -> bool:
        self._held = self._held[count:]
        return True

    def _keep(self, count: int = 1) -> bool:
        self._give(self._held[:count])
        return self._drop(count)

    def _skip_thinking(self, final: bool) -> bool:
        ends = [(self._held.find(tag), len(tag)) for tag in self._inside or ()]
        ends = [end for end in ends if end[0] >= 0]
        if ends:
            at, length = min(ends)
            self._inside = None
            self._held = self._held[at + length :]
            self._after_thinking = True
            return True
        longest = max(len(tag) for tag in _CLOSE)
        self._held = "" if final else self._held[-longest:]
        return False

    def _code(self, final: bool) -> bool:
        end = self._held.find("```")
        if end >= 0:
            self._give(self._held[:end], spoken=False)
            self._fenced = False
            self._drop(end + 3)
            self._spoken.append("\n")
            return True
        settled = len(self._held) if final else max(0, len(self._held) - 2)
        self._give(self._held[:settled], spoken=False)
        self._drop(settled)
        return False

    def _special(self, final: bool) -> bool:
        char = self._held[0]
        if char == "<":
            return self._tag(final)
        if char == "`":
            return self._backticks(final)
        if char in "[!":
            return self._link(final)
        if char in "*_~":
            return self._emphasis(char, final)
        return self._line_mark(char, final)

    def _tag(self, final: bool) -> bool:
        for tag, close in zip(_OPEN, _CLOSE, strict=True):
            if self._held.startswith(tag):
                self._inside = (close,)
                return self._drop(len(tag))
        if not final and any(tag.startswith(self._held) for tag in (*_OPEN, *_CLOSE)):
            return False
        for close in _CLOSE:
            if self._held.startswith(close):
                return self._drop(len(close))
        return self._keep()

    def _backticks(self, final: bool) -> bool:
        if not final and "```".startswith(self._held):
            return False
        if not self._held.startswith("```"):
            return self._drop(1)
        newline = self._held.find("\n")
        if newline < 0 and not final:
            return False
        self._fenced = True
        self._spoken.append("\n")
        return self._drop(newline + 1 if newline >= 0 else len(self._held))

    def _link(self, final: bool) -> bool:
        if link := _LINK.match(self._held):
            self._held = link[1] + self._held[link.end() :]
            return True
        undecided = self._held == "!" or _LINK_SO_FAR.match(self._held)
        if undecided and not final:
            return False
        return self._keep()

    def _emphasis(self, char: str, final: bool) -> bool:
        run = len(self._held) - len(self._held.lstrip(char))
        if run == len(self._held) and not final:
            return False
        following = self._held[run : run + 1]
        if self._last == "\n" and char == "*" and run == 1 and following == " ":
            return self._drop(2)
        if char == "~" and run == 1:
            return self._keep()
        spaced = self._last.isspace() and following.isspace()
        inside_word = char == "_" and self._last.isalnum() and following.isalnum()
        between_digits = self._last.isdigit() and following.isdigit()
        if run == 1 and (spaced or inside_word or between_digits):
            return self._keep()
        return self._drop(run)

    def _line_mark(self, char: str, final: bool) -> bool:
        if char == "|":
            self._give(" ")
            return self._drop(1)
        if self._last != "\n":
            return self._keep()
        run = len(self._held) - len(self._held.lstrip(char))
        if run == len(self._held) and not final:
            return False
        following = self._held[run : run + 1]
        if char == "-" and run >= 3 and following in ("\n", ""):
            return self._drop(run)
        if following == " " or (char == ">" and following != "="):
            return self._drop(run + (following == " "))
        return self._keep(run)
