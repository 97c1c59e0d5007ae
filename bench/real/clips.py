"""Makes the corpus: Kokoro's voices, recordings out of packages, and sounds without words.

    python bench/real/clips.py FOLDER --models HOME/models [--recordings FOLDER]

Needs what speaks, in an environment of its own (eSpeak's phonemizer is GPL):
`pip install kokoro-onnx misaki pypinyin jieba cn2an ordered-set soxr`. The recordings are those of
`f5-tts` and `moonshine-voice`: `pip download --no-deps`, then unzip their wavs into one folder.
"""

import argparse
import json
import tomllib
import wave
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).parent
RATE = 16_000
Samples = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--recordings", type=Path)
    args = parser.parse_args()
    plan = tomllib.loads((HERE / "sentences.toml").read_text("utf-8"))
    args.folder.mkdir(parents=True, exist_ok=True)
    listed = [*spoken(plan, args.models, args.folder)]
    if args.recordings:
        listed += recorded(plan, args.recordings, args.folder)
    listed += soundless(args.folder)
    text = json.dumps(listed, ensure_ascii=False, indent=1)
    (args.folder / "clips.json").write_text(text + "\n", "utf-8")
    print(f"{len(listed)} clips in {args.folder}")


def spoken(plan: dict[str, Any], models: Path, folder: Path) -> list[dict[str, str]]:
    """Each sentence in the next voice of its language; a mixed one in a Chinese voice."""
    say = Speaker(models / "kokoro")
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


class Speaker:
    """Kokoro, at 16 kHz."""

    def __init__(self, folder: Path) -> None:
        from kokoro_onnx import Kokoro
        from misaki import zh

        self._kokoro = Kokoro(
            str(folder / "kokoro-v1.0.int8.onnx"), str(folder / "voices-v1.0.bin")
        )
        self._zh = zh.ZHG2P()

    def __call__(self, text: str, voice: str, language: str) -> Samples:
        if language == "zh":
            phonemes, _ = self._zh(text)
            made, rate = self._kokoro.create(phonemes, voice=voice, is_phonemes=True)
        else:
            made, rate = self._kokoro.create(text, voice=voice, lang="en-us")
        return resampled(made, rate)


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
    import soxr

    return np.asarray(soxr.resample(samples, rate, RATE), np.float32)


def write(path: Path, samples: Samples) -> None:
    with wave.open(str(path), "wb") as clip:
        clip.setnchannels(1)
        clip.setsampwidth(2)
        clip.setframerate(RATE)
        clip.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


if __name__ == "__main__":
    main()
