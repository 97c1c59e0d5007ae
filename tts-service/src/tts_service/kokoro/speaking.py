"""Runs of text in, joined sound out."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from tts_service.engine import EngineError
from tts_service.espeak.library import Espeak
from tts_service.kokoro import english
from tts_service.kokoro.mandarin import Mandarin
from tts_service.kokoro.model import FASTEST, LONGEST, SLOWEST, Model, Sound, give_back
from tts_service.kokoro.pieces import pieces
from tts_service.kokoro.sound import RATE, joined
from tts_service.stretch import Stretcher

_SAME = 0.01


class Kokoro:
    """Model and phonemes; one thread of one process, as espeak-ng asks."""

    def __init__(self, folder: Path, threads: int) -> None:
        self._model = Model(folder, threads)
        self._espeak = Espeak()
        self._mandarin = Mandarin()

    @property
    def voices(self) -> list[str]:
        """The names of all."""
        return self._model.voice_names()

    def rest(self) -> None:
        """After a clause: the memory that it needed goes back."""
        give_back()

    def check(self, names: Iterable[str]) -> None:
        """Raises EngineError where a voice lacks, with those that there are."""
        known = self.voices
        for name in names:
            if name not in known:
                raise EngineError(
                    "TTS_UNAVAILABLE",
                    f"Kokoro has no voice {name!r}: set TTS_KOKORO_ZH and TTS_KOKORO_EN to some "
                    f"of {', '.join(known)}.",
                )

    def phonemes(self, language: str, text: str, voice: str = "") -> str:
        """As they are said in `voice`: a British one speaks British English."""
        if language == "zh":
            return self._mandarin.phonemes(text)
        accent = english.VOICES["gb" if voice.startswith("b") else "us"]
        return english.phonemes(self._espeak, text, accent)

    def say(
        self,
        runs: Sequence[Sequence[str]],
        voice: str,
        pace: float,
        stopped: Callable[[], bool],
    ) -> Iterator[Sound]:
        """Sound at 24 kHz, piece by piece; it ends early once `stopped`.

        Runs of both languages go to the model as one: one voice, one tune, and no seam.
        """
        said = " ".join(self.phonemes(language, text, voice) for language, text in runs)
        own = min(FASTEST, max(SLOWEST, pace))
        for piece in pieces(said):
            tokens = self._model.tokens(piece)[:LONGEST]
            sound = self._model.say(tokens, voice, own, stopped) if tokens else None
            if stopped():
                return
            if sound is not None:
                yield _stretched(joined(sound, piece, own), pace / own)


def _stretched(sound: Sound, tempo: float) -> Sound:
    """For paces that the model does not know."""
    if abs(tempo - 1) < _SAME:
        return sound
    samples = (np.clip(sound, -1, 1) * 32767).astype(np.int16)
    return (Stretcher(tempo, RATE).put(samples, last=True) / 32768).astype(np.float32)
