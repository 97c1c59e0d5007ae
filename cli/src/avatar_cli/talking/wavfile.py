"""Wav files as people have them, as the mono `pcm_s16le` that the gateway takes."""

from __future__ import annotations  # array is subscriptable from Python 3.12 only

import struct
from array import array
from dataclasses import dataclass
from pathlib import Path

from avatar_contract.audio import MAX_RATE, MIN_RATE, wav_bytes

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE


class UnreadableWavError(Exception):
    """The file can't be used; the message says why and what to do."""


@dataclass(frozen=True)
class Sound:
    """Mono sound."""

    pcm: bytes
    """`pcm_s16le`."""
    rate: int
    """Hz, within what the gateway takes."""

    @property
    def duration_ms(self) -> float:
        return len(self.pcm) / 2 / self.rate * 1000

    @property
    def voiced_ms(self) -> float:
        """Where the last sample lies that is louder than a twentieth of the loudest, ms."""
        samples = _native("h", self.pcm)
        least = max(abs(value) for value in samples) / 20
        quiet = next((i for i, v in enumerate(reversed(samples)) if abs(v) >= least), 0)
        return (len(samples) - quiet) / self.rate * 1000


def read(path: Path) -> Sound:
    """Reads 8, 16, 24 and 32-bit and float wav of any channels and rate.

    Channels are mixed down; rates above 48 kHz are divided by a whole number. Other rates are
    left as they are: the gateway resamples better than is possible here.

    Raises:
        UnreadableWavError: not such a file.
    """
    try:
        data = path.read_bytes()
    except OSError as cause:
        raise UnreadableWavError(f"{path}: {cause.strerror or cause}.") from cause
    tag, channels, rate, bits, body = _chunks(path, data)
    samples = _mixed(_to_16_bit(path, tag, bits, body), channels)
    if rate < MIN_RATE:
        raise UnreadableWavError(f"{path}: {rate} Hz is too low; at least {MIN_RATE} Hz is needed.")
    step = -(-rate // MAX_RATE)
    if step > 1:
        samples = _averaged(samples, step)
    if not samples:
        raise UnreadableWavError(f"{path}: there is no sound in it.")
    return Sound(samples.tobytes(), rate // step)


def write(path: Path, pcm: bytes, rate: int) -> None:
    """Writes mono `pcm_s16le` as a wav."""
    path.write_bytes(wav_bytes(pcm, rate))


def _chunks(path: Path, data: bytes) -> tuple[int, int, int, int, bytes]:
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise UnreadableWavError(
            f"{path} is not a wav file. Convert it first: ffmpeg -i {path.name} out.wav"
        )
    form: tuple[int, int, int, int] | None = None
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        if name == b"fmt " and size >= 16 and at + 24 <= len(data):
            tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", data, at + 8)
            if tag == _EXTENSIBLE and size >= 40 and at + 34 <= len(data):
                tag = struct.unpack_from("<H", data, at + 32)[0]
            form = (tag, channels, rate, bits)
        if name == b"data" and form is not None and form[1] > 0:
            return *form, data[at + 8 : at + 8 + size]
        at += 8 + size + (size & 1)
    raise UnreadableWavError(f"{path} is cut off: it has no sound data.")


def _to_16_bit(path: Path, tag: int, bits: int, body: bytes) -> array[int]:
    if (tag, bits) == (_PCM, 8):
        return array("h", ((value - 128) << 8 for value in body))
    if (tag, bits) == (_PCM, 16):
        return _native("h", body)
    if (tag, bits) == (_PCM, 24):
        whole = len(body) - len(body) % 3
        high = bytearray(whole // 3 * 2)
        high[0::2], high[1::2] = body[1:whole:3], body[2:whole:3]
        return _native("h", bytes(high))
    if (tag, bits) == (_PCM, 32):
        return array("h", (value >> 16 for value in _native("i", body)))
    if tag == _FLOAT and bits in (32, 64):
        floats = _native("f" if bits == 32 else "d", body)
        return array("h", (max(-32768, min(32767, round(v * 32767))) for v in floats))
    raise UnreadableWavError(
        f"{path} is wav of kind {tag} with {bits} bits, which is not read here. "
        f"Convert it: ffmpeg -i {path.name} -c:a pcm_s16le out.wav"
    )


def _native(code: str, body: bytes) -> array[int]:
    values: array[int] = array(code)
    values.frombytes(body[: len(body) - len(body) % values.itemsize])
    return values


def _mixed(samples: array[int], channels: int) -> array[int]:
    if channels == 1:
        return samples
    whole = len(samples) - len(samples) % channels
    sides = [samples[side:whole:channels] for side in range(channels)]
    return array("h", (sum(frame) // channels for frame in zip(*sides, strict=True)))


def _averaged(samples: array[int], step: int) -> array[int]:
    """Every `step` samples as one: a plain low-pass, good enough for speech above 48 kHz."""
    return _mixed(samples, step)
