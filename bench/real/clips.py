"""The corpus: Kokoro's voices, recordings out of packages, and sounds without words.

    python -m real.clips [--recordings FOLDER]

`make bench-real` makes it when it is not there, below .cache/bench/real. The recordings are those
of `f5-tts` and `moonshine-voice`: `pip download --no-deps`, then unzip their wavs into one folder.
"""

import argparse
import json
import tomllib
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from real.house import CACHE, MODELS
from tts_service.engine import SPEECH_RATE
from tts_service.speakable import speakable

CORPUS = CACHE / "clips"
HERE = Path(__file__).parent
RATE = 16_000
Samples = NDArray[np.float32]


def main() -> None:
    """Makes it anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=Path)
    make(CORPUS, parser.parse_args().recordings)


def make(folder: Path, recordings: Path | None = None) -> None:
    """Writes wavs and `clips.json`. Kokoro's weights must lie below `house.MODELS`."""
    plan = tomllib.loads((HERE / "sentences.toml").read_text("utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    listed = [*spoken(plan, speaker(MODELS / "kokoro"), folder)]
    if recordings:
        listed += recorded(plan, recordings, folder)
    listed += soundless(folder)
    text = json.dumps(listed, ensure_ascii=False, indent=1)
    (folder / "clips.json").write_text(text + "\n", "utf-8")
    print(f"{len(listed)} clips in {folder}")


def spoken(plan: dict[str, Any], say: "Say", folder: Path) -> list[dict[str, str]]:
    """Each sentence in the next voice of its language; a mixed one in a Chinese voice."""
    found = []
    for kind, sentences in plan["said"].items():
        language = "zh" if kind == "mixed" else kind
        voices = plan["voices"][language]
        for n, text in enumerate(sentences):
            samples = say(text, voices[n % len(voices)], language)
            name = f"{kind}-{n:02}"
            write(folder / f"{name}.wav", samples)
            found.append({"name": name, "kind": kind, "language": language, "text": text})
    return found


Say = Callable[[str, str, str], Samples]
"""Text, voice and language to 16 kHz."""


def speaker(folder: Path) -> Say:
    """The product's own Kokoro."""
    from tts_service.backends.kokoro import KokoroEngine

    both = {"zh": "zf_xiaoxiao", "en": "af_heart"}
    engine = KokoroEngine({"folder": str(folder), "threads": 2, "voices": both})
    engine.load(lambda _: None)

    def say(text: str, voice: str, language: str) -> Samples:
        job = {
            "runs": runs(text, language),
            "speed": 1.0,
            "mode": "fast",
            "voice": None,
            "own_voice": voice,
            "language": language,
        }
        whole = Whole()
        engine.speak(job, whole)
        made = np.frombuffer(bytes(whole.pcm), np.int16).astype(np.float32) / 32768
        return resampled(made, SPEECH_RATE)

    return say


class Whole:
    """Takes all of an engine's sound."""

    def __init__(self) -> None:
        self.pcm = bytearray()

    def write(self, piece: bytes) -> bool:
        self.pcm += piece
        return True

    def stopped(self) -> bool:
        return False


def runs(text: str, language: str) -> list[list[str]]:
    """`text` by language, as the service would hand it to an engine."""
    ready = speakable(text, language, default="zh", can=frozenset(("en", "zh")))
    return [[run.language, run.text] for run in ready.runs]


def recorded(plan: dict[str, Any], source: Path, folder: Path) -> list[dict[str, str]]:
    """Real speech, cut where the plan says."""
    found = []
    for one in plan["recorded"]:
        with wave.open(str(source / one["file"])) as clip:
            rate, channels = clip.getframerate(), clip.getnchannels()
            raw = clip.readframes(clip.getnframes())
        samples = np.frombuffer(raw, np.int16).reshape(-1, channels).mean(axis=1) / 32768
        cut = samples[: int(one.get("seconds", 1e6) * rate)]
        name = f"recorded-{one.get('name', Path(one['file']).stem)}"
        write(folder / f"{name}.wav", resampled(cut.astype(np.float32), rate))
        found.append(
            {
                "name": name,
                "kind": f"recorded-{one['language']}",
                "language": one["language"],
                "text": one["text"],
            }
        )
    return found


def soundless(folder: Path) -> list[dict[str, str]]:
    """Silence, noises, clicks, hums and chords, of half a second to five: no words are in them."""
    random = np.random.default_rng(7)
    found = []
    for n in range(60):
        kind = ("silence", "white", "pink", "clicks", "hum", "chord")[n % 6]
        seconds = (0.5, 0.8, 1.2, 2.0, 3.0, 5.0)[n // 6 % 6]
        name = f"nothing-{kind}-{n:02}"
        write(folder / f"{name}.wav", nothing(kind, int(seconds * RATE), random))
        found.append({"name": name, "kind": "nothing", "language": "", "text": ""})
    return found


def nothing(kind: str, count: int, random: np.random.Generator) -> Samples:
    """A sound without words, at a level between a whisper's and a voice's."""
    level, time = 10 ** random.uniform(-2.3, -0.9), np.arange(count) / RATE
    white = random.standard_normal(count)
    if kind == "silence":
        made = 1e-4 * white
    elif kind == "white":
        made = level * white
    elif kind == "pink":
        shaped = np.fft.rfft(white) / np.sqrt(np.arange(1, count // 2 + 2))
        made = np.fft.irfft(shaped, count)
        made *= level / made.std()
    elif kind == "clicks":
        made = np.where(random.random(count) < 6 / RATE, 8 * level * np.sign(white), 0.0)
    elif kind == "hum":
        pitch = 120 + 20 * np.sin(2 * np.pi * 2 * time)
        turns = 2 * np.pi * np.cumsum(pitch) / RATE
        made = level * sum(np.sin(k * turns) / k for k in range(1, 6))
    else:
        notes = random.choice([220.0, 261.6, 329.6, 392.0, 440.0, 523.3], 3, replace=False)
        swell = np.minimum(1, 8 * (time % 0.5)) * np.exp(-3 * (time % 0.5))
        made = level * swell * sum(np.sin(2 * np.pi * note * time) for note in notes)
    return np.asarray(made, np.float32)


def resampled(samples: Samples, rate: int) -> Samples:
    return np.asarray(soxr.resample(samples, rate, RATE), np.float32)


def write(path: Path, samples: Samples) -> None:
    with wave.open(str(path), "wb") as clip:
        clip.setnchannels(1)
        clip.setsampwidth(2)
        clip.setframerate(RATE)
        clip.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


if __name__ == "__main__":
    main()
