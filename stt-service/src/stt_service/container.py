"""Any recording becomes mono 16 kHz ``pcm_s16le``: decoded by PyAV off the event loop, bounded."""

import asyncio
import io
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import av

from avatar_contract.audio import HOUSE_RATE
from avatar_contract.errors import AvatarError, BadAudio, PayloadTooLarge

_MOST_WORK_S = 60.0


class Decoder:
    """Two recordings at once; the others wait their turn."""

    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s
        self._workers = ThreadPoolExecutor(2, "decode")

    async def decode(self, data: bytes) -> bytes:
        """The samples of a recording in any container and codec that FFmpeg knows.

        Raises:
            BadAudio: empty, not audio, or broken.
            PayloadTooLarge: longer than allowed.
        """
        work = partial(decode, data, self._longest_s)
        return await asyncio.get_running_loop().run_in_executor(self._workers, work)

    def close(self) -> None:
        """Ends the threads once they are done."""
        self._workers.shutdown(wait=False, cancel_futures=True)


def decode(data: bytes, longest_s: float) -> bytes:
    """As `Decoder.decode`, blocking. A recording that breaks off keeps what could be read."""
    if not data:
        raise BadAudio("The file is empty.")
    pcm = bytearray()
    try:
        with av.open(io.BytesIO(data), mode="r", metadata_errors="ignore") as container:
            _read(container, pcm, int(longest_s * HOUSE_RATE) * 2)
    except AvatarError:
        raise
    except (av.FFmpegError, ValueError, OSError) as cause:
        if not pcm:
            raise BadAudio(
                "This is no audio that can be read: send wav, flac, mp3, m4a, ogg or webm."
            ) from cause
    if not pcm:
        raise BadAudio("There is no sound in this file.")
    return bytes(pcm)


def _read(container: av.container.InputContainer, pcm: bytearray, most_bytes: int) -> None:
    if not container.streams.audio:
        raise BadAudio("There is no audio track in this file.")
    resampler = av.AudioResampler(format="s16", layout="mono", rate=HOUSE_RATE)
    give_up = time.monotonic() + _MOST_WORK_S
    for frame in container.decode(audio=0):
        for piece in resampler.resample(frame):
            pcm += bytes(piece.planes[0])[: piece.samples * 2]
        if len(pcm) > most_bytes:
            seconds = most_bytes / 2 / HOUSE_RATE
            raise PayloadTooLarge(f"A recording may last {seconds:.0f} s: send it in pieces.")
        if time.monotonic() > give_up:
            raise BadAudio("This file takes too long to decode: send it as wav or flac.")
    for piece in resampler.resample(None):
        pcm += bytes(piece.planes[0])[: piece.samples * 2]
