"""The names that clients give to languages, as one BCP 47 tag.

`EN`, `eng`, `English`, `en_US.UTF-8` and `en-us` are one language; what is in no table stays as it
is, and the engine says that it does not know it. Why a table: `docs/adr/0014-language-names.md`.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

AUTO = "auto"

_ANY = frozenset({"", AUTO, "und", "mul", "mis", "zxx", "null", "undefined", "none"})
_ENCODING = re.compile(r"[.@].*$", re.DOTALL)
_SEPARATORS = re.compile(r"[-_\s]+")
_WORDS = re.compile(r"[\s,()_-]+")
_SUBTAG = re.compile(r"[a-z0-9]{1,8}", re.ASCII)


def language_tag(name: str) -> str:
    """`name` as a tag: language in small letters, script and region as BCP 47 writes them.

    `auto` where it leaves the language open. Names of a language in a country lose the country.
    """
    text = _ENCODING.sub("", name.strip()).casefold()
    if text in _ANY:
        return AUTO
    known = _table()
    named = known.get(" ".join(_WORDS.sub(" ", text).split()))
    if named is not None:
        return named
    first, *rest = _SEPARATORS.split(text)
    code = known.get(first)
    if code is None:
        return "-".join([first, *rest])
    if rest and known.get(rest[0]) == code:
        # An extended language, as in zh-cmn-TW.
        rest = rest[1:]
    return "-".join([code, *_written([part for part in rest if _SUBTAG.fullmatch(part)])])


def _written(subtags: list[str]) -> list[str]:
    """Subtags in the letters that RFC 5646, 2.1.1 recommends."""
    forms = {2: str.upper, 4: str.capitalize}
    return [forms.get(len(part), str)(part) for part in subtags]


@cache
def _table() -> dict[str, str]:
    """Codes and names, each with its code."""
    found: dict[str, str] = {}
    text = files("avatar_contract").joinpath("languages.tsv").read_text("utf-8")
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        code, codes, names = line.split("\t")
        names_and_codes = [code, *codes.split(","), *names.split(",")]
        found.update((other, code) for other in names_and_codes if other)
    return found
