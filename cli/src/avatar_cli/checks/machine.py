"""The machine: system, Python, memory, processors, disk, graphics card."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import psutil

from avatar_cli.checks.finding import Finding
from avatar_cli.tongue import Tongue

_GIB = 2**30
_LEAST_MEMORY = 2.0
_LEAST_DISK, _GOOD_DISK = 0.3, 2.0


def system(tongue: Tongue, name: str | None = None, kernel: str | None = None) -> Finding:
    """Which system this is and whether it is supported."""
    name = name or platform.system()
    kernel = kernel if kernel is not None else platform.release()
    what = f"{name} {kernel} ({platform.machine()})"
    if name == "Windows":
        return Finding(
            "system",
            "problem",
            what,
            tongue(
                "Windows itself is not supported: install WSL2 (`wsl --install`) and run AVATAR "
                "inside it; the browser on Windows reaches it at localhost.",
                "不直接支援 Windows：請安裝 WSL2（`wsl --install`），在裡面執行 AVATAR；"
                "Windows 上的瀏覽器用 localhost 就能連上。",
            ),
        )
    if name == "Linux" and "microsoft" in kernel.lower():
        return Finding("system", "ok", what + tongue(", inside WSL2: supported", "，WSL2：支援"))
    if name in ("Linux", "Darwin"):
        return Finding("system", "ok", what + tongue(": supported", "：支援"))
    return Finding(
        "system",
        "warning",
        what,
        tongue(
            "Supported are Linux, macOS, and Windows through WSL2; this one may work.",
            "支援 Linux、macOS，以及 Windows 的 WSL2；這個系統沒有試過。",
        ),
    )


def python(tongue: Tongue, version: tuple[int, int] | None = None) -> Finding:
    """Whether this Python will do."""
    found = version or (sys.version_info.major, sys.version_info.minor)
    what = f"{found[0]}.{found[1]} ({sys.prefix})"
    if found < (3, 11):
        return Finding(
            "python",
            "problem",
            what,
            tongue("Python 3.11 or newer is needed.", "需要 Python 3.11 以上。"),
        )
    return Finding("python", "ok", what)


def memory(tongue: Tongue, total_gib: float | None = None) -> Finding:
    """Whether memory and processors are enough for the embedded engines."""
    total = psutil.virtual_memory().total / _GIB if total_gib is None else total_gib
    cores = os.cpu_count() or 1
    what = f"{total:.1f} GiB, {cores} " + tongue("cores", "核心")
    if total < _LEAST_MEMORY or cores < 2:
        return Finding(
            "machine",
            "warning",
            what,
            tongue(
                "2 cores and 2 GiB are the least that feels good; set MAX_SESSIONS=1.",
                "至少 2 核心和 2 GiB 才順暢；請設定 MAX_SESSIONS=1。",
            ),
        )
    return Finding("machine", "ok", what)


def disk(home: Path, tongue: Tongue) -> Finding:
    """Whether the state folder can be written and has room."""
    folder = next(p for p in (home, *home.parents) if p.exists())
    if not os.access(folder, os.W_OK):
        return Finding(
            "disk",
            "problem",
            tongue(f"{folder} can't be written", f"無法寫入 {folder}"),
            tongue(
                "Set AVATAR_HOME to a folder of yours.", "請把 AVATAR_HOME 設成你自己的資料夾。"
            ),
        )
    free = shutil.disk_usage(folder).free / _GIB
    what = tongue(f"{free:.1f} GiB free at {home}", f"{home} 還有 {free:.1f} GiB")
    if free >= _GOOD_DISK:
        return Finding("disk", "ok", what)
    return Finding(
        "disk",
        "problem" if free < _LEAST_DISK else "warning",
        what,
        tongue(
            "Free some space, or set AVATAR_HOME to another disk. Turns are kept with their sound: "
            "about 15 kB a second of speech.",
            "請清出空間，或把 AVATAR_HOME 設到別的磁碟。每一輪的聲音都會保存，每秒約 15 kB。",
        ),
    )


def graphics(tongue: Tongue) -> Finding:
    """Which NVIDIA cards there are; none is fine."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return Finding(
            "gpu",
            "note",
            tongue(
                "no NVIDIA card found; none is needed for the embedded engines",
                "沒有找到 NVIDIA 顯示卡；隨附的引擎不需要",
            ),
        )
    query = [program, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as cause:
        return Finding("gpu", "warning", f"nvidia-smi: {cause}")
    cards = ", ".join(line.strip() for line in done.stdout.splitlines() if line.strip())
    if done.returncode != 0 or not cards:
        return Finding(
            "gpu", "warning", f"nvidia-smi: {(done.stderr or done.stdout).strip()[:200]}"
        )
    return Finding("gpu", "ok", cards)
