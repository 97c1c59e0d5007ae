"""Uploads in every usual format, and files that only claim to be one."""

import io
from collections.abc import Callable
from typing import Any

import av
import numpy as np
import pytest

from avatar_contract.errors import BadAudio, BufferOverflow
from gateway.edge.decode import DecodeWorkers
from gateway.edge.decode.file import decode_file


def encode(samples: np.ndarray, container: str, codec: str, rate: int) -> bytes:
    """`samples` (n,) of 16 bits in a container, by libav."""
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        stream: Any = file.add_stream(codec, rate=rate, layout="mono")
        resampler = av.AudioResampler(stream.format.name, "mono", rate, stream.frame_size or 1024)
        frame = av.AudioFrame.from_ndarray(samples[None], "s16", "mono")
        frame.sample_rate = rate
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return out.getvalue()


@pytest.mark.parametrize(
    ("container", "codec", "rate"),
    [
        ("wav", "pcm_s16le", 44_100),
        ("wav", "pcm_u8", 8_000),
        ("wav", "pcm_f32le", 48_000),
        ("wav", "pcm_s24le", 16_000),
        ("mp3", "libmp3lame", 44_100),
        ("mp4", "aac", 44_100),
        ("adts", "aac", 48_000),
        ("flac", "flac", 16_000),
        ("ogg", "libopus", 48_000),
        ("webm", "libopus", 48_000),
    ],
)
async def test_usual_formats(
    container: str, codec: str, rate: int, tone: Callable, workers: DecodeWorkers
) -> None:
    pcm = await decode_file(encode(tone(1.0, rate), container, codec, rate), 10, workers)
    got = np.frombuffer(pcm, "<i2").astype(float)
    assert 0.98 < len(got) / 16_000 < 1.15
    spectrum = np.abs(np.fft.rfft(got[:16_000]))
    assert abs(int(spectrum.argmax()) - 440) <= 2
    assert 0.3 < np.abs(got).max() / 32768 < 0.5


@pytest.mark.parametrize(
    "data",
    [
        b"hello, I am text",
        b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/a.wav\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"RIFF\0\0\0\0WAVEfmt ",
        b"ID3" + bytes(3000),
        b"\0\0\0\x18ftypmp42" + bytes(3000),
        b"fLaC" + bytes(300),
        b"PK\x03\x04" + bytes(300),
        b"",
    ],
)
async def test_files_that_are_none(data: bytes, workers: DecodeWorkers) -> None:
    with pytest.raises(BadAudio):
        await decode_file(data, 10, workers)


async def test_recordings_have_a_longest(tone: Callable, workers: DecodeWorkers) -> None:
    data = encode(tone(3.0, 16_000), "wav", "pcm_s16le", 16_000)
    with pytest.raises(BufferOverflow):
        await decode_file(data, 2, workers)
