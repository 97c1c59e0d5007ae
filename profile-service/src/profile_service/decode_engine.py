"""Decodes one uploaded recording, in a worker process of its own.

The answer is mono ``pcm_s16le`` and ``{"rate", "clipped"}``. Whatever the upload does to a decoder,
it does it here, with little memory, little time and no files.
"""

import contextlib
import io
from collections.abc import Callable, Mapping
from typing import Any

from avatar_contract.workers.child import Job
from avatar_contract.workers.errors import EngineError

RATE = 24_000
"""Of the samples that come out, Hz: what the cloning engines want."""

MAX_SECONDS = 120.0
"""Longer recordings are refused; decoding stops there, however small the file was."""

_MIN_RATE, _MAX_RATE = 8_000, 192_000
_MAX_CHANNELS = 8
_MEMORY_BYTES = 2 * 2**30
_CPU_SECONDS = 25
_CLIPPED = 0.985  # of full scale
_CLIPPED_RUN = 3  # so many samples in a row are clipping, one is a peak

_STREAMED_SIZES = (0, 0xFFFFFFFF, 0x7FFFFFFF)  # written by programs that could not seek back


class Refused(Exception):
    """The recording can't be used; its text says why, to the person who sent it.

    Args:
        reason: the same as a stable name, for a page in the person's language.
    """

    def __init__(self, text: str, reason: str = "DAMAGED") -> None:
        super().__init__(text)
        self.reason = reason


def container_of(data: bytes) -> str:
    """libav's name of the container, by its first bytes: a name or a type may say anything.

    Raises:
        Refused: none of those we take.
    """
    if data[:4] in (b"RIFF", b"RF64") and data[8:12] == b"WAVE":
        check_wav(data)
        return "wav"
    if data[4:8] == b"ftyp":
        return "mp4"
    if data[:3] == b"ID3" or (len(data) > 1 and data[0] == 0xFF and data[1] & 0xE6 in (0xE2, 0xE6)):
        return "mp3"
    for magic, name in ((b"fLaC", "flac"), (b"OggS", "ogg"), (b"\x1a\x45\xdf\xa3", "matroska")):
        if data.startswith(magic):
            return name
    raise Refused("This is no wav, mp3, m4a, flac, ogg or webm file.", "UNKNOWN_FORMAT")


def check_wav(data: bytes) -> None:
    """Refuse a wav whose header contradicts itself or claims more than there is."""
    at = 12
    rate_known = False
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body = data[at + 8 : at + 8 + 16]
        if name == b"fmt ":
            _check_wav_format(body)
            rate_known = True
        if name == b"data":
            if not rate_known:
                raise Refused("The header of this wav file is wrong: its format is missing.")
            if size not in _STREAMED_SIZES and size > len(data) - at - 8:
                raise Refused("This wav file is cut off, or its header is wrong.")
            return
        at += 8 + size + (size & 1)
    raise Refused("This wav file has no sound in it.", "NO_SOUND")


def _check_wav_format(body: bytes) -> None:
    channels = int.from_bytes(body[2:4], "little")
    rate = int.from_bytes(body[4:8], "little")
    byte_rate = int.from_bytes(body[8:12], "little")
    block = int.from_bytes(body[12:14], "little")
    pcm = int.from_bytes(body[:2], "little") in (1, 3, 0xFFFE)
    if not 1 <= channels <= _MAX_CHANNELS or not _MIN_RATE <= rate <= _MAX_RATE:
        raise Refused("The header of this wav file is wrong: no such rate or number of channels.")
    if pcm and (byte_rate != rate * block or block % channels or block == 0):
        raise Refused("The header of this wav file is wrong: its sizes contradict each other.")


def decode(data: bytes) -> tuple[bytes, float]:
    """Mono ``pcm_s16le`` at `RATE`, and which part of its samples was clipped, 0 to 1.

    Raises:
        Refused: it can't be decoded, or is too long.
    """
    import av

    try:
        with av.open(io.BytesIO(data), format=container_of(data), metadata_errors="ignore") as file:
            if not file.streams.audio:
                raise Refused("There is no sound in this file.", "NO_SOUND")
            return _decode_stream(av, file, file.streams.audio[0])
    except (av.FFmpegError, ValueError, ArithmeticError) as error:
        raise Refused("This recording can't be decoded: it is damaged.") from error


def _decode_stream(av: object, file: object, stream: object) -> tuple[bytes, float]:
    import numpy as np

    context = stream.codec_context  # type: ignore[attr-defined]
    rate, channels = context.sample_rate or 0, context.channels
    if not _MIN_RATE <= rate <= _MAX_RATE or not 1 <= channels <= _MAX_CHANNELS:
        raise Refused(f"{rate} Hz with {channels} channels can't be used.")
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)  # type: ignore[attr-defined]
    pieces: list[bytes] = []
    clipped = heard = 0
    for frame in file.decode(stream):  # type: ignore[attr-defined]
        samples = frame.to_ndarray()
        scale = 1.0 if samples.dtype.kind == "f" else float(np.iinfo(samples.dtype).max)
        clipped += clipped_samples(np.abs(samples.ravel().astype("f4")) / scale)
        heard += samples.size
        if heard > MAX_SECONDS * rate * channels:
            text = f"This recording is longer than {MAX_SECONDS:.0f} s: send a part of it."
            raise Refused(text, "FILE_TOO_LONG")
        frame.pts = None
        pieces += [out.to_ndarray().tobytes() for out in resampler.resample(frame)]
    pieces += [out.to_ndarray().tobytes() for out in resampler.resample(None)]
    return b"".join(pieces), clipped / max(1, heard)


def clipped_samples(level: "object") -> int:
    """How many samples stand at full scale in runs of at least three; `level` is 0 to 1."""
    import numpy as np

    full = np.concatenate(([0], np.asarray(level) >= _CLIPPED, [0])).astype(np.int8)
    edges = np.flatnonzero(np.diff(full))
    runs = edges[1::2] - edges[::2]
    return int(runs[runs >= _CLIPPED_RUN].sum())


def _bound_this_process() -> None:
    try:
        import resource
    except ImportError:  # not a Unix: the parent's time limit is what there is
        return
    for limit, most in (
        (resource.RLIMIT_AS, _MEMORY_BYTES),
        (resource.RLIMIT_CPU, _CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        # macOS knows some of these and refuses them.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(limit, (most, most))


class DecodeEngine:
    """The worker's side; it is used once."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        pass

    def load(self, progress: Callable[[float], None]) -> Mapping[str, Any]:
        _bound_this_process()
        return {}

    def tell(self, op: str, meta: Mapping[str, Any], blob: bytes) -> None:
        pass

    def work(self, job: Job) -> Mapping[str, Any]:
        try:
            pcm, clipped = decode(job.blob)
        except Refused as refusal:
            raise EngineError(refusal.reason, str(refusal)) from refusal
        except MemoryError as error:
            text = "This recording takes too much memory to decode."
            raise EngineError("FILE_TOO_LONG", text) from error
        job.write(pcm)
        return {"rate": RATE, "clipped": clipped}
