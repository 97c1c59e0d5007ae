"""espeak-ng, the embedded engine: modest, instant, English and Mandarin.

Upstream is GPL-3.0-or-later: it runs in processes of its own.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import soxr

from tts_service.engine import SPEECH_RATE, EngineError, Sink
from tts_service.espeak.effect import VoiceEffects
from tts_service.espeak.library import MAX_WPM, MIN_WPM, NORMAL_WPM, Espeak
from tts_service.stretch import Stretcher

if TYPE_CHECKING:
    from tts_service.backends.base import Backend
    from tts_service.settings import TtsSettings

VOICES = {"en": "en-us+klatt4", "zh": "cmn"}
"""klatt4 is the English a recogniser understands best of espeak-ng's."""

_SWITCH_PAUSE_S = 0.06
_SILENT = 90
_PIECE_MS = 200
_SAME_SPEED = 0.01
_NOTHING = np.zeros(0, np.int16)
_WARM = {"en": "Ready.", "zh": "好。"}


def build(settings: "TtsSettings") -> "Backend":
    """The engine for this service."""
    # Only the service has these; a worker imports this file too.
    from avatar_contract.terms import EngineInfo
    from tts_service.backends.process import ProcessBackend, ProcessEngine

    engine = ProcessEngine(
        info=EngineInfo(
            name="espeak-ng",
            kind="embedded",
            languages=["en", "zh"],
            licence="GPL-3.0-or-later",
            notice="A clear robot. A voice profile changes its pitch and its vocal-tract length, "
            "an effect and no likeness. `make run` without PROFILE=small speaks naturally.",
        ),
        worker="tts_service.backends.espeak:EspeakEngine",
        config={},
        voices=VOICES,
        workers=settings.workers,
        has_voices=True,
        has_phonemes=True,
    )
    return ProcessBackend(engine, settings)


class EspeakEngine:
    """The worker's side."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._effects = VoiceEffects(config["scratch"], VOICES)
        self._library: Espeak | None = None

    def load(self, progress: Callable[[float], None]) -> Mapping[str, Any]:
        self._library = espeak = Espeak(self._effects.data_path())
        for language, text in _WARM.items():
            espeak.speak(text, VOICES[language], NORMAL_WPM, lambda _: True)
        progress(1.0)
        return {"device": "cpu"}

    def speak(self, job: Mapping[str, Any], sink: Sink) -> None:
        espeak = self._espeak
        wpm, stretch = pace(job["speed"])
        out = Smoother(espeak.rate, stretch, sink)
        for index, (language, text) in enumerate(job["runs"]):
            voice = self._effects.voice(language, job["voice"])
            if not espeak.speak(text, voice, wpm, out.put):
                return
            out.end_run(last=index == len(job["runs"]) - 1)

    def add_voice(self, voice: Mapping[str, Any], wav: bytes) -> Mapping[str, Any]:
        return {"facts": self._effects.add(self._espeak, voice, wav)}

    def drop_voice(self, voice_id: str) -> None:
        self._effects.drop(voice_id)

    def ask(self, op: str, question: Mapping[str, Any]) -> Mapping[str, Any]:
        if op != "phonemes":
            raise EngineError("BAD_MESSAGE", f"espeak-ng has no answer to {op}.")
        espeak = self._espeak
        return {
            "phonemes": [
                espeak.phonemes(text, VOICES[language]) for language, text in question["runs"]
            ]
        }

    @property
    def _espeak(self) -> Espeak:
        if self._library is None:
            raise EngineError("TTS_UNAVAILABLE", "espeak-ng is not loaded yet.")
        return self._library


def pace(speed: float) -> tuple[int, float]:
    """Words a minute, and by how much the sound must still be stretched to reach `speed`."""
    wanted = NORMAL_WPM * speed
    wpm = min(MAX_WPM, max(MIN_WPM, wanted))
    return round(wpm), wanted / wpm


class Smoother:
    """Brings espeak's sound to the house rate, without the long pause after a change of voice.

    espeak-ng ends every text as a sentence, with a pause; inside a sentence that changes its
    language only a short one is kept.
    """

    def __init__(self, rate: int, stretch: float, sink: Sink) -> None:
        self._stretch = None if abs(stretch - 1) < _SAME_SPEED else Stretcher(stretch, rate)
        self._resample = soxr.ResampleStream(rate, SPEECH_RATE, 1, dtype="int16", quality="MQ")
        self._sink = sink
        self._rate = rate
        self._keep = int(rate * _SWITCH_PAUSE_S)
        self._quiet = _NOTHING
        """The silence at the end of what came, held back until more sound follows."""
        self._least = 0
        self._ready: list[npt.NDArray[np.int16]] = []

    def put(self, pcm: bytes) -> bool:
        """Takes espeak's samples; False when nobody listens."""
        samples = np.concatenate((self._quiet, np.frombuffer(pcm, np.int16)))
        loud = np.flatnonzero(np.abs(samples) > _SILENT)
        end = int(loud[-1]) + 1 if loud.size else 0
        self._quiet = samples[end:]
        self._ready.append(samples[:end])
        if sum(part.size for part in self._ready) <= self._least:
            return not self._sink.stopped()
        return self._send()

    def end_run(self, *, last: bool) -> None:
        """The voice changes, or the utterance is over."""
        quiet = self._quiet if last else self._quiet[: self._keep]
        self._quiet = _NOTHING
        self._ready.append(quiet)
        self._send(last=last)

    def _send(self, *, last: bool = False) -> bool:
        """The first sound at once; then in larger pieces, which cost the house less to carry."""
        samples = np.concatenate((_NOTHING, *self._ready))
        self._ready.clear()
        self._least = self._rate * _PIECE_MS // 1000
        if self._stretch is not None:
            samples = self._stretch.put(samples, last=last)
        return self._sink.write(self._resample.resample_chunk(samples, last=last).tobytes())
