"""Names of voices and titles of conversations: what may be in them, and when two are the same."""

import re
import unicodedata

from avatar_contract.errors import BadMessage
from avatar_contract.text import is_visible

MAX_NAME_CHARS = 80
MAX_KEY_CHARS = 400
"""Of what names are compared by; a ligature may stand for eighteen characters."""

TITLE_CHARS = 40
"""Of a title that is made from the first words."""

MAX_TITLE_CHARS = 200
"""Of an edited one."""

_JOINERS = {"\u200d", "\ufe0f"}  # emoji are built with them
_FORBIDDEN = set('/\\<>"|?*:')
_SPACES = re.compile(r"\s+")


def voice_name(name: str) -> str:
    """`name` as it is kept: NFC, single spaces.

    Raises:
        BadMessage: empty, too long, or with characters that hide, reorder or look like a path.
    """
    clean = _SPACES.sub(" ", unicodedata.normalize("NFC", name)).strip()
    if not clean:
        raise BadMessage("A voice needs a name.")
    if len(clean) > MAX_NAME_CHARS:
        raise BadMessage(f"A name may have {MAX_NAME_CHARS} characters; this one has {len(clean)}.")
    for character in clean:
        _check_character(character)
    if ".." in clean:
        raise BadMessage("A name may not contain two dots in a row.")
    seen = "".join(character for character in clean if unicodedata.category(character)[0] in "LNS")
    if not is_visible(seen):
        raise BadMessage("A name needs at least one letter, digit or picture.")
    if len(name_key(clean)) > MAX_KEY_CHARS:
        raise BadMessage("This name is too long when it is written out.")
    return clean


def _check_character(character: str) -> None:
    if character in _FORBIDDEN:
        raise BadMessage(f"A name may not contain {character}")
    category = unicodedata.category(character)
    # Cf holds the marks that turn text right to left and the characters of no width.
    if category in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") and character not in _JOINERS:
        raise BadMessage(f"A name may not contain the invisible character U+{ord(character):04X}.")


def name_key(name: str) -> str:
    """What two names that look the same have in common."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(character for character in folded if character not in _JOINERS)


def first_words(text: str) -> str:
    """A title made of the first words of `text`; empty when there are none."""
    clean = _SPACES.sub(" ", text).strip()
    if len(clean) <= TITLE_CHARS:
        return clean
    cut = clean[:TITLE_CHARS]
    space = cut.rfind(" ")
    # A cut inside a Latin word goes back to its beginning; Chinese has no such place.
    inside_word = clean[TITLE_CHARS].isascii() and cut[-1].isascii() and cut[-1] != " "
    if inside_word and space > TITLE_CHARS // 2:
        cut = cut[:space]
    return cut.rstrip() + "…"


def edited_title(title: str) -> str:
    """A title as a person typed it, on one line and without control characters.

    Raises:
        BadMessage: nothing is left of it.
    """
    visible = "".join(
        character
        for character in unicodedata.normalize("NFC", title)
        if character.isspace() or unicodedata.category(character) not in ("Cc", "Cs")
    )
    clean = _SPACES.sub(" ", visible).strip()
    if not is_visible(clean):
        raise BadMessage("A title can't be empty.")
    return clean[:MAX_TITLE_CHARS]
