"""Bounded workers for what takes a processor: encoding turns."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from profile_service import opus
from profile_service.audiofile import Sound


class Encoder:
    """Encodes on at most `workers` threads; libav lets go of the interpreter while it works."""

    def __init__(self, workers: int) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="opus")

    async def opus(self, wav: bytes) -> Sound | None:
        """Ogg/Opus of a wav; None when it has no sample. Raises BadAudio."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, opus.from_wav, wav)

    def close(self) -> None:
        self._pool.shutdown()
