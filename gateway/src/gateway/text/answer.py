"""Tells the model's answer from its thinking, its calls of tools and the marks of its template.

Servers should take these out, and many don't: a template's end token is printed, a thought comes in
``<Think type="x">``, a tool's call is written into the answer.
"""

from __future__ import annotations

import re
from enum import Enum

_THOUGHTS = "think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis|seed:think"
_TOOLS = (
    "tool_calls?|tool_responses?|tool_results?|tool_code|tools?_outputs?|function_calls?|function|invoke"
    "|tool_use|parameter"
)
_TOKEN = re.compile(
    rf"<\s*(?P<close>/?)\s*(?:(?P<thought>{_THOUGHTS})|(?P<tool>{_TOOLS}))"
    r"(?P<rest>(?:[\s=/][^<>]{0,300})?)>"
    r"|<\|(?P<mark>[A-Za-z0-9_/.▁-]{1,60})\|?>|<｜(?P<wide>[A-Za-z0-9_/.▁ -]{1,60})｜>"
    r"|<(?P<turn>start_of_turn|end_of_turn|bos|eos|pad|unk)>|</?s>|<<(?P<sys>/?)SYS>>"
    r"|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS)\]|\[(?P<calls>TOOL_CALLS)\]",
    re.IGNORECASE,
)
_NAMES = tuple(
    """
    think thinking thought thoughts reasoning reflection scratchpad analysis seed:think
    tool_call tool_calls tool_response tool_responses tool_result tool_results tool_code tool_output
    tool_outputs tools_output tools_outputs function_call function_calls function invoke tool_use
    parameter
    """.split()
)
_WHOLE = tuple(
    """
    <start_of_turn> <end_of_turn> <bos> <eos> <pad> <unk> <s> </s> <<sys>> <</sys>> [inst] [/inst]
    [system_prompt] [/system_prompt] [available_tools] [/available_tools] [tool_calls]
    """.split()
)
_NAME_SO_FAR = re.compile(r"<\s*/?\s*([A-Za-z_:]*)\Z")
_TAG_SO_FAR = re.compile(rf"<\s*/?\s*(?:{_THOUGHTS}|{_TOOLS})[\s=/][^<>]{{0,300}}\Z")
_MARK_SO_FAR = re.compile(r"<[|｜][A-Za-z0-9_/.▁ -]{0,60}[|｜]?\Z")
_LONGEST_HEADER = 80


class _Part(Enum):
    """Whose words the stream carries."""

    ANSWER = "answer"
    HEADER = "header"
    """The role or channel that a template writes before a message."""
    LINE = "line"
    """A header that ends with its line."""
    OTHER = "other"
    """Thoughts of a channel, calls of tools, somebody else's turn."""


_HEADS = frozenset({"channel", "start", "start_header_id"})
_CALLS = frozenset(
    """
    python_tag tool_call tool_calls tool_call_begin tool_calls_begin tool_calls_section_begin
    """.split()
)
_OTHERS = frozenset("user system tool analysis commentary ipython developer".split())


class AnswerText:
    """Feed it the model's stream; it gives back the answer.

    Args:
        opened: the model's template has opened the thinking itself, so that the stream begins
            inside it. Without a closing tag, everything is taken for the answer at the end.
    """

    def __init__(self, *, opened: bool = False) -> None:
        self.retracted = False
        """Whether what was given before the last call turned out to be a thought."""
        self._held = ""
        self._given: list[str] = []
        self._withheld: list[str] | None = [] if opened else None
        self._thoughts = 0
        self._tools = 0
        self._part = _Part.ANSWER
        self._header = ""
        self._last = ""
        self._thought_once = False
        self._fresh = True

    def feed(self, delta: str) -> str:
        """The part of the answer that `delta` settles."""
        self.retracted = False
        for character in delta:
            self._held += character
            self._settle(final=False)
        return self._take()

    def finish(self) -> str:
        """What was held back when the stream ended."""
        self.retracted = False
        self._settle(final=True)
        if self._withheld:
            self._given, self._withheld = self._withheld, None
        return self._take()

    def _take(self) -> str:
        given = "".join(self._given)
        self._given.clear()
        return given

    def _settle(self, *, final: bool) -> None:
        while self._held:
            if self._held[0] not in "<[" or self._last == "`":
                self._give(self._held[0])
                self._held = self._held[1:]
            elif found := _TOKEN.match(self._held):
                self._held = self._held[found.end() :]
                self._token(found)
            elif not final and self._may_become_a_token():
                return
            else:
                self._give(self._held[0])
                self._held = self._held[1:]

    def _may_become_a_token(self) -> bool:
        held = self._held.lower()
        if any(token.startswith(held) for token in _WHOLE):
            return True
        if found := _NAME_SO_FAR.match(held):
            return any(name.startswith(found[1]) for name in _NAMES)
        return bool(_TAG_SO_FAR.match(held) or _MARK_SO_FAR.match(held))

    def _give(self, character: str) -> None:
        self._last = character
        if self._part in (_Part.HEADER, _Part.LINE):
            self._read_header(character)
            return
        if self._thoughts or self._tools or self._part is _Part.OTHER:
            return
        if self._withheld is not None:
            self._withheld.append(character)
            return
        if self._fresh and character.isspace():
            return
        self._fresh = False
        self._given.append(character)

    def _read_header(self, character: str) -> None:
        if self._part is _Part.LINE and character == "\n":
            self._begin_message()
        elif len(self._header) < _LONGEST_HEADER:
            self._header += character
        else:
            # No header is so long: it was text.
            self._part = _Part.ANSWER
            self._given.append(self._header + character)

    def _begin_message(self) -> None:
        words = set(self._header.lower().split())
        self._part = _Part.OTHER if words & _OTHERS else _Part.ANSWER

    def _token(self, found: re.Match[str]) -> None:
        self._last = ">"
        closing = bool(found["close"])
        if found["thought"]:
            self._think(closing=closing)
        elif found["tool"]:
            self._tools = max(0, self._tools - 1) if closing else self._tools + 1
            if found["rest"].endswith("/") and not closing:
                self._tools -= 1
        elif mark := found["mark"] or found["wide"]:
            self._mark(mark.lower().replace("▁", "_").strip("_ "))
        elif found["calls"]:
            self._part = _Part.OTHER
        elif found["turn"]:
            self._turn(found["turn"].lower())

    def _think(self, *, closing: bool) -> None:
        if not closing:
            # A template that opens the thinking does not keep every model from opening it too.
            repeated = self._withheld is not None and not "".join(self._withheld).strip()
            self._thoughts += 0 if repeated else 1
        elif self._thoughts:
            self._thoughts -= 1
            self._thought_once = self._thought_once or not self._thoughts
        elif self._withheld is not None:
            self._withheld, self._thought_once, self._fresh = None, True, True
        elif not self._thought_once:
            self._given.clear()
            self.retracted, self._thought_once, self._fresh = True, True, True

    def _turn(self, name: str) -> None:
        if name == "start_of_turn":
            self._part, self._header = _Part.LINE, ""
        elif self._part is _Part.OTHER:
            self._part = _Part.ANSWER

    def _mark(self, name: str) -> None:
        if name == "im_start":
            self._part, self._header = _Part.LINE, ""
        elif name in _HEADS:
            self._part, self._header = _Part.HEADER, ""
        elif name in ("message", "end_header_id", "im_sep"):
            if self._part in (_Part.HEADER, _Part.LINE):
                self._begin_message()
        elif name in _CALLS:
            self._part = _Part.OTHER
        elif self._part is not _Part.ANSWER and not name.startswith(("tool_sep", "tool_call_")):
            self._part = _Part.ANSWER
