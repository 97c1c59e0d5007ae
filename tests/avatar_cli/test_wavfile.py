"""Wav files of every common kind."""

import struct
import wave
from array import array
from pathlib import Path

import pytest

from avatar_cli.talking.wavfile import UnreadableWavError, read

TONE = [0, 8000, 16000, 8000, 0, -8000, -16000, -8000] * 100


def write(path: Path, width: int, channels: int, rate: int, frames: bytes) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(frames)
    return path


def packed(width: int) -> bytes:
    if width == 1:
        return bytes((v >> 8) + 128 for v in TONE)
    shift = (width - 2) * 8
    return b"".join((v << shift).to_bytes(width, "little", signed=True) for v in TONE)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_widths(tmp_path: Path, width: int) -> None:
    sound = read(write(tmp_path / "a.wav", width, 1, 16_000, packed(width)))
    assert sound.rate == 16_000
    values = array("h", sound.pcm)
    assert max(abs(a - b) for a, b in zip(values, TONE, strict=True)) < 256


def test_float(tmp_path: Path) -> None:
    body = struct.pack(f"<{len(TONE)}f", *(v / 32768 for v in TONE))
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + len(body),
        b"WAVE",
        b"fmt ",
        16,
        3,
        1,
        44_100,
        176_400,
        4,
        32,
        b"data",
        len(body),
    )
    (tmp_path / "f.wav").write_bytes(header + body)
    sound = read(tmp_path / "f.wav")
    assert sound.rate == 44_100
    assert max(abs(a - b) for a, b in zip(array("h", sound.pcm), TONE, strict=True)) <= 1


def test_stereo_is_mixed(tmp_path: Path) -> None:
    frames = array("h", [v for pair in zip(TONE, [0] * len(TONE), strict=True) for v in pair])
    sound = read(write(tmp_path / "s.wav", 2, 2, 8000, frames.tobytes()))
    assert array("h", sound.pcm)[2] == 8000
    assert sound.duration_ms == 100


def test_high_rates_are_divided(tmp_path: Path) -> None:
    sound = read(write(tmp_path / "h.wav", 2, 1, 96_000, array("h", TONE).tobytes()))
    assert sound.rate == 48_000
    assert array("h", sound.pcm)[0] == 4000


def test_header_that_claims_too_much(tmp_path: Path) -> None:
    path = write(tmp_path / "l.wav", 2, 1, 16_000, packed(2))
    data = bytearray(path.read_bytes())
    data[40:44] = struct.pack("<I", 0xFFFFFFFF)
    path.write_bytes(bytes(data))
    assert len(read(path).pcm) == len(TONE) * 2


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(UnreadableWavError, match="too low"):
        read(write(tmp_path / "low.wav", 2, 1, 4000, packed(2)))
    with pytest.raises(UnreadableWavError, match="no sound"):
        read(write(tmp_path / "empty.wav", 2, 1, 16_000, b""))
