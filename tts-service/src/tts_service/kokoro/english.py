"""English in Kokoro's phonemes: espeak-ng's IPA, with the marks that it leaves out.

misaki's own table from espeak-ng's signs to those of its dictionary (`I` for `aɪ`) was tried: a
recogniser lost three words of 47 with it, and none without.
"""

import re

from tts_service.espeak.library import Espeak

VOICES = {"us": "en-us", "gb": "en"}
_MARK = re.compile(r'\s*([;:,.!?—…"“”()]+)\s*')


def phonemes(espeak: Espeak, text: str, voice: str) -> str:
    """`text` in IPA; punctuation stays, because Kokoro takes its pauses and its tune from it."""
    pieces = _MARK.split(text)
    said = (
        f"{piece} " if index % 2 else espeak.phonemes(piece, voice)
        for index, piece in enumerate(pieces)
        if piece.strip()
    )
    return "".join(said).strip()
