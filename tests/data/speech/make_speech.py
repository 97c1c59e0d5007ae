"""Make the test speech of this folder, with Debian's flite and the espeak-ng of a wheel.

    python tests/data/speech/make_speech.py            # writes the wavs beside this file

Needs `flite` on the path (Debian: apt-get install flite) and the package espeakng-loader.
Every clip is 16 kHz mono s16le: 300 ms of silence, the words, 800 ms of silence.
The same versions make the same bytes; `clips.json` is the list of words that tests read.
"""

import ctypes
import json
import subprocess
import sys
import tempfile
import wave
from pathlib import Path

import numpy as np
import soxr

HERE = Path(__file__).parent
RATE = 16_000
LEAD_MS, TAIL_MS = 300, 800
ESPEAK_SYNCHRONOUS, ESPEAK_UTF8, ESPEAK_NO_EXIT = 2, 1, 0x8000
Samples = np.ndarray


def flite(text: str, voice: str) -> tuple[Samples, int]:
    """Speak English with a flite voice. Returns int16 samples and their rate in Hz."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as out:
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", out.name], check=True)
        with wave.open(out.name) as clip:
            pcm = clip.readframes(clip.getnframes())
            return np.frombuffer(pcm, np.int16), clip.getframerate()


def espeak(text: str, voice: str) -> tuple[Samples, int]:
    """Speak with espeak-ng through ctypes. Returns int16 samples and their rate in Hz."""
    import espeakng_loader

    lib = ctypes.CDLL(espeakng_loader.get_library_path())
    data = espeakng_loader.get_data_path().encode()
    rate = lib.espeak_Initialize(ESPEAK_SYNCHRONOUS, 60, data, ESPEAK_NO_EXIT)
    if rate <= 0:
        raise RuntimeError("espeak-ng did not start: reinstall espeakng-loader")
    pieces: list[bytes] = []
    callback_type = ctypes.CFUNCTYPE(
        ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
    )

    def collect(samples: "ctypes._Pointer[ctypes.c_short]", count: int, _events: int) -> int:
        if samples and count > 0:
            pieces.append(ctypes.string_at(samples, count * 2))
        return 0

    callback = callback_type(collect)
    lib.espeak_SetSynthCallback(callback)
    lib.espeak_SetVoiceByName(voice.encode())
    spoken = text.encode() + b"\0"
    lib.espeak_Synth(spoken, len(spoken), 0, 1, 0, ESPEAK_UTF8, None, None)
    lib.espeak_Synchronize()
    return np.frombuffer(b"".join(pieces), np.int16), rate


def framed(samples: Samples, rate: int) -> bytes:
    """Resample to 16 kHz and put silence on both sides."""
    if rate != RATE:
        floats = soxr.resample(samples.astype(np.float32), rate, RATE)
        samples = np.clip(np.rint(floats), -32768, 32767).astype(np.int16)
    lead, tail = (np.zeros(RATE * ms // 1000, np.int16) for ms in (LEAD_MS, TAIL_MS))
    return np.concatenate([lead, samples, tail]).tobytes()


def main() -> int:
    clips = json.loads((HERE / "clips.json").read_text())
    for clip in clips:
        speak = flite if clip["engine"] == "flite" else espeak
        pcm = framed(*speak(clip["text"], clip["voice"]))
        with wave.open(str(HERE / clip["file"]), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(RATE)
            out.writeframes(pcm)
        sys.stdout.write(f"{clip['file']}: {len(pcm) / 2 / RATE:.2f} s, {clip['text']}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
