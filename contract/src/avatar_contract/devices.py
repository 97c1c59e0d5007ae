"""Which device an engine with weights takes: one policy for every service (`DEVICE`).

==========  ==========================================================================
`cpu`       the CPU
`auto`      a GPU where there is one that can be used, else the CPU, and that is told
`cuda:N`    this GPU; where it is absent, the engine refuses to start and says what to do
`cuda`      the GPU that `auto` would take, on the same terms
==========  ==========================================================================

A GPU that is there and full means the CPU, with a notice, also where it was named: who fills it
may leave. A machine without a GPU is told the same and is not degraded: the CPU is all it has. On
the standard library alone: an engine's own environment has nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass

PATTERN = r"^(auto|cpu|cuda(:\d+)?)$"
"""Of the setting."""


class DeviceMissing(Exception):
    """A GPU was asked for that is not there; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU of this machine; MiB."""

    index: int
    total_mib: int
    free_mib: int | None = None
    """None: not known, and not asked."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The device, and what to tell where it is the CPU without having been asked for."""

    device: str
    notice: str | None = None
    degraded: bool = False
    """Whether there is a GPU that was meant and can't be used."""


def choose(
    policy: str, gpus: Sequence[Gpu], needs_mib: int = 0, failure: str | None = None
) -> Choice:
    """The device for an engine that needs `needs_mib` of a GPU's memory.

    `failure` is why no GPU could be seen although a driver is installed. `auto` takes the second
    largest GPU (the largest is the model server's), the only one where there is one.

    Raises:
        DeviceMissing: a GPU was asked for that is not there.
    """
    if policy == "cpu":
        return Choice("cpu")
    if not gpus and policy == "auto":
        if failure:
            return instead_of("The GPU", f"can't be seen ({failure}; run `avatar doctor`)")
        return Choice("cpu", "No GPU was found: the CPU is used. Set DEVICE=cpu if that is meant.")
    wanted = _wanted(policy, gpus)
    if wanted is None:
        there = ", ".join(f"cuda:{gpu.index}" for gpu in gpus) or failure or "none"
        raise DeviceMissing(
            f"DEVICE={policy} is not there (found: {there}). Run `avatar doctor`, "
            "or set DEVICE=auto, which takes the CPU where there is no GPU."
        )
    if wanted.free_mib is not None and wanted.free_mib < needs_mib:
        return instead_of(
            f"cuda:{wanted.index}", f"has {wanted.free_mib} MiB free and {needs_mib} are needed"
        )
    return Choice(f"cuda:{wanted.index}")


def instead_of(device: str, why: str) -> Choice:
    """The CPU, because `device` can't be used; `why` goes on after its name."""
    return Choice("cpu", f"{device} {why}: the CPU is used, which is slow.", degraded=True)


def _wanted(policy: str, gpus: Sequence[Gpu]) -> Gpu | None:
    _, _, index = policy.partition(":")
    if index:
        return next((gpu for gpu in gpus if gpu.index == int(index)), None)
    ranked = sorted(gpus, key=lambda gpu: (-gpu.total_mib, gpu.index))
    return ranked[min(1, len(ranked) - 1)] if ranked else None
