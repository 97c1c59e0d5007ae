"""The first clauses of replies, such as `Sure,` or `好的，`: their sound is kept in memory.

Only what the caller marks as an opening, short, without digits, and asked for before. A clause that
was asked for once leaves no more than a keyed digest. Nothing outlives the process.
"""

import hashlib
import secrets
from collections import OrderedDict
from dataclasses import dataclass

from tts_service.utterance import Utterance
from tts_service.voices import VoiceSample

_LONGEST = 24
"""Latin letters; a Chinese character counts as two."""
_MAX_ASKED = 4096


@dataclass(frozen=True, slots=True)
class Opening:
    """What decides how it sounds, in one engine."""

    utterance: Utterance
    voice: str | None
    """``{id}@{etag}`` of the profile that speaks; None for the engine's own voice."""


def opening(text: str, utterance: Utterance, voice: VoiceSample | None) -> Opening | None:
    """The key of a clause that may be kept; None where it may not.

    Digits are no stock phrase: an amount or a code belongs to one person.
    """
    runs = utterance.runs
    length = sum(len(run.text) * (2 if run.language == "zh" else 1) for run in runs)
    if not runs or length > _LONGEST or any(character.isdigit() for character in text):
        return None
    return Opening(utterance, voice.name if voice else None)


class Openings:
    """The most recently used ones, bounded in bytes."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._sounds: OrderedDict[Opening, bytes] = OrderedDict()
        self._asked: OrderedDict[bytes, None] = OrderedDict()
        self._secret = secrets.token_bytes(32)

    def find(self, key: Opening) -> bytes | None:
        """Its sound, where it is kept."""
        sound = self._sounds.get(key)
        if sound is not None:
            self._sounds.move_to_end(key)
        return sound

    def wants(self, key: Opening) -> bool:
        """Whether to `keep` its sound: from the second time it is asked for."""
        digest = hashlib.blake2b(repr(key).encode(), key=self._secret).digest()
        before = digest in self._asked
        self._asked[digest] = None
        self._asked.move_to_end(digest)
        if len(self._asked) > _MAX_ASKED:
            self._asked.popitem(last=False)
        return before

    def keep(self, key: Opening, sound: bytes) -> None:
        """Takes the whole of its sound."""
        if len(sound) > self._max_bytes:
            return
        self._bytes += len(sound) - len(self._sounds.pop(key, b""))
        self._sounds[key] = sound
        while self._bytes > self._max_bytes:
            self._bytes -= len(self._sounds.popitem(last=False)[1])

    def forget(self, voice_id: str) -> None:
        """Drops everything that a profile's voice says."""
        theirs = [key for key in self._sounds if (key.voice or "").startswith(f"{voice_id}@")]
        for key in theirs:
            self._bytes -= len(self._sounds.pop(key))
