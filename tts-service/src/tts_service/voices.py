"""The voices that were put here. They live in memory only, and are forgotten with the process."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from avatar_contract.errors import VoiceNotLoaded


@dataclass(frozen=True)
class VoiceSample:
    """A reference recording and what an engine measured in it."""

    id: str
    etag: str
    wav: bytes
    """A wav file, mono ``pcm_s16le``."""
    text: str
    """The words spoken in it; empty when unknown."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """The engine's own measurements, so that the next worker need not repeat them."""
    embedding: list[float] | None = None
    """Of the speaker, where the engine computes one."""

    @property
    def key(self) -> tuple[str, str]:
        """What tells this recording from every other."""
        return self.id, self.etag

    @property
    def name(self) -> str:
        """The `voice` of a speech request: ``{id}@{etag}``."""
        return f"{self.id}@{self.etag}"

    def meta(self) -> dict[str, Any]:
        """All but the recording, for a worker."""
        return {"id": self.id, "etag": self.etag, "text": self.text, "facts": dict(self.facts)}


def etag_of(wav: bytes, text: str) -> str:
    """Names a reference by its content (SHA-256 of recording and text, 64 bits in hex)."""
    return hashlib.sha256(wav + b"\0" + text.encode()).hexdigest()[:16]


class VoiceStore:
    """The most recently used voices, bounded in number and bytes."""

    def __init__(self, *, max_voices: int, max_bytes: int) -> None:
        self._max_voices = max_voices
        self._max_bytes = max_bytes
        self._voices: OrderedDict[str, VoiceSample] = OrderedDict()

    def put(self, voice: VoiceSample) -> list[str]:
        """Takes `voice` in place of an older one of its id. Answers the ids pushed out by it."""
        self._voices.pop(voice.id, None)
        self._voices[voice.id] = voice
        pushed_out = []
        while len(self._voices) > 1 and self._too_much():
            pushed_out.append(self._voices.popitem(last=False)[0])
        return pushed_out

    def find(self, name: str | None) -> VoiceSample | None:
        """The voice that `name` means; None for the engine's own.

        A bare id is taken as the voice's newest recording. A name without ``@`` that is no id
        here is one of OpenAI's (``alloy``) or a default, and means the engine's own voice.

        Raises:
            VoiceNotLoaded: ``{id}@{etag}``, and this pair is not here.
        """
        if not name:
            return None
        voice_id, _, etag = name.partition("@")
        voice = self._voices.get(voice_id)
        if voice is not None and etag in ("", voice.etag):
            self._voices.move_to_end(voice_id)
            return voice
        if not etag:
            return None
        raise VoiceNotLoaded("This voice is not loaded here: PUT /v1/voices/{id}, then ask again.")

    def known(self, voice: VoiceSample) -> VoiceSample | None:
        """The same recording and text of this id, where it is already here."""
        here = self._voices.get(voice.id)
        return here if here is not None and here.etag == voice.etag else None

    def drop(self, voice_id: str) -> bool:
        """Forgets a voice. False when there was none."""
        return self._voices.pop(voice_id, None) is not None

    def all(self) -> list[VoiceSample]:
        """Every voice, the least recently used first."""
        return list(self._voices.values())

    def _too_much(self) -> bool:
        size = sum(len(voice.wav) for voice in self._voices.values())
        return len(self._voices) > self._max_voices or size > self._max_bytes
