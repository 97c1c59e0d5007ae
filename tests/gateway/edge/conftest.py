"""Real encoded audio for the decoders: tones and clicks, encoded by libav."""

import io
import struct
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.edge.decode import DecodeWorkers

Samples = NDArray[np.int16]


def make_tone(seconds: float, rate: int, hz: float = 440.0, level: float = 0.4) -> Samples:
    """A sine (samples,) that starts at once at full level."""
    t = np.arange(round(seconds * rate)) / rate
    return (level * 32767 * np.sin(2 * np.pi * hz * t)).astype(np.int16)


def encode_opus(samples: Samples, kind: str, rate: int = 48_000) -> bytes:
    """`samples` (n,) as WebM ("webm") or Ogg ("ogg") with Opus."""
    out = io.BytesIO()
    options = {"live": "1"} if kind == "webm" else {"page_duration": "100000"}
    with av.open(out, "w", format=kind, options=options) as container:
        stream: Any = container.add_stream("libopus", rate=rate, layout="mono")
        step = rate // 50
        for at in range(0, len(samples), step):
            frame = av.AudioFrame.from_ndarray(samples[None, at : at + step], "s16", "mono")
            frame.sample_rate, frame.pts = rate, at
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


FRAGMENTED = "frag_keyframe+empty_moov+default_base_moof"


def encode_mp4(
    samples: Samples, rate: int = 48_000, codec: str = "aac", movflags: str | None = FRAGMENTED
) -> bytes:
    """`samples` (n,) as an mp4: fragments of 100 ms, as phones record, or by other `movflags`."""
    options = {"movflags": movflags} if movflags else {}
    if movflags == FRAGMENTED:
        options["frag_duration"] = "100000"
    # libav moves an index to the front in a file that it can open twice.
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        with av.open(file.name, "w", format="mp4", options=options) as container:
            stream: Any = container.add_stream(codec, rate=rate, layout="mono")
            for at in range(0, len(samples), 960):
                frame = av.AudioFrame.from_ndarray(samples[None, at : at + 960], "s16", "mono")
                frame.sample_rate, frame.pts = rate, at
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return Path(file.name).read_bytes()


def make_wav(
    body: bytes,
    rate: int,
    channels: int = 1,
    bits: int = 16,
    tag: int = 1,
    declared: int | None = None,
) -> bytes:
    """A wav whose header says `declared` bytes of samples (default: the truth)."""
    size = len(body) if declared is None else declared
    align = channels * bits // 8
    fmt = struct.pack("<HHIIHH", tag, channels, rate, rate * align, align, bits)
    chunks = b"fmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", size)
    return b"RIFF" + struct.pack("<I", (36 + size) & 0xFFFFFFFF) + b"WAVE" + chunks + body


@pytest.fixture
def tone() -> Callable[..., Samples]:
    return make_tone


@pytest.fixture(scope="session")
def opus() -> Callable[..., bytes]:
    return encode_opus


@pytest.fixture(scope="session")
def mp4() -> Callable[..., bytes]:
    return encode_mp4


@pytest.fixture
def wav() -> Callable[..., bytes]:
    return make_wav


@pytest.fixture
def workers() -> Iterator[DecodeWorkers]:
    workers = DecodeWorkers(max_containers=8)
    yield workers
    workers.close()
