"""Many requests at once, and what they and their process took."""

import asyncio
import subprocess
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from avatar_contract.errors import AvatarError

MIB = 2**20


@dataclass(frozen=True)
class Asked:
    """What one request took, ms from the asking."""

    first_ms: float
    """To the first of the answer."""
    whole_ms: float
    audio_s: float
    """Of sound heard or made."""


@dataclass(frozen=True)
class Level:
    """What so many at once took."""

    at_once: int
    requests: int
    refused: list[str]
    """Codes of the requests that were refused."""
    first_p50_ms: float | None
    """None, here and below: all were refused."""
    first_max_ms: float | None
    p50_ms: float | None
    max_ms: float | None
    rtf: float | None
    """Seconds that passed for each second of sound, all requests together."""
    requests_a_s: float
    resident_mib: float
    """Of the engine's process, at its end."""
    peak_mib: float
    """The most that it ever had."""
    gpu_mib: float | None = None

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            name: round(value, 3) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }


async def level(ask: Callable[[], Awaitable[Asked]], at_once: int, rounds: int, pid: int) -> Level:
    """`rounds` times `at_once` requests, each round when the one before is over."""
    taken: list[Asked] = []
    refused: list[str] = []
    began = time.perf_counter()
    for _ in range(rounds):
        answers = await asyncio.gather(*(ask() for _ in range(at_once)), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, AvatarError):
                refused.append(str(answer.code))
            elif isinstance(answer, BaseException):
                raise answer
            else:
                taken.append(answer)
    passed = time.perf_counter() - began
    firsts = sorted(one.first_ms for one in taken) or [None]
    wholes = sorted(one.whole_ms for one in taken) or [None]
    audio_s = sum(one.audio_s for one in taken)
    resident, peak = memory(pid)
    return Level(
        at_once,
        rounds * at_once,
        refused,
        median(firsts),
        firsts[-1],
        median(wholes),
        wholes[-1],
        passed / audio_s if audio_s else None,
        len(taken) / passed,
        resident,
        peak,
        gpu_memory(pid),
    )


def child(mark: str) -> int:
    """The process id of the only child of ours that has `mark` on its command line."""
    children = psutil.Process().children()
    (found,) = [one.pid for one in children if mark in one.cmdline()]
    return found


def median(ordered: list[Any]) -> Any:
    """The middle one, or between the two middle ones."""
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def memory(pid: int) -> tuple[float, float]:
    """MiB resident now, and at most since the process began (where the system tells).

    Both are 0 for a process that is gone: the service has ended it.
    """
    if not psutil.pid_exists(pid):
        return 0.0, 0.0
    now = psutil.Process(pid).memory_info().rss / MIB
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return now, now
    lines = status.read_text(encoding="utf-8").splitlines()
    (peak,) = [line for line in lines if line.startswith("VmHWM:")]
    return now, int(peak.split()[1]) / 1024


def gpu_memory(pid: int) -> float | None:
    """MiB of a GPU that the process holds; None where there is none, or it is not told."""
    for line in _nvidia_smi("--query-compute-apps=pid,used_memory"):
        owner, _, used = line.partition(",")
        if owner.strip() == str(pid):
            return float(used)
    return None


def gpu_names() -> list[str]:
    """The GPUs of this machine."""
    return _nvidia_smi("--query-gpu=name,memory.total")


def _nvidia_smi(question: str) -> list[str]:
    command = ["nvidia-smi", question, "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]
