"""faster-whisper, through stt-service's own backend: its process, order of looks and options."""

import asyncio
import importlib.metadata
import time
from pathlib import Path
from typing import Any

import numpy as np

from engines import whisper_shapes
from engines.together import Asked, Level, child, level
from stt_service.backends import whisper_worker
from stt_service.backends.base import Hints
from stt_service.backends.faster_whisper import FasterWhisper, WhisperOptions
from stt_service.hearing.silero import Silero
from stt_service.hearing.spans import Spotter

SOUND_S = 5.0
BEAM = 5
LEVELS = (1, 2, 4, 8)
_ENOUGH_S = 8.0
_MOST_ROUNDS = 10


async def measure(name: str, folder: Path, device: str, compute_type: str) -> dict[str, Any]:
    """A shape: made, loaded as the service loads it, and asked at each level."""
    began = time.perf_counter()
    shape = whisper_shapes.SHAPES[name]
    numbers = await asyncio.to_thread(whisper_shapes.make, shape, folder, compute_type)
    made = time.perf_counter()
    options = WhisperOptions(
        str(folder), folder.parent, device=device, compute_type=compute_type, beam=BEAM
    )
    engine = FasterWhisper(options, Spotter(Silero.load()))
    await engine.start()
    loaded = time.perf_counter()
    try:
        levels = await _levels(engine)
        health = engine.health()
    finally:
        await engine.close()
    return {
        "shape": name,
        "numbers": numbers,
        "device": health.device,
        "compute_type": compute_type,
        "beam": BEAM,
        "sound_s": SOUND_S,
        "tokens": whisper_shapes.TOKENS,
        "made_s": round(made - began, 1),
        "load_s": round(loaded - made, 1),
        "levels": [one.plain() for one in levels],
    }


async def _levels(engine: FasterWhisper) -> list[Level]:
    sound = 0.05 * np.random.default_rng(2).standard_normal(int(SOUND_S * 16_000))
    pcm = (sound * 32767).astype(np.int16).tobytes()
    pid = child(whisper_worker.__name__)
    one = await heard(engine, pcm)
    return [
        await level(lambda: heard(engine, pcm), count, _rounds(one.whole_ms, count), pid)
        for count in LEVELS
    ]


async def heard(engine: FasterWhisper, pcm: bytes) -> Asked:
    """The final words of an utterance, as a person at the microphone waits for them."""
    dictation = await engine.listen(Hints(language="en"))
    try:
        dictation.feed(pcm)
        began = time.perf_counter()
        said = await dictation.settle()
        took = (time.perf_counter() - began) * 1000
    finally:
        await dictation.close()
    if said.text.split() != whisper_shapes.words():
        raise RuntimeError(f"not the forced tokens, so not their cost: {said.text[:200]!r}")
    return Asked(took, took, len(pcm) / 32_000)


def versions() -> dict[str, str]:
    """Of what is measured."""
    return {name: importlib.metadata.version(name) for name in ("faster-whisper", "ctranslate2")}


def _rounds(one_ms: float, at_once: int) -> int:
    return max(1, min(_MOST_ROUNDS, int(_ENOUGH_S * 1000 / (one_ms * at_once))))
