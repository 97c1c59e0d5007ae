"""URLs and e-mail addresses, as one says them to a person."""

import re

from tts_service.speakable import english
from tts_service.utterance import Language, Run

ADDRESS = re.compile(
    r"(?P<mail>[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)"
    r"|(?P<url>(?:https?://|ftp://|www\.)[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*[A-Za-z0-9/=#&-])"
    r"|(?P<host>\b(?:[A-Za-z0-9-]+\.)+(?:com|org|net|edu|gov|io|ai|dev|tw|jp|cn|uk|app)"
    r"(?:/[A-Za-z0-9._~/?#=&%-]*[A-Za-z0-9/=])?)(?![A-Za-z0-9])"
)
_LONGEST_PATH = 24
_SAID: dict[Language, dict[str, str]] = {
    "en": {".": "dot", "/": "slash", "@": "at", "-": "dash", "_": "underscore", ":": "colon"},
    "zh": {".": "點", "/": "斜線", "@": "小老鼠", "-": "槓", "_": "底線", ":": "冒號"},
}


def said(address: str, language: Language) -> list[Run]:
    """The runs of an address: its words in English, its signs in `language`.

    The scheme and `www` are left out, and so is a path or query that nobody could remember.
    """
    address = re.sub(r"^(?:https?|ftp)://", "", address)
    address = re.sub(r"^www\.", "", address).rstrip("/")
    host, slash, path = address.partition("/")
    path = re.split(r"[?#]", path)[0]
    if slash and path and len(path) <= _LONGEST_PATH:
        host = f"{host}/{path}"
    host = re.split(r"[?#]", host)[0]
    runs: list[Run] = []
    for part in re.findall(r"[A-Za-z0-9%+=&]+|[./@:_-]", host):
        sign = _SAID[language].get(part)
        if sign is None:
            runs.append(Run("en", english.words(part)))
        else:
            runs.append(Run(language, sign))
    return runs
