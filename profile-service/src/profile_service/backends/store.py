"""What an audio store has to do, so that database and files never disagree.

A file is written once under a key of its own and never changed. The order, and what a crash
between two steps leaves::

    stage(key)      durable, but not there yet      crash ▶ recover() discards it
    commit          the row names the key           crash ▶ recover() publishes it
    publish(key)    there
    ...
    commit          the row is gone, the key is in ``audio_trash``
    remove(key)     gone                            crash ▶ removed at start, by ``audio_trash``

So a published file always had its row, and a row always has its file, staged or published.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, Protocol

RAW, TTS, PROFILES = "raw", "tts", "profiles"
KINDS = (RAW, TTS, PROFILES)
"""What is said, what is answered, and references of voices: the first part of every key."""


@dataclass(frozen=True)
class StoredFile:
    """A published file: its key and its size in bytes."""

    key: str
    size: int


class AudioStore(Protocol):
    """Blocking: called on worker threads only. Every method may raise OSError.

    A key is relative, has ``/`` between its parts, begins with one of `KINDS`.
    """

    def open(self) -> None:
        """Make ready for writing. Opening twice is harmless."""

    def close(self) -> None:
        """Give up what `open` took."""

    def stage(self, key: str, data: bytes) -> None:
        """Keep `data` durably under `key`, unpublished.

        Raises:
            StorageFull: there is no room; nothing is left of it.
        """

    def publish(self, keys: Iterable[str]) -> None:
        """Make staged files readable, durably. Publishing twice is harmless."""

    def discard(self, keys: Iterable[str]) -> None:
        """Forget staged files. Discarding what is not there is harmless."""

    def read(self, key: str) -> BinaryIO:
        """The file, staged or published.

        Raises:
            FileNotFoundError: there is none.
        """

    def remove(self, keys: Iterable[str]) -> None:
        """Remove published files. Removing what is not there is harmless."""

    def files(self) -> Iterator[StoredFile]:
        """All published files."""

    def recover(self, kept: Callable[[list[str]], set[str]]) -> None:
        """Publish or discard what writers that are dead had staged.

        Args:
            kept: says which of the keys the database names.
        """

    def free_bytes(self) -> int:
        """What the disk has left."""

    def removals_held(self) -> AbstractContextManager[None]:
        """While held, no process removes a file: a backup copies what its snapshot names."""
