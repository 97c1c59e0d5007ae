"""Spoken words for the benchmarks: espeak-ng says them once, each carries its mark."""

import ctypes
import hashlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avatar_bench.marks import RATE, codes, tones

WORDS = (
    "tomato potato banana orange window garden river mountain yellow purple silver golden monday "
    "friday winter summer doctor teacher farmer sailor pencil paper basket bottle kitchen table "
    "candle lantern ladder hammer market village station airport ticket engine circus piano violin "
    "trumpet library museum picture mirror island ocean harbour captain weather thunder rainbow "
    "morning evening dinner supper butter sugar pepper honey chicken turtle rabbit monkey tiger "
    "elephant dolphin penguin spider dragon castle palace kingdom soldier hero copper marble "
    "diamond crystal forest meadow valley canyon desert blanket pillow carpet curtain jacket "
    "sweater button pocket wallet camera planet rocket satellite galaxy magnet battery computer "
    "keyboard monitor printer envelope postcard letter parcel number seven eleven thirteen twenty "
    "hundred thousand million question answer language sentence grammar novel poet story chapter "
    "football tennis hockey cricket baseball marathon olympic medal victory champion referee "
    "apple cherry lemon mango papaya peanut almond walnut cinnamon vanilla chocolate biscuit"
).split()
"""Two syllables or more: a mark wants 200 ms."""

_VOICE = "en-us"
_MARK_LEVEL = 0.006
_VOICE_RMS = 0.12
_CACHE = Path(__file__).resolve().parents[2] / ".cache" / "bench"
_SHORTEST = int(0.24 * RATE)

Pcm = NDArray[np.int16]


@dataclass(frozen=True)
class Clips:
    """Word by word: 16 kHz mono samples, trimmed to the voice."""

    words: tuple[str, ...]
    pcm: dict[str, Pcm]

    @property
    def of_code(self) -> dict[tuple[int, int, int], str]:
        """The word of each mark."""
        return dict(zip(codes(), self.words, strict=False))


def load(words: tuple[str, ...] = tuple(WORDS), voice: str = _VOICE) -> Clips:
    """The clips, made at the first call and kept in ``.cache/bench``."""
    name = hashlib.sha256("\n".join((voice, *words)).encode()).hexdigest()[:16]
    path = _CACHE / f"clips-{name}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # espeak-ng is GPL and not thread-safe: it speaks in a process of its own.
        subprocess.run(
            [sys.executable, "-m", "avatar_bench.clips", str(path), voice],
            input="\n".join(words), text=True, check=True, timeout=300,
        )  # fmt: skip
    with np.load(path) as kept:
        return Clips(words, {word: kept[str(n)] for n, word in enumerate(words)})


def _make(path: Path, voice: str, words: list[str]) -> None:
    import soxr

    say, rate = _espeak(voice)
    numbers = codes()
    made = {}
    for n, word in enumerate(words):
        spoken = np.frombuffer(say(word), np.int16).astype(np.float32) / 32768
        house = soxr.resample(spoken, rate, RATE)
        voiced = _finish(_without_highs(_trimmed(house)))
        marked = voiced + tones(numbers[n], len(voiced), _MARK_LEVEL)
        made[str(n)] = np.clip(marked * 32767, -32768, 32767).astype(np.int16)
    part = path.with_suffix(".part.npz")
    np.savez_compressed(part, **made)
    part.rename(path)


def _espeak(voice: str):  # type: ignore[no-untyped-def]
    import espeakng_loader

    lib = ctypes.CDLL(espeakng_loader.get_library_path())
    rate = lib.espeak_Initialize(2, 60, espeakng_loader.get_data_path().encode(), 0x8000)
    sound = bytearray()
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)

    @kind
    def put(samples, count, _):  # type: ignore[no-untyped-def]
        if samples and count > 0:
            sound.extend(ctypes.string_at(samples, count * 2))
        return 0

    lib.espeak_SetSynthCallback(put)
    if lib.espeak_SetVoiceByName(voice.encode()) != 0:
        raise SystemExit(f"espeak-ng has no voice {voice}")

    def say(word: str) -> bytes:
        sound.clear()
        data = word.encode() + b"\0"
        lib.espeak_Synth(data, len(data), 0, 0, 0, 1, None, None)
        return bytes(sound)

    say.keep = put  # type: ignore[attr-defined]
    return say, rate


def _trimmed(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    window = RATE // 200
    count = len(samples) // window
    levels = np.abs(samples[: count * window].reshape(count, window)).max(axis=1)
    loud = np.flatnonzero(levels > 0.1 * levels.max())
    return samples[loud[0] * window : (loud[-1] + 1) * window]


def _without_highs(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    spectrum = np.fft.rfft(samples)
    spectrum[np.fft.rfftfreq(len(samples), 1 / RATE) > 6300] = 0
    kept: NDArray[np.float32] = np.fft.irfft(spectrum, len(samples)).astype(np.float32)
    return kept


def _finish(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    if len(samples) < _SHORTEST:
        at = np.linspace(0, len(samples) - 1, _SHORTEST)
        samples = np.interp(at, np.arange(len(samples)), samples).astype(np.float32)
    # Evened out, so that no quiet consonant inside a word looks like a pause.
    window = RATE // 50
    power = np.convolve(samples**2, np.ones(window) / window, mode="same")
    gain = (_VOICE_RMS**2 / np.maximum(power, 0.05 * power.max())) ** 0.35
    even = samples * gain
    even *= _VOICE_RMS / np.sqrt(np.mean(even**2))
    finished: NDArray[np.float32] = np.clip(even, -0.9, 0.9).astype(np.float32)
    return finished


if __name__ == "__main__":
    _make(Path(sys.argv[1]), sys.argv[2], sys.stdin.read().split("\n"))
