"""Removes what has no sound, and writes the rest in one way."""

import re
import unicodedata

import emoji

_DASHES = str.maketrans({"‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "—", "−": "-", "⁃": "-"})
_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "「": "「", "＇": "'"})
_SPACES = re.compile(r"[^\S\n]+")
_MARKS = re.compile(r"[*_`|<>\[\]{}\\•◦▪●○■□◆◇★☆→←↑↓⇒]+")
_REPEATED = re.compile(r"([!?！？。，、；：…~.,])\1{2,}")
_BEFORE_STOP = re.compile(r" +(?=[，。！？、；：,.!?;:])")
_KEPT_NUMBERS = "〇²³"
_LINES = re.compile(r"([^\s。！？；：，、.!?;:,])?\s*\n\s*")
_KEPT_CONTROLS = "\n\t"
_JOINER = "\u200d"
_MAX_NAMED_EMOJI = 3


def clean(text: str) -> str:
    """`text` without control and format characters, with full-width letters and digits as ASCII.

    Chinese punctuation stays as it is: it tells an engine where to breathe.
    """
    text = "".join(_plain(character) for character in text)
    text = text.translate(_DASHES).translate(_QUOTES).strip()
    # The end of a line is a pause, also where its writer left the stop out.
    text = _LINES.sub(lambda found: f"{found[1]}, " if found[1] else " ", text)
    return _SPACES.sub(" ", text).strip()


def without_marks(text: str) -> str:
    """`text` without the signs of markup and drawing, which say nothing."""
    return _REPEATED.sub(r"\1", _SPACES.sub(" ", _MARKS.sub(" ", text))).strip()


def without_emoji(text: str, language: str) -> str:
    """`text` without emoji; when there is nothing else, the names of the first few."""
    rest = emoji.replace_emoji(text, " ").replace(_JOINER, "")
    if any(character.isalnum() for character in rest):
        return _BEFORE_STOP.sub("", _SPACES.sub(" ", rest)).strip()
    names = [_name(found["emoji"], language) for found in emoji.emoji_list(text)]
    said = list(dict.fromkeys(name for name in names if name))[:_MAX_NAMED_EMOJI]
    comma = "，" if language == "zh" else ", "
    return comma.join(said) if said else rest.strip()


def _name(picture: str, language: str) -> str:
    name = emoji.demojize(picture, language=language)
    return "" if name == picture else name.strip(":").replace("_", " ").replace("-", " ")


def _plain(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cc", "Cf", "Cs", "Co", "Cn"):
        # Joiners are part of emoji, and are removed with them.
        return character if character in _KEPT_CONTROLS or character == _JOINER else ""
    if "\uff10" <= character <= "\uff5a" or character in "％＄＠＆＋＝／＃＊－．":
        return unicodedata.normalize("NFKC", character) if character not in "：；？" else character
    if category == "Zs":
        return " "
    if (
        category in ("Nd", "Nl", "No")
        and not character.isascii()
        and character not in _KEPT_NUMBERS
    ):
        return unicodedata.normalize("NFKC", character).replace("⁄", "/")
    return character
