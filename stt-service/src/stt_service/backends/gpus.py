"""The GPUs of this machine, without a library that would take hold of them."""

import shutil
import subprocess

from avatar_contract.devices import Gpu

_NONE = "No devices were found"


def gpus() -> tuple[list[Gpu], str | None]:
    """By the driver's own tool, and why that failed if it did; blocks for a moment."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return [], None
    asked = [program, "--query-gpu=index,memory.total", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        return [], f"nvidia-smi: {error}"
    if done.returncode:
        why = (done.stderr + done.stdout).strip() or f"exit code {done.returncode}"
        return [], None if why.startswith(_NONE) else f"nvidia-smi: {why.splitlines()[0]}"
    rows = (line.split(",") for line in done.stdout.splitlines() if "," in line)
    return [Gpu(int(index), int(total)) for index, total in rows], None
