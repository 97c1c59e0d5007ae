"""Removes what has no sound, and writes the rest in one way."""

import html
import re
import unicodedata

import emoji

_DASHES = str.maketrans("‐‑‒–⁃－〜∼", "------～～")
_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "＇": "'", "′": "'", "″": '"'})
_SPACES = re.compile(r"[^\S\n]+")
_MARKS = re.compile(r"[*_`|<>\[\]{}\\]+")
_UNDERLINES = re.compile(r"(?m)^[ \t]*(?:={2,}|-{3,}|_{3,}|\*{3,}|~{3,}.*|`{3,}.*)[ \t]*$")
_REPEATED = re.compile(r"([!?！？。，、；：…~.,])\1{2,}")
_RULED_LINES = re.compile(r"([=#*_~^+\-—─])\1{3,}")
_BEFORE_STOP = re.compile(r" +(?=[，。！？、；：,!?;:]|\.(?!\d))")
_KEPT_NUMBERS = "〇²³"
_LINES = re.compile(r"([^\s。！？；：，、.!?;:,])?\s*\n\s*")
_KEPT_CONTROLS = "\n\t"
_JOINER = "\u200d"
_MAX_NAMED_EMOJI = 3

_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ"
_POWERS = re.compile(rf"(?<=[^\W_])([{_RAISED}]+)|(?<=\))([{_RAISED}]+)")
_AS_POWERS = str.maketrans(_RAISED, "0123456789+-n")
_AFTER_WHOLE = re.compile(r"(?<=\d)(?=[¼½¾⅐-⅞])")
_SQUARED = ("\u3200", "\u33ff")
"""Units and words that one square of a typesetter's grid holds: ㎡, ㎏, ㏄."""

_WIDE_SIGNS = "％＄＠＆＋＝／＃＊－．＜＞￠￡￥￦"
_SHAPES = frozenset({"<font", "<circle", "<compat", "<super", "<sub", "<narrow", "<square"})

_BREAKS = re.compile(r"(?i)<(?:br|/?p|/?div|/?li|/?tr|hr)\b[^<>]{0,200}>")
_TAGS = re.compile(
    r"(?i)</?(?:a|abbr|b|big|blockquote|body|center|code|dd|del|details|dl|dt|em|font|h[1-6]|html|i|img|ins|kbd"
    r"|mark|ol|pre|q|s|small|span|strike|strong|sub|summary|table|tbody|td|th|thead|tt|u|ul|var)"
    r"(?:\s[^<>]{0,500})?/?>"
)
_RAISED_TAGS = re.compile(r"(?i)<sup>\s*(-?\w{1,3})\s*</sup>")
_CITED = re.compile(
    r"\[\^[^\]\s]{1,40}\]:?|(?<=[^\s(\[])(?:\[\d{1,3}\])+(?![\w(\[])|(?<= )(?:\[\d{1,3}\]){2,}"
)
_LISTED = re.compile(r"(?m)^[ \t]*[-*+•] +(?=\D)")
_FOOTNOTES = re.compile(
    r"(?<=[A-Za-z]{2}[a-z])[⁰¹²³⁴⁵⁶⁷⁸⁹]+(?![A-Za-z])|(?<=[。，\u4e00-\u9fff])[⁰¹⁴⁵⁶⁷⁸⁹]+"
)
_ITEMS = re.compile(r"(?m)^([ \t]*\d{1,3})\)(?= )")
_HIGHLIGHTED = re.compile(r"==(?=[^\s=])([^=\n]{1,200})(?<=\S)==")
_SHORTCODES = re.compile(r"(?<![\w:]):[a-z][a-z_]{2,40}:(?![\w:])")
_ALERTS = re.compile(r"\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]")
_TASKS = re.compile(r"(?m)^(\s*(?:[-*+]|\d+[.)])) +\[[ xX]\] ")


def clean(text: str) -> str:
    """`text` without control and format characters, with full-width letters and digits as ASCII.

    Chinese punctuation stays as it is: it tells an engine where to breathe.
    """
    text = _without_markup(text)
    text = _AFTER_WHOLE.sub(" ", _POWERS.sub(_power, text))
    text = "".join(_plain(character) for character in text)
    text = text.translate(_DASHES).translate(_QUOTES).strip()
    # The end of a line is a pause, also where its writer left the stop out.
    text = _LINES.sub(lambda found: f"{found[1]}, " if found[1] else " ", text)
    return _SPACES.sub(" ", text).strip()


def without_marks(text: str) -> str:
    """`text` without the signs of markup and drawing, which say nothing."""
    text = _RULED_LINES.sub(" ", text)
    return _REPEATED.sub(r"\1", _SPACES.sub(" ", _MARKS.sub(" ", text))).strip()


def without_emoji(text: str, language: str) -> str:
    """`text` without emoji; when there is nothing else, the names of the first few."""
    rest = emoji.replace_emoji(text, _kept).replace(_JOINER, "")
    if any(character.isalnum() for character in rest):
        return _BEFORE_STOP.sub("", _SPACES.sub(" ", rest)).strip()
    names = [_name(found["emoji"], language) for found in emoji.emoji_list(text)]
    said = list(dict.fromkeys(name for name in names if name))[:_MAX_NAMED_EMOJI]
    comma = "，" if language == "zh" else ", "
    return comma.join(said) if said else rest.strip()


def _kept(picture: str, _: object) -> str:
    """Arrows and marks of ownership are emoji too, and have words; key caps are digits."""
    if picture[0] in "↔↑↓←→↕©⭐" or picture[0].isascii():
        return picture[0]
    return " "


def _name(picture: str, language: str) -> str:
    name = emoji.demojize(picture, language=language)
    return "" if name == picture else name.strip(":").replace("_", " ").replace("-", " ")


def _without_markup(text: str) -> str:
    """Markdown and HTML that reach the service from a client that did not remove them."""
    text = _LISTED.sub("", _UNDERLINES.sub("", _TASKS.sub(r"\1 ", text)))
    text = _HIGHLIGHTED.sub(r"\1", _ALERTS.sub(r"\1", _ITEMS.sub(r"\1.", text)))
    text = _SHORTCODES.sub(lambda found: emoji.emojize(found[0], language="alias"), text)
    text = _FOOTNOTES.sub("", _CITED.sub("", text))
    if "<" in text:
        text = _RAISED_TAGS.sub(r"^\1", _BREAKS.sub("\n", text))
        text = _TAGS.sub("", text)
    return html.unescape(text) if "&" in text else text


def _power(found: "re.Match[str]") -> str:
    """Squared and cubed stay signs after a letter, where a unit may be meant: m²."""
    raised = found[0]
    before = found.string[found.start() - 1]
    if raised in ("²", "³") and not before.isdigit() and before != ")":
        return raised
    return "^" + raised.translate(_AS_POWERS)


def _plain(character: str) -> str:
    """A character written in one way: nothing where it has no sound, else in ASCII if it can be."""
    if character.isascii():
        return character if character.isprintable() or character in _KEPT_CONTROLS else ""
    category = unicodedata.category(character)
    if category in ("Cc", "Cf", "Cs", "Co", "Cn"):
        # Joiners are part of emoji, and are removed with them.
        return character if character == _JOINER else ""
    if category == "Zs":
        return " "
    if category in ("Nd", "Nl", "No") and character not in _KEPT_NUMBERS:
        return _number(character)
    return _folded(character)


def _folded(character: str) -> str:
    """A letter or sign in another dress (Ａ, 𝐇, ⓗ, ﬁ, ㎡) as itself."""
    folded = unicodedata.normalize("NFKC", character)
    if "\uff10" <= character <= "\uff5a" or character in _WIDE_SIGNS:
        return character if character in "：；？" else folded
    if _SQUARED[0] <= character <= _SQUARED[1] or character in "№℃℉":
        if folded[-1] in "23":
            return folded[:-1] + "²³"[int(folded[-1]) - 2]
        return "No. " if character == "№" else folded
    shape = unicodedata.decomposition(character).partition(">")[0]
    if shape == "<font" or (shape in _SHAPES and folded.isalnum() and folded.isascii()):
        return character if character in _KEPT_NUMBERS else folded
    return character


def _number(character: str) -> str:
    """A circled, Roman, raised or broken number in ASCII."""
    if unicodedata.category(character) == "Nd":
        return str(unicodedata.digit(character))
    folded = unicodedata.normalize("NFKC", character).replace("⁄", "/")
    if folded.isdigit() and unicodedata.decomposition(character).startswith("<circle>"):
        return f"{folded} "  # ①② is no twelve
    if folded.isascii():
        return folded
    value = unicodedata.numeric(character)
    return str(int(value)) if value == int(value) else str(value)
