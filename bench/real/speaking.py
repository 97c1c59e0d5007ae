"""Engines that speak, with their real weights, each in a process of its own.

    python -m real.speaking kokoro-zh --models HOME/models [--hear]

Told are: time and processor time of an opening (8 characters, or two words) and of a sentence, the
seconds of work a second of sound, the memory in use, and with `--hear` how wrong a recogniser
(Whisper base, whole window) takes the sentences of `sentences.toml`.
"""

import argparse
import os
import statistics
import time
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil
import soxr

from real.clips import runs
from real.scoring import distance, units
from tts_service.engine import SPEECH_RATE

HERE = Path(__file__).parent
OPENINGS = {"zh": "好的我馬上查看。", "en": "Sure, of course,"}
SENTENCES = {
    "zh": "明天下午三點我會提醒你打電話給媽媽，請不用擔心。",
    "en": "I will remind you to call your mother at three tomorrow, so do not worry.",
}
TIMES = 3


@dataclass
class Ear:
    """Takes an engine's sound."""

    began: float = field(default_factory=time.perf_counter)
    first_s: float | None = None
    pcm: bytearray = field(default_factory=bytearray)

    def write(self, piece: bytes) -> bool:
        if self.first_s is None:
            self.first_s = time.perf_counter() - self.began
        self.pcm += piece
        return True

    def stopped(self) -> bool:
        return False


def engine(name: str, models: Path, threads: int, scratch: str) -> Any:
    """A worker's engine: `kokoro`, `piper` (the voice joe) or `espeak`."""
    if name == "kokoro":
        from tts_service.backends.kokoro import KokoroEngine

        voices = {"zh": "zf_xiaoxiao", "en": "af_heart"}
        folder = str(models / "kokoro")
        return KokoroEngine({"folder": folder, "threads": threads, "voices": voices})
    if name == "piper":
        from tts_service.backends.piper import PiperEngine

        voice = str(models / "piper" / "en_US-joe-medium.onnx")
        return PiperEngine({"voices": {"en": voice}, "threads": threads})
    from tts_service.backends.espeak import EspeakEngine

    return EspeakEngine({"scratch": scratch})


def say(made: Any, text: str, language: str) -> tuple[Ear, float, float]:
    """The sound, and the seconds it took: on the clock, and of the processor."""
    job = {
        "runs": runs(text, language),
        "speed": 1.0,
        "mode": "fast",
        "voice": None,
        "own_voice": None,
        "language": language,
    }
    ear, cpu = Ear(), time.process_time()
    made.speak(job, ear)
    return ear, time.perf_counter() - ear.began, time.process_time() - cpu


def hear(sounds: list[tuple[str, bytes]], language: str, models: Path) -> float:
    """The error rate of Whisper base."""
    from faster_whisper import WhisperModel

    model = WhisperModel(str(models / "base"), device="cpu", compute_type="int8", cpu_threads=2)
    wrong = length = 0
    for text, pcm in sounds:
        signal = np.frombuffer(pcm, np.int16).astype(np.float32) / 32768
        heard = soxr.resample(np.pad(signal, 6000), SPEECH_RATE, 16_000)
        segments, _ = model.transcribe(heard, language=language, beam_size=5)
        said = "".join(segment.text for segment in segments)
        missed = distance(units(text), units(said))
        if missed:
            print(f"    {text} -> {said}")
        wrong, length = wrong + missed, length + len(units(text))
    return wrong / length


def main() -> None:
    """Prints one engine's figures in one language."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", help="kokoro-zh, kokoro-en, piper-en, espeak-zh, espeak-en")
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--hear", action="store_true")
    asked = parser.parse_args()
    name, _, language = asked.what.partition("-")
    memory = psutil.Process().memory_info
    with TemporaryDirectory() as scratch:
        made = engine(name, asked.models, asked.threads, scratch)
        began = time.perf_counter()
        made.load(lambda _: None)
        print(f"{asked.what}: loaded in {time.perf_counter() - began:.1f} s, ", end="")
        print(f"{memory().rss / 2**20:.0f} MiB; load of the machine {os.getloadavg()[0]:.1f}")
        for what, text in (("opening", OPENINGS[language]), ("sentence", SENTENCES[language])):
            runs = [say(made, text, language) for _ in range(TIMES)]
            sound_s = len(runs[0][0].pcm) / 2 / SPEECH_RATE
            wall = statistics.median(run[1] for run in runs)
            cpu = statistics.median(run[2] for run in runs)
            first = statistics.median(run[0].first_s or 0 for run in runs)
            print(
                f"  {what}: first sound {first * 1000:.0f} ms, whole {wall * 1000:.0f} ms, "
                f"processor {cpu * 1000:.0f} ms, {sound_s:.2f} s of sound, "
                f"{wall / sound_s:.2f} s a second"
            )
        said = tomllib.loads((HERE / "sentences.toml").read_text("utf-8"))["said"][language]
        sounds = [(text, bytes(say(made, text, language)[0].pcm)) for text in said]
        print(f"  after {len(said)} sentences: {memory().rss / 2**20:.0f} MiB")
        if asked.hear:
            print(f"  error of a recogniser: {hear(sounds, language, asked.models):.3f}")


if __name__ == "__main__":
    main()
