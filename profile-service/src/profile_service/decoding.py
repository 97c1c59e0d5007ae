"""Decoding of uploads, each in a process that may be killed."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass

import numpy as np

from avatar_contract.errors import BadAudio

TIMEOUT_S = 40.0


@dataclass(frozen=True)
class Recording:
    """A decoded upload: mono samples, int16, their rate in Hz, and the clipped part of them."""

    samples: np.ndarray
    rate: int
    clipped: float


class Decoder:
    """Decodes at most `workers` uploads at once; others wait."""

    def __init__(self, workers: int) -> None:
        self._free = asyncio.Semaphore(workers)

    async def decode(self, upload: bytes) -> Recording:
        """The recording in `upload`: wav, mp3, m4a, flac, ogg or webm.

        Raises:
            BadAudio: it is none of these, is damaged, or costs too much to decode.
        """
        if not upload:
            raise BadAudio("This file is empty.")
        async with self._free:
            answer = await _ask(upload)
        line, _, pcm = answer.partition(b"\n")
        if not line:
            raise BadAudio("This recording can't be decoded: it is damaged or far too large.")
        head = json.loads(line)
        if "error" in head:
            raise BadAudio(head["error"])
        return Recording(np.frombuffer(pcm, "<i2"), head["rate"], head["clipped"])


async def _ask(upload: bytes) -> bytes:
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "profile_service.decode_worker",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )
    try:
        async with asyncio.timeout(TIMEOUT_S):
            answer, _ = await worker.communicate(upload)
        return answer
    except TimeoutError as error:
        raise BadAudio("This recording takes too long to decode.") from error
    finally:
        if worker.returncode is None:
            worker.kill()
            await worker.wait()
