"""The disk of a SQLite file: what is left of it, and a reserve that gives way when it is full.

A reserve is a file of random bytes. When a write finds the disk full it is cut shorter, a slice at
a time, since another program may take what is left over; it is made whole again when there is
room. One is for words, another for deleting, so that words can't use up what deleting needs (it
writes, too: that the rows are gone).
"""

import os
import shutil
from pathlib import Path

from avatar_contract.service.logs import get_logger

log = get_logger(__name__)

WORDS, DELETING = "words", "deleting"

_SLICE = 1 << 17
_NOTHING_LEFT = 1 << 18
"""With less than this, bytes, an I/O error of the database is one of room."""


class Disk:
    """The disk that `folder` is on.

    Args:
        reserve_bytes: held back for words, and as much again for deleting; 0: nothing is.
    """

    def __init__(self, folder: Path, *, reserve_bytes: int = 0) -> None:
        self._folder = folder
        self._reserves = folder / "reserve"
        self._size = reserve_bytes
        self.gave_way = False
        """Whether a reserve is not whole, as of the last look."""

    def free_bytes(self) -> int:
        return shutil.disk_usage(self._folder).free

    def has_nothing_left(self) -> bool:
        try:
            return self.free_bytes() < _NOTHING_LEFT
        except OSError:
            return False

    def look(self) -> None:
        """Make the reserves whole again where there is room. Blocking."""
        if self._size == 0:
            return
        for name in (DELETING, WORDS):
            # Twice: what has just become free is somebody's need.
            if self._left(name) < self._size and self.free_bytes() >= 2 * self._size:
                self._fill(self._reserves / name)
        self.gave_way = any(self._left(name) < self._size for name in (DELETING, WORDS))

    def give_way(self, *, for_deleting: bool = False) -> bool:
        """Free a slice of the reserve for words, and for deleting of the other one after it.

        False when nothing is left. Blocking.
        """
        for name in (WORDS, DELETING) if for_deleting else (WORDS,):
            left = self._left(name)
            if left:
                os.truncate(self._reserves / name, max(0, left - _SLICE))
                log.warning("disk.reserve_used", reserve=name, left=left)
                self.gave_way = True
                return True
        return False

    def _left(self, name: str) -> int:
        try:
            return (self._reserves / name).stat().st_size
        except FileNotFoundError:
            return 0

    def _fill(self, path: Path) -> None:
        temporary = path.with_suffix(".part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                # Random: a file system that compresses would hold nothing back for zeros.
                for _ in range(0, self._size, _SLICE):
                    file.write(os.urandom(_SLICE))
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            log.warning("disk.no_reserve", reserve=path.name, exc=error)
