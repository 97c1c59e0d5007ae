"""What is known about a file of the audio store, and how its key is made."""

from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID, uuid4

from profile_service.backends.store import PROFILES

OGG_OPUS = "audio/ogg; codecs=opus"
WAV = "audio/wav"
TEXT = "text/plain; charset=utf-8"

_SUFFIXES = {OGG_OPUS: "ogg", WAV: "wav", TEXT: "txt"}


@dataclass(frozen=True)
class AudioFile:
    """A stored file: `size` in bytes, `duration_ms` 0 for the text beside a reference."""

    key: str
    kind: str
    size: int
    sha256: str
    content_type: str
    duration_ms: float


@dataclass(frozen=True)
class Sound:
    """Bytes to be stored, and what they are."""

    data: bytes
    content_type: str
    duration_ms: float


def named(kind: str, of: UUID, sound: Sound) -> AudioFile:
    """The file that `sound` becomes: a new key each time, since files never change.

    ``raw/3f/3f…-1a2b3c4d.ogg``, ``profiles/3f…/1a2b3c4d.wav``
    """
    unique = uuid4().hex[:12]
    suffix = _SUFFIXES[sound.content_type]
    folder = str(of) if kind == PROFILES else of.hex[:2]
    name = unique if kind == PROFILES else f"{of}-{unique}"
    return AudioFile(
        key=f"{kind}/{folder}/{name}.{suffix}",
        kind=kind,
        size=len(sound.data),
        sha256=sha256(sound.data).hexdigest(),
        content_type=sound.content_type,
        duration_ms=sound.duration_ms,
    )
