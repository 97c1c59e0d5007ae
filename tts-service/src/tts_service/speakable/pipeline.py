"""The order of work: clean, cut, say."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from avatar_contract.errors import BadMessage, UnsupportedLanguage
from tts_service.speakable import addresses, chinese, english, operators, symbols, tex
from tts_service.speakable.clean import clean, without_emoji, without_marks
from tts_service.speakable.scripts import Script, has, script_of
from tts_service.utterance import Language, Run

_HELD = 0xE000
"""First private-use character: each stands for a piece that is said; clean text has none."""
_MAX_HELD = 0x1900

_TAGS: dict[str, Language] = {
    "zh": "zh",
    "cmn": "zh",
    "zho": "zh",
    "chi": "zh",
    "en": "en",
    "eng": "en",
}
_ENGLISH_STRETCH = re.compile(
    r"[A-Za-z0-9$%#&@+'.,:;!?/()\"-]+(?: [A-Za-z0-9$%#&@+'.,:;!?/()\"-]+)*"
)
_WORD = re.compile(r"[A-Za-z]{2,}|\b[AaI]\b")
_NUMBER_INSIDE = re.compile(r"[A-Za-z] \$?\d[\d.,:%]* [A-Za-z]")
Hold = Callable[[list[Run]], str]
_MIXED = re.compile(
    r"(?!(?:[kcm]?m|ft)[23](?![A-Za-z0-9])|[AaPp][Mm]-?\d)(?<![A-Za-z])[A-Za-z]+-?\d[A-Za-z0-9]*(?:\.\d+)*|(?<!\d)7-(?:11|Eleven)(?!\d)|\d+(?:st|nd|rd|th)(?![A-Za-z])"
)


@dataclass(frozen=True)
class Speakable:
    """A text ready for an engine. No runs: there is only punctuation, which is a pause."""

    runs: tuple[Run, ...]
    skipped: bool
    """Whether parts in other scripts were left out."""


def speakable(
    text: str, language: str | None, *, default: Language, can: frozenset[str]
) -> Speakable:
    """`text` in words, cut by language.

    Args:
        language: BCP 47 tag; None or ``auto``: by the text's script.
        default: the language of a text without letters.
        can: the languages that the engine can do.

    Raises:
        BadMessage: the text is empty, or has only control characters.
        UnsupportedLanguage: the tag, or the whole text, is in a language that can't be spoken.
    """
    asked = _language(language)
    plain = clean(text)
    if not plain:
        raise BadMessage("There is nothing to speak: `input` has no visible characters.")
    base = asked or _guess(addresses.ADDRESS.sub(" ", tex.MATH.sub(" ", plain)), default)
    pieces = _Held()
    plain = tex.without_tex(plain, base)
    plain = addresses.ADDRESS.sub(lambda found: pieces.hold(addresses.said(found[0], base)), plain)
    plain, unnamed = symbols.named(operators.unambiguous(without_emoji(plain, base)), base)
    kept, foreign = _readable(plain)
    skipped = foreign or unnamed
    if not pieces.runs and not any(character.isalnum() for character in kept):
        if foreign:
            raise UnsupportedLanguage(
                "The text is in a script that this engine can't speak; it speaks "
                f"{_names(can)}. Choose another engine for it."
            )
        return Speakable((), skipped)
    runs = tuple(_joined(_runs(kept, base, pieces)))
    _check(runs, can)
    return Speakable(runs, skipped)


class _Held:
    """Pieces that are said already; a private-use character stands for each in the text."""

    def __init__(self) -> None:
        self.runs: list[list[Run]] = []

    def hold(self, runs: list[Run]) -> str:
        """The character that stands for `runs`."""
        if len(self.runs) >= _MAX_HELD:
            return " "
        self.runs.append(runs)
        return chr(_HELD + len(self.runs) - 1)


def _language(tag: str | None) -> Language | None:
    if tag is None or tag.lower() in ("", "auto"):
        return None
    language = _TAGS.get(re.split("[-_]", tag.lower())[0])
    if language is None:
        raise UnsupportedLanguage(f"{tag!r} can't be spoken here; use `zh`, `en` or `auto`.")
    return language


def _guess(text: str, default: Language) -> Language:
    han = sum(script_of(character) is Script.HAN for character in text)
    latin = len(re.findall(r"(?<!°)[A-Za-z]+", text))
    if not han and not latin:
        return default
    return "zh" if han >= latin else "en"


def _readable(text: str) -> tuple[str, bool]:
    kept = "".join(" " if script_of(c) is Script.FOREIGN else c for c in text)
    return (re.sub(r" {2,}", " ", kept).strip(), True) if kept != text else (text, False)


def _names(can: frozenset[str]) -> str:
    return " and ".join(sorted({"zh": "Chinese", "en": "English"}.get(tag, tag) for tag in can))


def _check(runs: Sequence[Run], can: frozenset[str]) -> None:
    for run in runs:
        if run.language not in can:
            raise UnsupportedLanguage(
                f"This engine has no voice for `{run.language}`; it speaks {_names(can)}. "
                "Install one, or use the embedded engine."
            )


def _runs(text: str, base: Language, pieces: _Held) -> Iterator[Run]:
    text = without_marks(text)
    if base == "zh":
        text = chinese.lettered(text)
        text = _ENGLISH_STRETCH.sub(lambda found: _hold_english(found, pieces.hold), text)
        text = chinese.words(text)
    for piece in re.split(f"([{chr(_HELD)}-{chr(_HELD + _MAX_HELD)}])", text):
        if len(piece) == 1 and _HELD <= ord(piece) < _HELD + _MAX_HELD:
            yield from pieces.runs[ord(piece) - _HELD]
        else:
            yield from _by_script(piece, base)


def _hold_english(found: "re.Match[str]", hold: Hold) -> str:
    """Keeps English with numbers inside it from the rules for Chinese.

    `I have 3 apples` and `GPT-4` are English; in `跑 5 km` and `下午 3 PM` the number is Chinese.
    """
    stretch = found[0]
    found_words = list(_WORD.finditer(stretch))
    if found_words:
        start, end = found_words[0].start(), found_words[-1].end()
        inner = stretch[start:end]
        after_number = stretch[:start].rstrip()[-1:].isdigit()
        if _NUMBER_INSIDE.search(inner) and not after_number:
            said = hold([Run("en", english.words(inner))])
            return stretch[:start] + said + stretch[end:]
    return _MIXED.sub(lambda mixed: hold([Run("en", english.words(mixed[0]))]), stretch)


def _by_script(text: str, base: Language) -> Iterator[Run]:
    """Cuts where the script changes; what is neutral stays with what is before it."""
    language: Language = base
    start, seen = 0, False
    for index, character in enumerate(text):
        script = script_of(character)
        if script is Script.NEUTRAL:
            continue
        mine: Language = "zh" if script is Script.HAN else "en"
        if seen and mine != language:
            yield _said(text[start:index], language, base)
            start = index
        language, seen = mine, True
    if text[start:].strip():
        yield _said(text[start:], language, base)


def _said(text: str, language: Language, base: Language) -> Run:
    if language == "en":
        return Run("en", english.words(text))
    # In Chinese text the rules were applied before it was cut.
    return Run("zh", text.strip() if base == "zh" else chinese.words(text))


def _joined(runs: Iterator[Run]) -> Iterator[Run]:
    """Neighbours of one language as one run; punctuation alone goes with what is before it."""
    last: Run | None = None
    for run in runs:
        if not run.text:
            continue
        silent = not has(run.text, Script.HAN) and not has(run.text, Script.LATIN)
        if last is not None and (silent or run.language == last.language):
            space = "" if silent or run.language == "zh" else " "
            last = Run(last.language, last.text + space + run.text)
            continue
        if last is not None:
            yield last
        last = run
    if last is not None:
        yield last
