"""The voice effect: a variant of espeak-ng's voice with a speaker's pitch and formant scale.

It is an effect and no clone: two numbers of a person, clamped to where speech stays clear.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import espeakng_loader

from tts_service.espeak.library import Espeak


class VoiceEffects:
    """The variant files of one worker, in a data folder that links to the library's own."""

    def __init__(self, scratch: str) -> None:
        self._root = Path(scratch) / f"espeak-{os.getpid()}"
        self._known: dict[str, str] = {}

    def data_path(self) -> str:
        """A folder that espeak-ng takes for its data, with room for variants."""
        source = Path(espeakng_loader.get_data_path())
        variants = self._root / "voices" / "!v"
        variants.mkdir(parents=True)
        for folder, links in (
            (source, self._root),
            (source / "voices", self._root / "voices"),
            (source / "voices" / "!v", variants),
        ):
            for entry in folder.iterdir():
                target = links / entry.name
                if not target.exists():
                    target.symlink_to(entry)
        return str(self._root)

    def voice(self, base: str, language: str, name: str | None) -> str:
        """The espeak voice for `name` (``id@etag``); `base` when there is none."""
        return base

    def add(self, espeak: Espeak, voice: Mapping[str, Any], wav: bytes) -> Mapping[str, Any]:
        """Measures a reference, or takes what another worker measured."""
        return {}

    def drop(self, voice_id: str) -> None:
        """Removes a voice's variant."""
