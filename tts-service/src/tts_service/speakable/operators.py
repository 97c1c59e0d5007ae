"""Tells sums from ranges, dates and marks, and writes their operators so that only one is meant.

`-` is a minus in ``5 - 3 = 2``, a range in ``3 - 5 days`` and nothing in ``0912-345-678``. What is
an operator here becomes a sign that has no other meaning (``− × ÷ ＜ ＞ ≤ ≥ ≠ →``), so that the
rules of each language need no context of their own.
"""

import re
from itertools import pairwise

from tts_service.speakable.rules import NUMBER, SCORE

_OPERAND = (
    rf"(?:[-−]?(?:{NUMBER})(?!\d|\.\d)(?:[A-Za-zα-ω](?![A-Za-z]))?|√?(?<![A-Za-z])[A-Za-zα-ω](?![A-Za-z'])"
    r"|√?\([^()\n]{1,30}\))[²³%]?"
)
_OPERATOR = r" ?(?:<=|>=|==|!=|\*\*|[-−+*×⋅÷/^=<>≤≥≠≈]|(?<=[\d ])x(?=[ \d])) ?"
_SUM = re.compile(
    rf"(?<![A-Za-z0-9_.,$-]){_OPERAND}(?:{_OPERATOR}{_OPERAND})+(?![A-Za-z0-9_]|[.,]\d)"
)
_STEP = re.compile(rf"({_OPERATOR})(?={_OPERAND})")
_PLAIN = re.compile(r"\d+(?:\.\d+)?")

_ASKED = re.compile(
    r"(?i)(?:\b(?:what(?:'s| is| are| does)|calculate|compute|solve|evaluate|how much is|equals?)"
    r"|計算|算|求|等於)\s*[:：]?\s*\Z"
)
_ANSWERED = re.compile(r"(?i)\s*(?:等於|是多少|是幾|多少|得|equals?\b|makes?\b|is (?=[-−]?\d))")
_NAMED = re.compile(r" ?[A-Za-z]|\s*[–—-]")
_SURE = frozenset({"=", "==", "!=", "≠", "≈", "+", "*", "×", "⋅", "÷", " x ", "**", "^"})
_SIGNS = {
    "-": "−",
    "*": "×",
    "x": "×",
    "/": "÷",
    "<": "＜",
    ">": "＞",
    "<=": "≤",
    ">=": "≥",
    "!=": "≠",
    "==": "=",
    "⋅": "×",
}

_STAMP = re.compile(r"(\d{4}-\d\d-\d\d)T(?=\d\d:\d\d)")
_SCIENTIFIC = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)[eE]\+?(-?\d{1,3})(?![\w.])")
_FACTORIAL = re.compile(r"(?<![\w.])(\d+)! ?(?==)")
_MODULO = re.compile(r"(?<![\w.])(\d+) % (\d+)(?=\s*(?:=|\?|等於|是))")
_GENERIC = re.compile(r"(?<=\w)<([A-Za-z][\w, :]{0,60})>")
_ARROWS = re.compile(r" ?(?:<-+>|<=+>|-+>|=+>|⟶|➔|➜|➡|⭢)(?!\w>) ?")
_COMPARED = re.compile(
    r"(?:(?<=[\w)%°℃²³\u4e00-\u9fff])|(?<=[\w)%] )|(?<=^)|(?<=[\s（(，,:：]))"
    r" ?(<=|>=|<|>|!=|==) ?(?=[-−]?[\d.($€£√]|[A-Za-zα-ω]\b|[\u4e00-\u9fff])"
)
_PRODUCT = re.compile(
    r"(?<=[\w)]) ?\*{1} ?(?=[\d(])|(?<=[\w)]) \* (?=\w)|(?<=\d) ?\* ?(?=[A-Za-z]\b)"
)


def unambiguous(text: str) -> str:
    """`text` with the operators of its sums and comparisons as signs of their own."""
    text = _MODULO.sub(r"\1 mod \2", _FACTORIAL.sub(r"\1 factorial ", text))
    text = _SCIENTIFIC.sub(r"\1 × 10^\2", _STAMP.sub(r"\1 ", text))
    text = _GENERIC.sub(r" \1 ", text)
    text = _ARROWS.sub(lambda found: " ↔ " if "<" in found[0] else " → ", text)
    text = _SUM.sub(_sum, text)
    text = _COMPARED.sub(lambda found: f" {_SIGNS.get(found[1], found[1])} ", text)
    return _PRODUCT.sub(" × ", text)


def _sum(found: "re.Match[str]") -> str:
    span = found[0]
    before = found.string[max(0, found.start() - 60) : found.start()]
    after = found.string[found.end() : found.end() + 20]
    steps = [(step.start(), step[1]) for step in _STEP.finditer(span) if step.start()]
    said = {step if step == " x " else step.strip() for _, step in steps}
    asked = bool(_ASKED.search(before)) or bool(_ANSWERED.match(after))
    divided = " / " in span and bool(re.search(r"\d / \d", span)) and span != "24 / 7"
    sure = asked or divided or bool(said & _SURE) or ("/" in said and len(said) > 1 and " " in span)
    if not sure and not _falls(span, steps, before, after):
        return span
    parts, last = [], 0
    for at, step in steps:
        if at < last or (at == last and last):
            continue  # a sign after an operator belongs to its number
        parts += [span[last:at], _step(span, at, step)]
        last = at + len(step)
    return "".join([*parts, span[last:]])


def _step(span: str, at: int, step: str) -> str:
    """One operator of a sum; a proper fraction stays one."""
    sign = step.strip()
    spaced = step != sign
    if sign == "/" and not spaced and _is_fraction(span, at):
        return step
    if sign == "-" and not spaced and span[at - 1 : at].isalpha() and span[at + 1 :][:1].isdigit():
        return step  # A-1 is a name
    if sign == "**":
        return "^"
    return f" {_SIGNS[sign]} " if sign in _SIGNS else step


def _is_fraction(span: str, at: int) -> bool:
    over = re.search(r"\d+\Z", span[:at])
    under = re.match(r"\d+", span[at + 1 :])
    return bool(over and under and int(over[0]) < int(under[0]))


def _falls(span: str, steps: list[tuple[int, str]], before: str, after: str) -> bool:
    """Whether spaced hyphens stand between falling numbers, as no range does."""
    if any(step not in (" - ", " − ") for _, step in steps) or SCORE.search(before):
        return any("−" in step for _, step in steps)
    numbers = [float(number) for number in _PLAIN.findall(span.replace(",", ""))]
    falling = len(numbers) == len(steps) + 1 and all(one > two for one, two in pairwise(numbers))
    return falling and not _NAMED.match(after)
