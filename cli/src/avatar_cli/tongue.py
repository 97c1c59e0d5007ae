"""The two languages that `avatar` speaks on a terminal."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "zh"]


@dataclass(frozen=True)
class Tongue:
    """Picks one of the two wordings that every message is written with."""

    language: Language

    def __call__(self, en: str, zh: str) -> str:
        return zh if self.language == "zh" else en


def of_locale(environment: Mapping[str, str] = os.environ) -> Tongue:
    """Chinese where the locale is Chinese, else English.

    AVATAR_LANG wins; then the order of POSIX: LC_ALL, LC_MESSAGES, LANG.
    """
    for name in ("AVATAR_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = environment.get(name, "")
        if value:
            return Tongue("zh" if value.lower().startswith("zh") else "en")
    return Tongue("en")
