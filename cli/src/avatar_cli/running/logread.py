"""Reading the log files of a copy: the last lines, and those that follow."""

import heapq
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from avatar_cli.running import logview

_POLL_S = 0.3


def names(folder: Path) -> list[str]:
    """Services that have a log."""
    return sorted(p.stem for p in folder.glob("*.jsonl"))


def last(
    folder: Path, services: Iterable[str], count: int, *, chatter: bool = False
) -> list[tuple[str, str]]:
    """The last `count` lines of all services together, in order of time, each with its service.

    `chatter`: also what web servers say of themselves.
    """
    stamped = heapq.nlargest(
        count,
        (
            (stamp, number, name, line)
            for name in services
            for number, (stamp, line) in enumerate(_stamped(folder, name, chatter))
        ),
    )
    return [(name, line) for _, _, name, line in reversed(stamped)]


def _stamped(folder: Path, name: str, chatter: bool) -> Iterator[tuple[str, str]]:
    """Lines with the time they carry; those without one keep the time of the line before."""
    stamp = ""
    for path in (folder / f"{name}.jsonl.1", folder / f"{name}.jsonl"):
        if not path.is_file():
            continue
        for line in path.read_text("utf-8", errors="replace").splitlines():
            fields = logview.parse(line)
            stamp = str(fields.get("timestamp", stamp)) if fields else stamp
            if chatter or not (fields and logview.is_chatter(fields)):
                yield stamp, line


class Follower:
    """New lines of several files as they come; notices when a file was turned over."""

    def __init__(self, folder: Path, services: Iterable[str]) -> None:
        self._paths = {name: folder / f"{name}.jsonl" for name in services}
        self._at = {name: (self._inode(name), self._size(name)) for name in self._paths}
        self._rest = dict.fromkeys(self._paths, "")

    def lines(self) -> Iterator[tuple[str, str]]:
        """Runs until interrupted."""
        while True:
            yield from self.new()
            time.sleep(_POLL_S)

    def new(self) -> Iterator[tuple[str, str]]:
        """What has come since the last call."""
        for name in self._paths:
            text = self._rest[name] + self._read(name)
            *whole, self._rest[name] = text.split("\n")
            for line in whole:
                yield name, line

    def _read(self, name: str) -> str:
        inode, at = self._at[name]
        now = self._inode(name)
        if now != inode:
            at = 0
        if now is None:
            return ""
        with self._paths[name].open("rb") as file:
            file.seek(at)
            data = file.read()
        self._at[name] = (now, at + len(data))
        return data.decode("utf-8", "replace")

    def _inode(self, name: str) -> int | None:
        path = self._paths[name]
        return path.stat().st_ino if path.is_file() else None

    def _size(self, name: str) -> int:
        path = self._paths[name]
        return path.stat().st_size if path.is_file() else 0
