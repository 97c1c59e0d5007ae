"""Speech for measurements, said by espeak-ng in a process of its own, and kept in ``.cache/bench``.

espeak-ng is GPL and not thread-safe. Source: espeak-ng 1.52, ``speak_lib.h``.
"""

import ctypes
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "bench"
RATE = 16_000

Line = tuple[str, str]
"""A voice and a text."""
Floats = NDArray[np.float32]

_SYNCHRONOUS, _DONT_EXIT, _UTF8 = 2, 0x8000, 1


def say(lines: list[Line]) -> dict[Line, Floats]:
    """16 kHz mono, -1 … 1, trimmed to the voice."""
    wanted = json.dumps(lines, ensure_ascii=False)
    path = CACHE / f"said-{hashlib.sha256(wanted.encode()).hexdigest()[:16]}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [sys.executable, str(Path(__file__)), str(path)],
            input=wanted,
            text=True,
            check=True,
            timeout=300,
        )
    with np.load(path) as kept:
        return {line: kept[str(n)].astype(np.float32) / 32768 for n, line in enumerate(lines)}


def _say_all(path: Path, lines: list[Line]) -> None:
    import soxr

    library = _Library()
    made = {}
    for n, (voice, text) in enumerate(lines):
        spoken = np.frombuffer(library.say(voice, text), np.int16).astype(np.float32) / 32768
        house = _trimmed(soxr.resample(spoken, library.rate, RATE))
        made[str(n)] = (np.clip(house, -1, 1) * 32767).astype(np.int16)
    part = path.with_suffix(".part.npz")
    np.savez_compressed(part, allow_pickle=False, **made)
    part.rename(path)


class _Library:
    def __init__(self) -> None:
        import espeakng_loader

        self._lib = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        self.rate = int(self._lib.espeak_Initialize(_SYNCHRONOUS, 60, data, _DONT_EXIT))
        self._sound = bytearray()
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
        self._callback: Callable[..., int] = kind(self._put)
        self._lib.espeak_SetSynthCallback(self._callback)

    def say(self, voice: str, text: str) -> bytes:
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            raise SystemExit(f"espeak-ng has no voice {voice}")
        self._sound.clear()
        data = text.encode() + b"\0"
        self._lib.espeak_Synth(data, len(data), 0, 0, 0, _UTF8, None, None)
        return bytes(self._sound)

    def _put(self, samples: int | None, count: int, _: int | None) -> int:
        if samples and count > 0:
            self._sound.extend(ctypes.string_at(samples, count * 2))
        return 0


def _trimmed(samples: Floats) -> Floats:
    window = RATE // 200
    count = len(samples) // window
    levels = np.abs(samples[: count * window].reshape(count, window)).max(axis=1)
    loud = np.flatnonzero(levels > 0.1 * levels.max())
    return samples[loud[0] * window : (loud[-1] + 1) * window]


if __name__ == "__main__":
    _say_all(Path(sys.argv[1]), [(voice, text) for voice, text in json.loads(sys.stdin.read())])
