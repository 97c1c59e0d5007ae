"""Rules for English: each pattern in turn, the most particular first."""

import re

from tts_service.speakable import english_numbers as numbers
from tts_service.speakable.english_amounts import MEASURES, MONEY, identifier, number, plural
from tts_service.speakable.english_times import DATES, TIMES
from tts_service.speakable.rules import (
    CODE,
    IDENTIFIER,
    LETTERED,
    LONG_DIGITS,
    NUMBER,
    PHONE,
    VERSION,
    Rule,
    applied,
    compiled,
    groups,
)
from tts_service.speakable.tables import units

__all__ = ["number", "words"]

_ABBREVIATIONS = {
    "mr": "Mister",
    "mrs": "Missus",
    "ms": "Miz",
    "dr": "Doctor",
    "prof": "Professor",
    "vs": "versus",
    "etc": "et cetera",
    "e.g": "for example",
    "i.e": "that is",
    "approx": "approximately",
    "no": "number",
    "sec": "section",
    "fig": "figure",
    "vol": "volume",
    "ch": "chapter",
    "eq": "equation",
    "pp": "pages",
    "p": "page",
    "mt": "Mount",
    "st": "Saint",
    "ft": "Fort",
    "gen": "General",
    "capt": "Captain",
    "lt": "Lieutenant",
    "sgt": "Sergeant",
    "rev": "Reverend",
    "gov": "Governor",
    "sen": "Senator",
    "jr": "Junior",
    "sr": "Senior",
}


_TWICE = re.compile(r"\b([a-z]{4,}) \1\b")
_UNIT_WORDS = frozenset(
    plural(unit.en, "2").partition(" ")[0] for unit in units().units.values()
) | {"percent", "degrees"}


def words(text: str) -> str:
    """English `text` with everything in words."""
    said = _TWICE.sub(_once, applied(_RULES, text))
    said = re.sub(r" {2,}", " ", said).replace("( ", "(")
    return re.sub(r"\s+([,.!?;:)])", r"\1", said).strip()


def _once(found: "re.Match[str]") -> str:
    """A unit that is written as a sign and as a word."""
    return found[1] if found[1] in _UNIT_WORDS else found[0]


def _phone(found: "re.Match[str]") -> str:
    said = [numbers.one_by_one(group, zero="oh") for group in groups(found)]
    return ("plus " if found[0].startswith("+") else "") + ", ".join(said)


def _version(found: "re.Match[str]") -> str:
    parts = found[0].split(".")
    if len(parts) == 4:
        return " dot ".join(numbers.one_by_one(part) for part in parts)
    return " point ".join(numbers.whole(part) for part in parts)


def _abbreviation(found: "re.Match[str]") -> str:
    return _ABBREVIATIONS[found[1].lower()]


def _lettered(found: "re.Match[str]") -> str:
    letters, digits = re.findall(r"[A-Za-z]+|\d+", found[0])
    return f"{' '.join(letters)} {numbers.one_by_one(digits)}"


def _power(found: "re.Match[str]") -> str:
    raised = found[1] or found[2]
    if raised in ("2", "3"):
        return " squared" if raised == "2" else " cubed"
    return f" to the power of {raised} "


def _dimension(found: "re.Match[str]") -> str:
    return " by " if found[0] == found[0].strip() else " times "


_PHRASES: tuple[Rule, ...] = (
    (re.compile(r"\b7-(?:11|Eleven)\b", re.IGNORECASE), lambda _: "Seven Eleven"),
    (re.compile(r"\b24 ?/ ?7\b"), lambda _: "twenty-four seven"),
    (re.compile(r"\b50-50\b"), lambda _: "fifty-fifty"),
    (re.compile(r"\b9/11\b"), lambda _: "nine eleven"),
    (re.compile(r"\b20/20\b(?= vision| hindsight)"), lambda _: "twenty twenty"),
    (re.compile(r"\b401\(?k\)?", re.IGNORECASE), lambda _: "four oh one K"),
    (re.compile(r"\b(\d)-on-(\d)\b"), lambda f: f"{f[1]} on {f[2]}"),
    (re.compile(r"\bw/o\b"), lambda _: "without"),
    (re.compile(r"\bw/ ?(?=[A-Za-z])"), lambda _: "with "),
    (re.compile(r"\b([CF])#"), lambda f: f"{f[1]} sharp"),
    (re.compile(r"\bv(?=\d+\.\d)", re.IGNORECASE), lambda _: "version "),
    (LONG_DIGITS, lambda f: numbers.one_by_one(f[0])),
    (PHONE, _phone),
    (IDENTIFIER, identifier),
    (LETTERED, _lettered),
    (CODE, lambda f: f[1] + numbers.one_by_one(f[2])),
    (VERSION, _version),
    (re.compile(r"\b(e\.g|i\.e)\.", re.IGNORECASE), _abbreviation),
    (re.compile(r"\b(mr|mrs|ms|dr|prof|vs|etc|approx)\.", re.IGNORECASE), _abbreviation),
    (re.compile(r"\b(no|sec|fig|vol|ch|eq|pp?)\.(?= ?\d)", re.IGNORECASE), _abbreviation),
    (re.compile(r"\b(Mt|St|Ft|Gen|Capt|Lt|Sgt|Rev|Gov|Sen)\.(?= [A-Z])"), _abbreviation),
    (re.compile(r"(?<=[A-Za-z,] )(Jr|Sr)\.(?= [a-z]|,|$)"), _abbreviation),
)
_SIGNS: tuple[Rule, ...] = compiled(
    [
        (r"(?<=[\w)])\^(?:\(([-−]?\w[^()]{0,40})\)|([-−]?[A-Za-z0-9.]+))", _power),
        (r"\b(\d+)(?:st|nd|rd|th)\b", lambda f: numbers.ordinal(f[1])),
        (
            rf"(?<![\w.-])({NUMBER})((?:°C|°F|°|%)?) ?[-~–] ?(?=(?:{NUMBER})(?![\d-]))",
            lambda f: f"{f[1]}{f[2]} to ",
        ),
        (r"(?<=[\d°%CF]) ?~ ?(?=-?\d)", lambda _: " to "),
        (rf"(?<![\w.])[-−](?=(?:{NUMBER}))", lambda _: "minus "),
        (rf"(?<![\w.])~ ?(?=(?:{NUMBER}))", lambda _: "about "),
        (r"(?<![\w.-])[-−](?=[A-Za-z](?![A-Za-z]))", lambda _: "minus "),
    ]
)
_REST: tuple[Rule, ...] = compiled(
    [
        (r"#(?=\d)", lambda _: "number "),
        (r"(?<=\d) ?x ?(?=\d)", _dimension),
        (r"(?<=[A-Za-z])-?(?=\d)", lambda _: " "),
        (r"(?<=\d)(?=[A-Za-z])", lambda _: " "),
        (rf"({NUMBER})", lambda f: number(f[1])),
        (r" ?√ ?", lambda _: " square root of "),
        (r" ?− ?", lambda _: " minus "),
        (r" ?& ?", lambda _: " and "),
        (r" ?\+ ?(?=\w)", lambda _: " plus "),
        (r"\+", lambda _: " plus"),
        (r" ?={1,2} ?", lambda _: " equals "),
        (r" ?÷ ?", lambda _: " divided by "),
        (r" ?± ?", lambda _: " plus or minus "),
        (r" ?× ?", lambda _: " times "),
        (r" ?@ ?", lambda _: " at "),
        (r" ?[%] ?", lambda _: " percent "),
        (r"°", lambda _: " degrees"),
        (r"²", lambda _: " squared"),
        (r"³", lambda _: " cubed"),
        (r" ?[/#~^] ?", lambda _: " "),
    ]
)
_ABOUT: tuple[Rule, ...] = compiled([(r"(?<![\w.])~ ?(?=[^\w\s]?[$€£¥])", lambda _: "about ")])
_RULES: tuple[Rule, ...] = (*_PHRASES, *_ABOUT, *DATES, *TIMES, *MONEY, *_SIGNS, *MEASURES, *_REST)
