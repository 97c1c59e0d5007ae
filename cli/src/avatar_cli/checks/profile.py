"""Which of the profiles that need no download fits this machine."""

import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

from avatar_cli.checks.finding import Finding
from avatar_cli.tongue import Tongue

_GIB = 2**30
_DEFAULT_GIB, _SMALL_GIB = 1.5, 0.9
"""Memory that must be free: 1.0 and 0.64 GiB were in use after both languages were heard and
spoken (proportional set size of all processes, Linux, 2 cores); the rest is for sessions."""
_CORES = 2
_CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class Machine:
    """What the choice depends on."""

    free_gib: float
    """Memory that can be had without swapping; all of it where AVATAR runs already."""
    cores: int
    avx2: bool | None
    """None: a processor that needs none, or one that does not tell."""

    @classmethod
    def this(cls, *, running: bool) -> "Machine":
        """The one that this runs on. `running`: whether AVATAR has its memory already."""
        memory = psutil.virtual_memory()
        affinity = getattr(os, "sched_getaffinity", None)
        cores = len(affinity(0)) if affinity else os.cpu_count() or 1
        return cls((memory.total if running else memory.available) / _GIB, cores, avx2())


def avx2(machine: str | None = None, cpuinfo: Path = _CPUINFO) -> bool | None:
    """Whether an x86-64 processor has AVX2, without which the default engines are far too slow."""
    if (machine or platform.machine()).lower() not in ("x86_64", "amd64"):
        return None
    if platform.system() == "Darwin":
        return _of_sysctl()
    try:
        lines = cpuinfo.read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    flags = next((line for line in lines if line.startswith("flags")), None)
    return None if flags is None else "avx2" in flags.split()


def fitting(machine: Machine, tongue: Tongue) -> Finding:
    """The default where memory, cores and instructions are enough; else the small one, and why."""
    what = tongue(
        f"{machine.free_gib:.1f} GiB of memory free, {machine.cores} cores",
        f"記憶體可用 {machine.free_gib:.1f} GiB，{machine.cores} 核心",
    )
    lacks = _lacking(machine, tongue)
    if not lacks:
        good = tongue("the default fits (`make run`)", "適合預設組合（`make run`）")
        return Finding("profile", "ok", f"{good}: {what}")
    too_much = tongue("the default asks too much", "預設組合負擔太重")
    remedy = tongue(
        "Use `make run PROFILE=small` (hears English only, speaks like a robot).",
        "請用 `make run PROFILE=small`（只聽得懂英語，聲音機械）。",
    )
    if machine.free_gib < _SMALL_GIB:
        remedy += tongue(
            f" It needs {_SMALL_GIB} GiB as well: close other programs first.",
            f"它也需要 {_SMALL_GIB} GiB，請先關閉其他程式。",
        )
    return Finding("profile", "warning", f"{too_much}: {what}; {', '.join(lacks)}", remedy)


def _lacking(machine: Machine, tongue: Tongue) -> list[str]:
    """What the default profile misses."""
    lacks = []
    if machine.free_gib < _DEFAULT_GIB:
        lacks.append(tongue(f"it needs {_DEFAULT_GIB} GiB", f"需要 {_DEFAULT_GIB} GiB"))
    if machine.cores < _CORES:
        lacks.append(tongue(f"it needs {_CORES} cores", f"需要 {_CORES} 核心"))
    if machine.avx2 is False:
        lacks.append(tongue("the processor has no AVX2", "處理器沒有 AVX2"))
    return lacks


def _of_sysctl() -> bool | None:
    asked = ["sysctl", "-n", "machdep.cpu.leaf7_features"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return "AVX2" in done.stdout.split()
