"""Which device an engine takes: one policy for every engine with weights."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Gpu:
    """A GPU as the engine's library sees it; MiB."""

    index: int
    total_mib: int
    free_mib: int


@dataclass(frozen=True)
class Choice:
    """The device, and what to tell when it is not what was asked for."""

    device: str
    notice: str | None = None


def choose(policy: str, gpus: Sequence[Gpu], needs_mib: int) -> Choice:
    """The device for an engine that needs `needs_mib`.

    `auto`: the second largest GPU (the largest is the model server's), the only one where there
    is one, the CPU where there is none. A GPU that is absent or full means the CPU, with a notice.
    """
    if policy == "cpu":
        return Choice("cpu")
    if policy == "auto":
        if not gpus:
            return Choice("cpu")
        ranked = sorted(gpus, key=lambda gpu: (-gpu.total_mib, gpu.index))
        wanted = ranked[min(1, len(ranked) - 1)]
    else:
        index = int(policy.partition(":")[2])
        found = [gpu for gpu in gpus if gpu.index == index]
        if not found:
            return Choice("cpu", f"{policy} is not there: speech is made on the CPU, slowly.")
        wanted = found[0]
    if wanted.free_mib < needs_mib:
        return Choice(
            "cpu",
            f"cuda:{wanted.index} has {wanted.free_mib} MiB free and {needs_mib} are needed: "
            "speech is made on the CPU, slowly.",
        )
    return Choice(f"cuda:{wanted.index}")
