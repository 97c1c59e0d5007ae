"""From lines to microphone sound, and which words end where in it."""

from dataclasses import dataclass

import numpy as np
from avatar_bench import espeak
from avatar_bench.espeak import Floats

from conversation.script import Line, Scene

RATE = 16_000
_VOICE_DB = -24.0


@dataclass(frozen=True)
class Spoken:
    """A line as sound."""

    samples: Floats
    words: tuple[tuple[str, int], ...]
    """Each word (Chinese: character) and the sample of the line where it ends."""


def speak(scenes: list[Scene]) -> dict[Line, Spoken]:
    """All lines of the scenes."""
    lines = [line for scene in scenes for line in _lines(scene)]
    wanted = sorted({(line.voice, piece) for line in lines for piece in line.pieces if piece})
    said = espeak.say(wanted)
    return {line: _spoken(line, said) for line in lines}


def _lines(scene: Scene) -> list[Line]:
    questions = [exchange.question for exchange in scene.exchanges]
    return questions + [exchange.meanwhile for exchange in scene.exchanges if exchange.meanwhile]


def _spoken(line: Line, said: dict[tuple[str, str], Floats]) -> Spoken:
    if line.kind == "cough":
        return Spoken(_cough(line), ())
    parts: list[Floats] = []
    words: list[tuple[str, int]] = []
    at = 0
    for piece, pause in zip(line.pieces, (0.0, *line.pauses_ms), strict=True):
        quiet = np.zeros(int(pause * RATE / 1000), np.float32)
        voice = _level(said[line.voice, piece])
        words += _word_ends(line, piece, at + len(quiet), len(voice))
        parts += [quiet, voice]
        at += len(quiet) + len(voice)
    return Spoken(np.concatenate(parts), tuple(words))


def _word_ends(line: Line, piece: str, start: int, length: int) -> list[tuple[str, int]]:
    """espeak tells no times here: words share the sound of their piece by their letters."""
    words = piece.split() if line.language == "en" else list(piece)
    letters = [len(word) + 1 for word in words]
    ends = np.cumsum(letters) / sum(letters) * length
    return [(word, start + int(end)) for word, end in zip(words, ends, strict=True)]


def _level(samples: Floats) -> Floats:
    rms = float(np.sqrt(np.mean(samples**2)))
    scaled: Floats = (samples * (10 ** (_VOICE_DB / 20) / max(rms, 1e-6))).astype(np.float32)
    return np.clip(scaled, -0.95, 0.95)


def _cough(line: Line) -> Floats:
    """Two bursts of shaped noise."""
    dice = np.random.default_rng(int(line.at * 1e6))
    bursts = []
    for ms in (dice.integers(80, 160), dice.integers(60, 140)):
        count = int(ms * RATE / 1000)
        burst = dice.normal(0, 1, count) * np.exp(-np.linspace(0, 4, count))
        bursts += [np.convolve(burst, np.ones(6) / 6, mode="same"), np.zeros(RATE // 12)]
    sound: Floats = (np.concatenate(bursts) * 0.25).astype(np.float32)
    return np.clip(sound, -0.9, 0.9)


class Microphone:
    """A scene's endless sound: noise, clicks, and what is said into it."""

    def __init__(self, scene: Scene, seed: int) -> None:
        self._dice = np.random.default_rng(seed)
        self._noise = 10 ** (scene.noise_db / 20)
        self._clicks = scene.clicks
        self._said: Floats = np.zeros(0, np.float32)
        self.at = 0
        """Samples given so far."""

    def say(self, samples: Floats) -> None:
        """From the next frame on."""
        self._said = samples

    def frame(self, samples: int) -> bytes:
        """The next sound."""
        sound = self._dice.normal(0, self._noise, samples)
        if self._clicks and self._dice.random() < 0.02:
            sound[:48] += self._dice.normal(0, 0.08, 48) * np.exp(-np.linspace(0, 5, 48))
        voice, self._said = self._said[:samples], self._said[samples:]
        sound[: len(voice)] += voice
        self.at += samples
        return (np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()
