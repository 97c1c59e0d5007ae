"""The threads that decoding may use, all of them bounded.

A container is pulled by libav, not pushed: its thread sleeps in `read` for as long as the stream
is open, so each open container costs one thread. The short pool is for resampling big pieces.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from avatar_contract.errors import ServerFull

T = TypeVar("T")


class DecodeWorkers:
    """Owns the slots for open containers and a small pool; one per gateway process."""

    def __init__(self, max_containers: int = 64, threads: int = 2) -> None:
        self._slots = threading.BoundedSemaphore(max_containers)
        self._max_containers = max_containers
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
        self._lock = threading.Lock()
        self._closers: dict[int, Callable[[], None]] = {}
        self._ids = 0

    @property
    def open_containers(self) -> int:
        """Containers whose thread is alive."""
        with self._lock:
            return len(self._closers)

    async def call(self, work: Callable[[], T]) -> T:
        """Run short CPU work on the pool."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def start(self, work: Callable[[], None], close: Callable[[], None]) -> None:
        """Run `work` on a thread of its own; raises `ServerFull` when none is free.

        `close` must make `work` end soon; it is called when the workers are closed.
        """
        if not self._slots.acquire(blocking=False):
            raise ServerFull(
                f"{self._max_containers} WebM, Ogg or mp4 streams are being decoded already. "
                "Try again in a moment, or send pcm_s16le, which needs no decoder."
            )
        with self._lock:
            self._ids += 1
            ticket = self._ids
            self._closers[ticket] = close

        def run() -> None:
            try:
                work()
            finally:
                with self._lock:
                    del self._closers[ticket]
                self._slots.release()

        try:
            threading.Thread(target=run, name=f"decode-container-{ticket}", daemon=True).start()
        except RuntimeError as error:
            with self._lock:
                del self._closers[ticket]
            self._slots.release()
            raise ServerFull("The system gives no further thread for decoding.") from error

    def close(self) -> None:
        """Close every open container and the pool."""
        with self._lock:
            closers = list(self._closers.values())
        for close in closers:
            close()
        self._pool.shutdown(wait=False, cancel_futures=True)
