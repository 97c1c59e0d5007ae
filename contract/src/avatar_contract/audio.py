"""Audio formats and the arithmetic of PCM. Audio is declared, never assumed; bytes stay bytes."""

from __future__ import annotations

import struct
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from avatar_contract.errors import BadAudio

HOUSE_RATE = 16_000
"""Sample rate inside the house towards the recogniser, Hz (mono ``pcm_s16le``)."""

SAMPLE_BYTES = 2
"""Bytes of one ``pcm_s16le`` sample of one channel."""

MIN_RATE, MAX_RATE = 8_000, 48_000
"""Microphone sample rates that are accepted, Hz."""


class Codec(StrEnum):
    """How microphone bytes are wrapped."""

    PCM_S16LE = "pcm_s16le"
    WEBM_OPUS = "webm_opus"
    OGG_OPUS = "ogg_opus"
    MP4_AAC = "mp4_aac"
    WAV = "wav"

    @classmethod
    def _missing_(cls, value: object) -> Codec | None:
        """A MIME type, as a browser's recorder names what it makes: ``audio/mp4; codecs=…``."""
        if not isinstance(value, str):
            return None
        kind = value.partition(";")[0].strip().lower()
        return _MIME_TYPES.get(kind.removeprefix("audio/").removeprefix("video/"))


_MIME_TYPES = {
    "webm": Codec.WEBM_OPUS,
    "ogg": Codec.OGG_OPUS,
    "mp4": Codec.MP4_AAC,
    "m4a": Codec.MP4_AAC,
    "x-m4a": Codec.MP4_AAC,
    "wav": Codec.WAV,
    "wave": Codec.WAV,
    "x-wav": Codec.WAV,
    "vnd.wave": Codec.WAV,
    **{codec.value: codec for codec in Codec},
}
"""MIME subtypes without their parameters, and our own names, whatever their case."""


class AudioFormat(BaseModel):
    """What a stream of audio bytes is."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    codec: Codec = Field(Codec.PCM_S16LE, description="sample format or container")
    sample_rate: int = Field(
        HOUSE_RATE, ge=MIN_RATE, le=MAX_RATE, description="Hz; a container's own header wins"
    )
    channels: int = Field(1, ge=1, le=8, description="interleaved channels; mixed down to one")


def pcm_ms(n_bytes: int, rate: int = HOUSE_RATE) -> float:
    """Milliseconds of `n_bytes` of mono ``pcm_s16le`` at `rate` Hz."""
    return n_bytes * 1000 / (SAMPLE_BYTES * rate)


def pcm_bytes(ms: float, rate: int = HOUSE_RATE) -> int:
    """Bytes of `ms` ms of mono ``pcm_s16le`` at `rate` Hz: whole samples, rounded down."""
    return int(ms * rate / 1000) * SAMPLE_BYTES


def wav_bytes(pcm: bytes, rate: int, channels: int = 1) -> bytes:
    """A RIFF/WAVE file of ``pcm_s16le`` samples (44-byte header and data)."""
    block = SAMPLE_BYTES * channels
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + len(pcm),
        b"WAVE",
        b"fmt ",
        16,
        1,
        channels,
        rate,
        rate * block,
        block,
        8 * SAMPLE_BYTES,
        b"data",
        len(pcm),
    )
    return header + pcm


def read_wav(data: bytes) -> tuple[bytes, int, int]:
    """``(pcm_s16le bytes, sample rate in Hz, channels)`` of a 16-bit PCM wav.

    A data chunk that claims more than there is (a stream's header) is cut to what there is.

    Raises:
        BadAudio: not a wav, or not 16-bit PCM.
    """
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise BadAudio("This is not a wav file: it has no RIFF/WAVE header.")
    fmt: tuple[int, int, int, int, int, int] | None = None
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        body = at + 8
        if name == b"fmt " and body + 16 <= len(data):
            fmt = struct.unpack_from("<HHIIHH", data, body)
        if name == b"data":
            return _wav_data(data[body : body + size], fmt)
        at = body + size + (size & 1)
    raise BadAudio("This wav file has no data chunk: it is cut off.")


def _wav_data(
    pcm: bytes, fmt: tuple[int, int, int, int, int, int] | None
) -> tuple[bytes, int, int]:
    if fmt is None:
        raise BadAudio("This wav file has no format chunk before its data.")
    tag, channels, rate, _, block, bits = fmt
    if tag not in (1, 0xFFFE) or bits != 16 or channels < 1:
        raise BadAudio("Only 16-bit PCM wav is read here; convert the file to 16-bit PCM.")
    return pcm[: len(pcm) - len(pcm) % block], rate, channels
