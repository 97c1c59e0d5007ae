"""Whisper on no more of its 30 s window than the sound needs.

`faster_whisper`'s `transcribe` pads every sound to 30 s, and pays for all of it in the encoder. The
encoder takes any length, so a look pays for the sound and a margin of silence::

    sound ─▶ features, padded ─▶ encode ─▶ language? ─▶ beam 1 ─▶ in doubt: beam 5 ─▶ words

Without a margin the decoder does not find the end and repeats itself; a look that does all the same
says so (`Said.loops`), and is to be taken again with the whole window.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

RATE = 16_000
WHOLE_S = 30.0
_FRAMES_PER_S = 100
_MARGIN_S = 3.0
LONGEST_S = WHOLE_S - _MARGIN_S
"""Of one look; what is longer is cut before."""

_IN_DOUBT = -0.3
"""Mean log probability below which a wider beam is worth its price: of clean sentences, nine in ten
are above it."""
_SURE_OF_LANGUAGE = 0.8
_MOST_COMPRESSED = 2.4
"""Of text to its deflated size: above, it repeats itself. Source: Whisper's own threshold."""
_TOKENS, _TOKENS_PER_S = 16, 12
"""Most tokens of a look. Speech has up to 10 a second (Chinese), so only a loop reaches it."""


Stopped = Callable[[], bool]


def never() -> bool:
    """For a look that nothing ends."""
    return False


class Unwanted(Exception):
    """Nobody wants this look any more."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one look found."""

    text: str
    language: str
    sure: float
    """Probability of the language; 1 when it was given."""
    logprob: float
    """Mean log probability of a token."""
    no_speech: float
    tokens: tuple[int, ...] = ()

    @property
    def loops(self) -> bool:
        """Whether it says the same again and again, or at least twice in a row at its end."""
        return _compression(self.text) > _MOST_COMPRESSED or _says_twice(self.text)


@dataclass(frozen=True, slots=True)
class Wish:
    """How to look."""

    language: str | None = None
    among: tuple[str, ...] = ()
    """The languages it may be, where none is given; empty: any."""
    beam: int = 5
    """Where the narrow one is in doubt; 1: never wider."""
    prompt: str = ""
    hotwords: str = ""


class ShortWindow:
    """Looks with a loaded `faster_whisper.WhisperModel`.

    Args:
        least_s: the shortest window; 30 for the whole one always.
    """

    def __init__(self, model: Any, least_s: float) -> None:
        from faster_whisper.transcribe import get_suppressed_tokens

        self._model = model
        self._least_s = least_s
        self._tokenizer = cache(self._make_tokenizer)
        some = self._tokenizer("en")
        self._suppressed = list(get_suppressed_tokens(some, [-1]) or ())

    def look(self, audio: Samples, wish: Wish, stopped: Stopped = never) -> Said:
        """The words of up to `LONGEST_S` of mono 16 kHz sound.

        Raises:
            Unwanted: `stopped` said so, between two steps.
        """
        return self._look(self._encode(audio), audio, wish, stopped)

    def timed(self, audio: Samples, said: Said) -> list[tuple[str, float, float]]:
        """The words of a look with their start and end, s."""
        frames = max(1, len(audio) * _FRAMES_PER_S // RATE)
        tokens = [token for token in said.tokens if token < self._tokenizer(said.language).eot]
        (words,) = self._model.find_alignment(
            self._tokenizer(said.language), [tokens], self._encode(audio), frames
        ) or ([],)
        return [(str(w["word"]), float(w["start"]), float(w["end"])) for w in words]

    def _look(self, encoded: Any, audio: Samples, wish: Wish, stopped: Stopped) -> Said:
        guesses = [(wish.language, 1.0)] if wish.language else self._guess(encoded, wish.among)
        most = most_tokens(audio)
        found: list[Said] = []
        for language, sure in guesses:
            for beam in (1,) if wish.beam == 1 else (1, wish.beam):
                if stopped():
                    raise Unwanted
                said = replace(self._generate(encoded, language, beam, most, wish), sure=sure)
                found.append(said)
                if said.logprob >= _IN_DOUBT or said.loops:
                    break
            if sure >= _SURE_OF_LANGUAGE or wish.beam == 1:
                break
        return max(found, key=lambda said: said.logprob)

    def _encode(self, audio: Samples) -> Any:
        from faster_whisper.transcribe import get_ctranslate2_storage

        sound_s = len(audio) / RATE
        window_s = min(WHOLE_S, max(sound_s + _MARGIN_S, self._least_s))
        features = self._model.feature_extractor(audio)[:, : int(sound_s * _FRAMES_PER_S)]
        frames = int(window_s * _FRAMES_PER_S)
        padded = np.pad(features[:, :frames], [(0, 0), (0, max(0, frames - features.shape[1]))])
        return self._model.model.encode(get_ctranslate2_storage(padded[None]))

    def _guess(self, encoded: Any, among: Sequence[str]) -> list[tuple[str, float]]:
        """The likeliest languages, best first, with what Whisper believes of each."""
        if not self._model.model.is_multilingual:
            return [("en", 1.0)]
        (answer,) = self._model.model.detect_language(encoded)
        believed: Mapping[str, float] = {token[2:-2]: chance for token, chance in answer}
        codes = [code for code in among if code in believed] or list(believed)
        ranked = sorted(codes, key=lambda code: -believed[code])
        return [(code, believed[code]) for code in ranked[:2]]

    def _generate(self, encoded: Any, language: str, beam: int, most: int, wish: Wish) -> Said:
        tokenizer = self._tokenizer(language)
        before = tokenizer.encode(f" {wish.prompt.strip()}") if wish.prompt else []
        prompt = self._model.get_prompt(
            tokenizer, before, without_timestamps=True, hotwords=wish.hotwords or None
        )
        (result,) = self._model.model.generate(
            encoded,
            [prompt],
            beam_size=beam,
            max_length=min(len(prompt) + most, self._model.max_length),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=self._suppressed,
        )
        tokens = result.sequences_ids[0]
        count = len(tokens)
        return Said(
            text=tokenizer.decode(tokens).strip(),
            language=language,
            sure=1.0,
            logprob=float(result.scores[0]) * count / (count + 1),
            no_speech=float(result.no_speech_prob),
            tokens=tuple(tokens),
        )

    def _make_tokenizer(self, language: str) -> Any:
        from faster_whisper.tokenizer import Tokenizer

        return Tokenizer(
            self._model.hf_tokenizer,
            self._model.model.is_multilingual,
            task="transcribe",
            language=language,
        )


def most_tokens(audio: Samples) -> int:
    """How many tokens a look at so much sound may have."""
    return _TOKENS + int(_TOKENS_PER_S * len(audio) / RATE)


def _compression(text: str) -> float:
    from faster_whisper.transcribe import get_compression_ratio

    return float(get_compression_ratio(text)) if text else 0.0


_UNIT = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_]+(?:'[^\W_]+)?")


def _says_twice(text: str) -> bool:
    """Whether it ends in a phrase that comes twice: two words at least, or three characters.

    People do say so; another look costs less than words that nobody said.
    """
    units = [unit.lower() for unit in _UNIT.findall(text)]
    for size in range(2, len(units) // 2 + 1):
        phrase = units[-size:]
        if phrase == units[-2 * size : -size] and len("".join(phrase)) > 2:
            return True
    return False
