"""One look at each clip: the short window against the whole one, on the same loaded weights.

    python -m real.looks CORPUS --models HOME/models [--threads 2] [--show] [--only zh en]

Told are the time of a look (wall and processor), by length of the sound; the error rate (words of
English, characters of Chinese) by kind; loops; and what is made of sounds that hold no words.
"""

import argparse
import os
import platform
import statistics
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from real.scoring import Clip, corpus, errors
from stt_service.backends.short_window import ShortWindow, Wish
from stt_service.backends.whisper_worker import Job, Load, Whisper

WINDOWS = {"short": 8.0, "whole": 30.0}
NOISES_DB = (20, 10)
LENGTHS_S = (1, 2, 3, 4, 6, 12, 30)


@dataclass
class Look:
    """What one window made of a clip."""

    clip: Clip
    kind: str
    text: str
    wall_ms: float
    cpu_ms: float
    loops: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--only", nargs="*", default=[""], help="beginnings of clips' names")
    args = parser.parse_args()
    clips = [clip for clip in corpus(args.corpus) if clip.name.startswith(tuple(args.only))]
    load = Load(str(args.models / "base"), "cpu", "int8", args.threads, 1, 0.6)
    whisper = Whisper.loaded(load)
    whisper.warm()
    for name, least_s in WINDOWS.items():
        tell({name: look_at(clips, whisper, least_s)}, args.show)
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, "
        f"{args.threads} threads, load {os.getloadavg()[0]:.1f}"
    )


def look_at(clips: list[Clip], whisper: Whisper, least_s: float) -> list[Look]:
    """As the service looks at an utterance, watch for loops and inventions included."""
    window = ShortWindow(whisper.model, least_s)
    found = []
    for clip in clips:
        for kind, pcm in ((clip.kind, clip.pcm), *noisy(clip)):
            whisper.window = window
            job = Job(among=("zh", "en"))
            wall, cpu = time.perf_counter(), time.process_time()
            text = whisper.transcribe(job, pcm)["text"]
            wall_ms = 1000 * (time.perf_counter() - wall)
            cpu_ms = 1000 * (time.process_time() - cpu)
            audio = np.frombuffer(pcm, np.int16).astype(np.float32) / 32768
            loops = window.look(audio, Wish(among=job.among)).loops if clip.text else False
            found.append(Look(clip, kind, text, wall_ms, cpu_ms, loops))
    return found


def noisy(clip: Clip) -> list[tuple[str, bytes]]:
    """The clip in pink noise."""
    if clip.kind not in {"zh", "en"}:
        return []
    sound = np.frombuffer(clip.pcm, np.int16).astype(np.float64)
    white = np.random.default_rng(11).standard_normal(len(sound))
    pink = np.fft.rfft(white) / np.sqrt(np.arange(1, len(sound) // 2 + 2))
    shaped = np.fft.irfft(pink, len(sound))
    noise = shaped / shaped.std() * sound.std()
    return [
        (
            f"{clip.kind} {db} dB",
            (sound + noise * 10 ** (-db / 20)).clip(-32767, 32767).astype("<i2").tobytes(),
        )
        for db in NOISES_DB
    ]


def tell(looks: dict[str, list[Look]], show: bool) -> None:
    for name, found in looks.items():
        rates, times = defaultdict(list), defaultdict(list)
        for one in found:
            seconds = len(one.clip.pcm) / 32_000
            if one.clip.text:
                rates[one.kind].append(errors(one.text, one.clip))
                times[next(most for most in LENGTHS_S if seconds <= most)].append(one)
        invented = [one for one in found if not one.clip.text and one.text]
        print(
            f"{name}: loops {sum(one.loops for one in found)}, "
            f"invented {len(invented)} of {sum(not one.clip.text for one in found)}"
        )
        for kind, each in rates.items():
            print(f"  {kind:<14} error rate {statistics.mean(each):.3f} (n={len(each)})")
        for length, each in sorted(times.items()):
            wall = statistics.median(one.wall_ms for one in each)
            cpu = statistics.median(one.cpu_ms for one in each)
            print(f"  up to {length:2} s {wall:6.0f} ms wall, {cpu:6.0f} ms cpu (n={len(each)})")
        for one in invented:
            print(f"  invented: {one.clip.name}: {one.text}")
        if show:
            for one in found:
                print(f"    {one.clip.name} {one.kind}: {one.text}")


if __name__ == "__main__":
    main()
