"""Markdown to text while it grows: marks go, code is shown but not spoken, formulas stay whole.

A line's beginning and each construct in it are held until they are decided; plain words pass at
once, so that the first clause is early. Formulas are spoken as ``\\(…\\)``, which the voice service
reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from gateway.text import constructs
from gateway.text.emphasis import Delimiters

_SPECIAL = re.compile(r"[`*_~\[!<&\\$|#\n]")
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})([^\n]*)(?:\n|\Z)")
_RULE = re.compile(r"[ \t]*(?:([-*_])(?:[ \t]*\1)*|=+)[ \t]*\Z")
_BULLET = re.compile(r"[ \t]*[-*+•][ \t]+(?=[^ \t\n])")
_BULLET_SO_FAR = re.compile(r"[ \t]*[-*+•]?[ \t]*\Z")
_HEADING = re.compile(r"[ \t]*#{1,6}[ \t]+(?=\S)")
_HEADING_SO_FAR = re.compile(r"[ \t]*#{1,6}[ \t]*\Z")
_QUOTE = re.compile(r"[ \t]*>[ \t]?(?!=)")
_NUMBERED = re.compile(r"[ \t]*(?:\d{1,9}[.)][ \t]+)?\Z")
_TASK = re.compile(r"\[([ xX])\][ \t]")
_NOTE = re.compile(r"[ \t]*\[\^[^\]\s]{1,40}\]:[ \t]*")
_DELIMITERS = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*\Z")
_DELIMITERS_SO_FAR = re.compile(r"[ \t:|-]*\Z")
_HAN = re.compile(r"[\u3400-\u9fff]")
_LONGEST_LINE = 2_000
_LONGEST_TAG = 600
_BEFORE = 40


class MarkdownText:
    """Feed it text; it gives back what to show and what to speak."""

    def __init__(self, *, inside: bool = False) -> None:
        self._held = ""
        self._at_start = not inside
        self._line = ""
        """What the present line said so far, its end only."""
        self._line_before = ""
        self._fence = ""
        self._heading = False
        self._delimiters = Delimiters()
        self._shown: list[str] = []
        self._spoken: list[str] = []
        self._starts = (
            ("`~", self._fence_line),
            ("-*_=", self._ruled_line),
            ("-*+•", self._bulleted),
            ("#", self._titled),
            (">", self._quoted),
            ("|", self._row),
            ("[", self._definition),
        )
        self._handlers: dict[str, Callable[[bool], bool]] = {
            **dict.fromkeys("*_~", self._emphasis),
            **dict.fromkeys("[!", self._bracket),
            "\n": self._newline,
            "`": self._code_span,
            "<": self._angle,
            "&": self._entity,
            "\\": self._escape,
            "$": self._formula,
            "|": self._bar,
            "#": self._number_sign,
        }

    def feed(self, text: str) -> tuple[str, str]:
        """What is settled now, shown and spoken."""
        for character in text:
            self._held += character
            self._settle(final=False)
        return self._take()

    def finish(self) -> tuple[str, str]:
        """What was held back."""
        self._settle(final=True)
        return self._take()

    def _take(self) -> tuple[str, str]:
        shown, spoken = "".join(self._shown), "".join(self._spoken)
        self._shown.clear()
        self._spoken.clear()
        return shown, spoken

    def _settle(self, *, final: bool) -> None:
        while self._held and self._step(final):
            pass

    def _step(self, final: bool) -> bool:
        """Settles a little of what is held; False when more must come first."""
        if self._fence:
            return self._code(final)
        if self._at_start:
            return self._line_start(final)
        found = _SPECIAL.search(self._held)
        plain = found.start() if found else len(self._held)
        if plain:
            return self._keep(plain)
        return self._handlers[self._held[0]](final)

    # What comes out

    def _give(self, shown: str, spoken: str | None = None) -> None:
        spoken = shown if spoken is None else spoken
        if shown or spoken:
            self._shown.append(shown)
            self._spoken.append(spoken)
            self._line = (self._line + (spoken or shown))[-_BEFORE:]

    def _drop(self, count: int) -> bool:
        self._held = self._held[count:]
        return True

    def _keep(self, count: int = 1) -> bool:
        self._give(self._held[:count])
        return self._drop(count)

    def _replace(self, count: int, text: str, spoken: str | None = None) -> bool:
        self._give(text, spoken)
        return self._drop(count)

    # The beginning of a line

    def _line_start(self, final: bool) -> bool:
        line, newline, _ = self._held.partition("\n")
        whole = bool(newline) or final
        mark = line.lstrip(" \t")[:1]
        if not mark:
            return self._begin(0) if whole else False
        for marks, decide in self._starts:
            if mark in marks and (decided := decide(line, whole)) is not None:
                return decided
        if not whole and _BULLET_SO_FAR.match(line):
            return False
        return self._begin(0)

    def _bulleted(self, line: str, _whole: bool) -> bool | None:
        found = _BULLET.match(line)
        return self._begin(found.end()) if found else None

    def _titled(self, line: str, whole: bool) -> bool | None:
        if found := _HEADING.match(line):
            self._heading = True
            return self._begin(found.end())
        return False if not whole and _HEADING_SO_FAR.match(line) else None

    def _begin(self, count: int) -> bool:
        self._at_start = False
        return self._drop(count)

    def _fence_line(self, line: str, whole: bool) -> bool | None:
        if not whole:
            run = line.lstrip(" \t")
            return False if run[:3] in ("`", "``", "```", "~", "~~", "~~~") and _runs(run) else None
        found = _FENCE.match(self._held)
        if not found or (found[1][0] == "`" and "`" in found[2]):
            return None
        self._fence = found[1]
        self._give("", "\n")
        return self._drop(found.end())

    def _ruled_line(self, line: str, whole: bool) -> bool | None:
        """A rule, or the line under a title; both are silent."""
        if not _RULE.match(line) and not ("|" in line and _DELIMITERS_SO_FAR.match(line)):
            return None
        if not whole:
            return False
        signs = line.replace(" ", "").replace("\t", "")
        under = bool(self._line_before.strip()) and signs[0] in "-="
        return self._without_line(line) if under or len(signs) >= 3 else None

    def _without_line(self, line: str) -> bool:
        """A line that says nothing goes with its end."""
        self._line_before = ""
        return self._drop(len(line) + 1)

    def _quoted(self, line: str, whole: bool) -> bool | None:
        if not whole and len(line.lstrip()) <= 2:
            return False
        found = _QUOTE.match(line)
        return self._drop(found.end()) if found else None

    def _row(self, line: str, whole: bool) -> bool:
        if not whole and len(line) < _LONGEST_LINE:
            return False
        if _DELIMITERS.match(line):
            return self._without_line(line)
        if line.strip(" |"):
            said = [_inside(cell) for cell in constructs.cells(line.strip())]
            comma = "，" if _HAN.search(line) else ", "
            spoken = comma.join(cell[1].strip() for cell in said if cell[1].strip())
            self._give(" | ".join(cell[0] for cell in said), spoken)
        return self._begin(len(line))

    def _definition(self, line: str, whole: bool) -> bool | None:
        if found := _NOTE.match(line):
            return self._begin(found.end())
        if "]" in line[:200] and not re.match(r"[ \t]*\[[^\]\n]*\](?:\Z|:)", line):
            return None
        if not whole and len(line) < constructs.LONGEST_LINK:
            return False
        return self._without_line(line) if constructs.is_definition(line) else None

    # Code

    def _code(self, final: bool) -> bool:
        line, newline, _ = self._held.partition("\n")
        if not newline and not final:
            return False
        mark = line.strip()
        if mark.startswith(self._fence) and not mark.strip(self._fence[0]):
            self._fence = ""
            self._at_start = True
            self._line = self._line_before = ""
            self._give("", "\n")
        else:
            self._shown.append(line + newline)
        return self._drop(len(line) + len(newline))

    def _code_span(self, final: bool) -> bool:
        run = len(self._held) - len(self._held.lstrip("`"))
        if run == len(self._held) and not final:
            return False
        line, newline, _ = self._held.partition("\n")
        found = re.search(rf"(?<!`)`{{{run}}}(?!`)", line[run:])
        if found and (run + found.end() < len(self._held) or final):
            inside = line[run : run + found.start()]
            return self._replace(run + found.end(), inside.strip(" ") or inside)
        if not newline and not final and len(line) < _LONGEST_TAG:
            return False
        if run >= 3 and newline:
            self._fence = "`" * run
            self._give("", "\n")
            return self._drop(len(line) + 1)
        return self._drop(run)

    # Within a line

    def _newline(self, _final: bool) -> bool:
        self._give("\n")
        self._line_before, self._line = self._line, ""
        self._at_start, self._heading = True, False
        if not self._line_before.strip():
            self._delimiters.clear()
        return self._drop(1)

    def _emphasis(self, final: bool) -> bool:
        char = self._held[0]
        run = len(self._held) - len(self._held.lstrip(char))
        if run == len(self._held) and not final:
            return False
        before, following = self._line[-1:], self._held[run : run + 1]
        if self._delimiters.is_literal(char, run, before, following):
            return self._keep(run)
        return self._drop(run)

    def _bracket(self, final: bool) -> bool:
        start = self._held.startswith("!")
        if self._held[start : start + 1] != "[":
            return False if self._held == "!" and not final else self._keep()
        if not start and (decided := self._task(final)) is not None:
            return decided
        line, newline, _ = self._held.partition("\n")
        end = constructs.closing_bracket(line, start)
        if end is None:
            over = final or newline or len(line) > constructs.LONGEST_LINK
            return self._keep(1 + start) if over else False
        after = self._held[end + 1 : end + 2]
        if not after and not final:
            return False
        if after == "(":
            return self._link(line, end + 1, constructs.closing_paren(line, end + 1), final)
        if after == "[" and not line[start + 1 : end].isdigit() and line[start + 1] != "^":
            return self._link(line, end + 1, constructs.closing_bracket(line, end + 1), final)
        return self._noted(line[start + 1 : end], end + 1, after)

    def _task(self, final: bool) -> bool | None:
        if not _NUMBERED.match(self._line):
            return None
        if found := _TASK.match(self._held):
            return self._replace(found.end(), "☐ " if found[1] == " " else "☑ ", "")
        undecided = len(self._held) < 4 and re.match(r"\[(?:[ xX]\]?)?\Z", self._held)
        return False if undecided and not final else None

    def _link(self, line: str, at: int, end: int | None, final: bool) -> bool:
        if end is None:
            over = final or len(self._held) > len(line) or len(line) > constructs.LONGEST_LINK
            return self._keep() if over else False
        whole = line[: end + 1]
        said = constructs.inline(whole) if whole[at] == "(" else constructs.label(whole)
        return self._replace(end + 1, said) if said != whole else self._keep()

    def _noted(self, inside: str, length: int, after: str) -> bool:
        """A footnote's mark, a source's number, or text in brackets."""
        if inside.startswith("^") and len(inside) > 1:
            return self._drop(length)
        if constructs.is_citation(self._line, inside, after):
            self._shown.append(self._held[:length])
            return self._drop(length)
        return self._keep()

    def _angle(self, final: bool) -> bool:
        following = self._held[1:2]
        if not following and not final:
            return False
        if not (following.isalpha() or following in ("/", "!")):
            return self._keep()
        line, newline, _ = self._held.partition("\n")
        end = line.find(">")
        if line.startswith("<!--"):
            end = line.find("-->") + 2 if "-->" in line else -1
        if end >= 0 and line[: end + 1].lower() == "<sup>":
            raised = line.lower().find("</sup>")
            end = raised + 5 if raised >= 0 else end if len(line) > 32 or newline or final else -1
        if end < 0:
            over = final or newline or len(line) > _LONGEST_TAG
            return self._keep() if over else False
        said = constructs.tag(line[: end + 1])
        if said is None:
            return self._keep()
        if said == "\n":
            self._give("\n")
            self._line_before, self._line = self._line, ""
            return self._drop(end + 1)
        return self._replace(end + 1, said)

    def _entity(self, final: bool) -> bool:
        if not final and re.fullmatch(r"&#?\w{0,32}", self._held):
            return False
        found = re.match(r"&#?\w{1,32};", self._held)
        return self._replace(found.end(), constructs.inline(found[0])) if found else self._keep()

    def _escape(self, final: bool) -> bool:
        following = self._held[1:2]
        if not following:
            return self._keep() if final else False
        if following in "([":
            return self._formula(final)
        if following == "\n":
            return self._drop(1)
        if following.isascii() and not following.isalnum() and not following.isspace():
            return self._replace(2, following)
        return self._keep()

    def _formula(self, final: bool) -> bool:
        if self._line[-1:].isalpha() and self._line[-1:].isascii() and self._held[0] == "$":
            return self._keep()  # NT$
        found = constructs.math(self._held, final=final)
        if found is None:
            return False
        length, inside = found
        if length:
            tex = " ".join(inside.split())
            return self._replace(length, self._held[:length], f"\\({tex}\\)" if tex else "")
        return self._keep() if self._held[0] == "$" else self._replace(2, self._held[1])

    def _bar(self, _final: bool) -> bool:
        return self._replace(1, " ")

    def _number_sign(self, final: bool) -> bool:
        """The signs that may end a heading are silent."""
        run = len(self._held) - len(self._held.lstrip("#"))
        if not self._heading or not self._line.endswith(" "):
            return self._keep(run)
        if run == len(self._held) and not final:
            return False
        ends = self._held[run : run + 1] in ("\n", "")
        return self._drop(run) if ends else self._keep(run)


def _runs(text: str) -> bool:
    """Whether a line that begins with a fence's sign may still become one."""
    signs = len(text) - len(text.lstrip(text[0]))
    return signs == len(text) or signs >= 3


def _inside(cell: str) -> tuple[str, str]:
    """A cell of a table, shown and spoken."""
    stream = MarkdownText(inside=True)
    first, last = stream.feed(cell), stream.finish()
    return first[0] + last[0], first[1] + last[1]
