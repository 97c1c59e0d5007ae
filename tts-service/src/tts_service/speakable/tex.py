r"""TeX as it is read aloud: ``\frac{a}{b}`` is "a over b", and its dollars are no money.

pylatexenc parses it. What comes out is text with signs that `symbols` and the languages' rules
name, so that only what has an order or a word of its own (fractions, roots, sums) is decided here.
"""

import re
from collections.abc import Sequence

from pylatexenc import latexwalker as walker
from pylatexenc.latex2text import LatexNodes2Text

from tts_service.speakable.tables import tex
from tts_service.utterance import Language

_LONGEST = 2_000
_DEEPEST = 80
"""Braces, which the parser descends into."""
MATH = re.compile(
    r"\$\$(?P<display>[^$]{1,2000}?)\$\$"
    r"|\\\[(?P<square>.{1,2000}?)\\\]|\\\((?P<round>.{1,2000}?)\\\)"
    r"|(?<![\\A-Za-z0-9$])\$(?P<dollar>(?! )[^$\n]{1,300}?(?<! ))\$(?![A-Za-z0-9$])",
    re.DOTALL,
)
_BARE = re.compile(r"(?<![\w:\\])\\[A-Za-z]+(?:\{(?:[^{}]|\{[^{}]*\}){0,200}\}){1,2}")
_MARKED = re.compile(r"[\\^_={}<>]")
_ALGEBRA = re.compile(r"(?!\d+\Z)(?:\d*[A-Za-zα-ω](?![A-Za-z])|\d+(?!\d)|[-+*/()'|., ]|−)+\Z")
_FRACTIONS = frozenset({"frac", "dfrac", "tfrac", "cfrac"})
_SIMPLE = re.compile(r"[-−]?[\w.πθαβγλμφω]+\Z")
_RAISED = {"2": "²", "3": "³", "°": "°"}


def without_tex(text: str, language: Language) -> str:
    """`text` with its formulas as they are said."""
    if "$" not in text and "\\" not in text:
        return text
    text = MATH.sub(lambda found: _math(found, language), text)
    return _BARE.sub(lambda found: f" {said(found[0], language)} ", text).replace("\\$", "$")


def is_math(inside: str) -> bool:
    """Whether what stands between two dollar signs is a formula, and not between two prices."""
    return bool(_MARKED.search(inside) or _ALGEBRA.match(inside))


def said(formula: str, language: Language) -> str:
    """A formula as text that the rules for numbers and signs can read."""
    if len(formula) > _LONGEST or formula.count("{") > _DEEPEST:
        return formula.replace("\\", " ")
    nodes, _, _ = walker.LatexWalker(formula, tolerant_parsing=True).get_latex_nodes()
    return re.sub(r"\s+", " ", _Reader(language).read(nodes)).strip()


def _math(found: "re.Match[str]", language: Language) -> str:
    dollar = found["dollar"]
    if dollar is not None and not is_math(dollar):
        return found[0]
    inside = next(group for group in found.groups() if group is not None)
    return f" {said(inside, language)} "


class _Reader:
    """Walks the nodes of a formula."""

    def __init__(self, language: Language) -> None:
        self._zh = language == "zh"
        self._plain = LatexNodes2Text()

    def read(self, nodes: Sequence[walker.LatexNode | None]) -> str:
        """What the nodes say. An exponent or index belongs to what stands before it."""
        out = ""
        queue = [node for node in nodes if node is not None]
        while queue:
            node = queue.pop(0)
            if isinstance(node, walker.LatexCharsNode):
                out = self._characters(out, str(node.chars), queue)
            elif isinstance(node, walker.LatexMacroNode) and node.macroname in tex().big:
                out += self._big(str(node.macroname), queue)
            else:
                out += self._node(node)
        return out

    def _characters(self, out: str, chars: str, queue: list[walker.LatexNode]) -> str:
        for index, character in enumerate(chars):
            if character not in "^_":
                out += " " if character in "~&" else character
                continue
            rest = chars[index + 1 :].lstrip()
            if rest:
                out += self._script(character, rest[0])
                return self._characters(out, rest[1:], queue)
            if queue:
                out += self._script(character, self._node(queue.pop(0)))
        return out

    @staticmethod
    def _script(mark: str, inside: str) -> str:
        inside = inside.strip()
        if mark == "_":
            return f" {inside} " if inside else ""
        if inside in _RAISED:
            return _RAISED[inside]
        return f"^{inside}" if _SIMPLE.match(inside) else f"^({inside})"

    def _node(self, node: walker.LatexNode) -> str:
        if isinstance(node, walker.LatexCharsNode):
            return self._characters("", str(node.chars), [])
        if isinstance(node, walker.LatexMacroNode):
            return self._macro(node)
        if isinstance(node, (walker.LatexGroupNode, walker.LatexMathNode)):
            return self.read(node.nodelist)
        if isinstance(node, walker.LatexEnvironmentNode):
            return f" {self.read(node.nodelist)} "
        if isinstance(node, walker.LatexSpecialsNode):
            return " "
        return ""

    def _macro(self, node: walker.LatexMacroNode) -> str:
        name = str(node.macroname)
        found = node.nodeargd.argnlist if node.nodeargd else []
        given = [argument for argument in found or [] if argument is not None]
        if name in tex().silent:
            return " "
        if name in tex().words:
            return tex().words[name]
        if name in _FRACTIONS and len(given) == 2:
            return self._fraction(*(self._node(argument).strip() for argument in given))
        if name == "sqrt" and given:
            return self._root([self._node(argument).strip() for argument in given])
        if given:
            return "".join(self._node(argument) for argument in given)
        plain = "" if name in _FRACTIONS else str(self._plain.node_to_text(node))
        return f" {plain} " if plain.strip() else f" {name} "

    def _fraction(self, over: str, under: str) -> str:
        if over.isdigit() and under.isdigit():
            return f" {over}/{under} "
        return f" {under} 分之 {over} " if self._zh else f" {over} over {under} "

    def _root(self, parts: list[str]) -> str:
        degree, inside = ("", parts[0]) if len(parts) == 1 else (parts[0], parts[-1])
        if not degree or degree == "2":
            return f" √{inside} " if self._zh else f" the square root of {inside} "
        if self._zh:
            return f" {inside} 的 {degree} 次方根 "
        return f" the {'cube' if degree == '3' else f'{degree}-th'} root of {inside} "

    def _big(self, name: str, queue: list[walker.LatexNode]) -> str:
        limits = {"_": "", "^": ""}
        while queue and isinstance(queue[0], walker.LatexCharsNode):
            chars = str(queue[0].chars).lstrip()
            if chars[:1] not in ("_", "^"):
                break
            mark, rest = chars[0], chars[1:]
            queue.pop(0)
            if rest:
                limits[mark] = rest[0]
                queue.insert(0, walker.LatexCharsNode(chars=rest[1:]))
            elif queue:
                limits[mark] = self._node(queue.pop(0)).strip()
        return self._limits(name, limits["_"], limits["^"])

    def _limits(self, name: str, low: str, high: str) -> str:
        english, chinese = tex().big[name]
        if self._zh:
            span = f"從 {low} 到 {high} 的" if high else f"{low} 時的" if low else ""
            return f" {span}{chinese} "
        if name == "lim":
            return f" {english} as {low} of " if low else f" {english} of "
        span = f" from {low} to {high}" if high else f" over {low}" if low else ""
        return f" {english}{span} of "
