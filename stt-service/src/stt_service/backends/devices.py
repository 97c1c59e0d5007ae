"""Which device recognition takes: one policy for every service (`DEVICE`)."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from avatar_contract.errors import SttUnavailable


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU that the driver shows."""

    index: int
    total_mib: int


def choose(policy: str, gpus: Sequence[Gpu]) -> str:
    """``cpu`` or ``cuda:N``.

    `auto`: the second largest GPU (the largest is the model server's), the only one where there is
    one, the CPU where there is none.

    Raises:
        SttUnavailable: a GPU was asked for that is not there.
    """
    if policy == "cpu":
        return "cpu"
    if policy == "auto":
        ranked = sorted(gpus, key=lambda gpu: (-gpu.total_mib, gpu.index))
        return f"cuda:{ranked[min(1, len(ranked) - 1)].index}" if ranked else "cpu"
    kind, _, index = policy.partition(":")
    if kind != "cuda" or not index.isdigit():
        raise SttUnavailable(f"DEVICE={policy}: set auto, cpu or cuda:N.")
    if int(index) not in {gpu.index for gpu in gpus}:
        there = ", ".join(f"cuda:{gpu.index}" for gpu in gpus) or "none"
        raise SttUnavailable(
            f"DEVICE={policy} is not there (found: {there}). Run `avatar doctor`, "
            "or set DEVICE=cpu."
        )
    return policy


def gpus() -> list[Gpu]:
    """The GPUs of this machine, by the driver's own tool; blocks for a moment."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    asked = [program, "--query-gpu=index,memory.total", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return []  # a tool without a working driver is a machine without a GPU
    rows = (line.split(",") for line in done.stdout.splitlines() if "," in line)
    return [Gpu(int(index), int(total)) for index, total in rows]
