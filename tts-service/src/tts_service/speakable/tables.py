"""The tables of units, currencies and signs, read once from the TOML files beside this module."""

import re
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import NamedTuple


class Named(NamedTuple):
    """A unit's or sign's names."""

    en: str
    zh: str


class Currency(NamedTuple):
    """A currency's names; `cent` is empty where hundredths are not said."""

    en: str
    cent: str
    zh: str


class Units(NamedTuple):
    """Everything in ``units.toml``. Units are looked up in lower case, currencies in upper case."""

    units: dict[str, Named]
    irregular: dict[str, str]
    currencies: dict[str, Currency]


class Signs(NamedTuple):
    """Everything in ``symbols.toml``."""

    greek: dict[str, str]
    named: dict[str, Named]
    silent: frozenset[str]


@cache
def units() -> Units:
    """Units and currencies."""
    read = tomllib.loads(files(__package__).joinpath("units.toml").read_text("utf-8"))
    return Units(
        {key: Named(*names) for key, names in read["units"].items()},
        read["irregular"],
        {key: Currency(*names) for key, names in read["currencies"].items()},
    )


class Tex(NamedTuple):
    """How TeX's macros are said."""

    silent: frozenset[str]
    words: dict[str, str]
    big: dict[str, Named]
    """Macros with limits: sums, integrals."""


@cache
def tex() -> Tex:
    """TeX's macros."""
    read = tomllib.loads(files(__package__).joinpath("symbols.toml").read_text("utf-8"))["tex"]
    big = {key: Named(*names) for key, names in read["big"].items()}
    return Tex(frozenset([*read["silent"].split(), " "]), read["words"], big)


@cache
def signs() -> Signs:
    """Mathematical and other signs."""
    read = tomllib.loads(files(__package__).joinpath("symbols.toml").read_text("utf-8"))
    return Signs(
        read["greek"],
        {key: Named(*names) for key, names in read["signs"].items()},
        frozenset(read["silent"]["marks"]),
    )


def alternation(words: Iterable[str]) -> str:
    """A pattern of any of `words`, the longest first."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


UNIT = alternation(units().units)
CURRENCY_SIGN = alternation(key for key in units().currencies if not key.isalpha())
CURRENCY_CODE = alternation(key for key in units().currencies if key.isalpha())
