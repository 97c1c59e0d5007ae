"""A whole recording in any usual format to house audio: for uploads, not for microphones."""

import io
from typing import Any

import av
import av.error
import numpy as np

from avatar_contract.audio import HOUSE_RATE, SAMPLE_BYTES
from avatar_contract.errors import BadAudio, BufferOverflow
from gateway.edge.decode.pcm import Resampler, mono_from_float
from gateway.edge.decode.workers import DecodeWorkers

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"RIFF", "wav"),
    (0, b"fLaC", "flac"),
    (0, b"OggS", "ogg"),
    (0, b"\x1a\x45\xdf\xa3", "matroska"),
    (4, b"ftyp", "mov"),
    (0, b"ID3", "mp3"),
    (0, b"\xff\xfb", "mp3"),
    (0, b"\xff\xf3", "mp3"),
    (0, b"\xff\xf2", "mp3"),
    (0, b"\xff\xfa", "mp3"),
    (0, b"\xff\xf1", "aac"),
    (0, b"\xff\xf9", "aac"),
)
"""Offset, bytes, libav's demuxer. libav is never left to guess: it would take a playlist for
audio, and open the files and addresses in it."""

_SCALES = {"u8": 128.0, "s16": 32768.0, "s32": 2147483648.0, "flt": 1.0, "dbl": 1.0}


async def decode_file(data: bytes, max_s: float, workers: DecodeWorkers) -> bytes:
    """16 kHz mono s16le of `data`.

    Raises:
        BadAudio: no audio is found in it.
        BufferOverflow: it is longer than `max_s` seconds.
    """
    return await workers.call(lambda: decode_now(data, max_s))


def decode_now(data: bytes, max_s: float) -> bytes:
    """`decode_file`, on this thread."""
    out: list[bytes] = []
    left = int(max_s * HOUSE_RATE) * SAMPLE_BYTES
    try:
        for piece in _pieces(data):
            out.append(piece)
            left -= len(piece)
            if left < 0:
                raise BufferOverflow(f"The recording is longer than {max_s:g} s. Cut it.")
    except (av.error.FFmpegError, ValueError) as error:
        if not out:
            raise BadAudio(
                "This file can't be decoded. Send wav, mp3, m4a, flac, ogg or webm."
            ) from error
    if not any(out):
        raise BadAudio("The file holds no sound.")
    return b"".join(out)


def _demuxer(data: bytes) -> str:
    for at, magic, name in _MAGIC:
        if data[at : at + len(magic)] == magic:
            return name
    raise BadAudio("This is no audio file that is known. Send wav, mp3, m4a, flac, ogg or webm.")


def _pieces(data: bytes) -> Any:
    opened: Any = av.open(
        io.BytesIO(data),
        mode="r",
        metadata_errors="ignore",
        format=_demuxer(data),
    )
    with opened as container:
        if not container.streams.audio:
            raise BadAudio("The file has no audio track.")
        resampler: Resampler | None = None
        for frame in container.decode(container.streams.audio[0]):
            resampler = resampler or Resampler(frame.sample_rate)
            yield resampler.push(_mono(frame))
        if resampler is not None:
            yield resampler.flush()


def _mono(frame: av.AudioFrame) -> np.ndarray[Any, np.dtype[np.int16]]:
    """(samples,) of a frame in any of libav's sample formats."""
    name = frame.format.name
    samples = frame.to_ndarray().astype(np.float32)
    if not name.endswith("p"):
        samples = samples.reshape(-1, len(frame.layout.channels)).T
    kind = name.rstrip("p")
    if kind == "u8":
        samples = samples - 128.0
    return mono_from_float((samples / np.float32(_SCALES[kind])).T)
