"""Which profile `avatar doctor` says fits a machine."""

from pathlib import Path

import psutil
import pytest

from avatar_cli.checks import profile
from avatar_cli.checks.profile import Machine, avx2, fitting
from avatar_cli.tongue import Tongue

EN, ZH = Tongue("en"), Tongue("zh")


@pytest.mark.parametrize("has_avx2", [True, None])
def test_the_default_fits_a_plain_laptop(has_avx2: bool | None) -> None:
    found = fitting(Machine(8.0, 2, has_avx2), EN)
    assert found.verdict == "ok"
    assert found.what == "the default fits (`make run`): 8.0 GiB of memory free, 2 cores"
    assert found.remedy == ""


@pytest.mark.parametrize(
    ("machine", "why"),
    [
        (Machine(1.2, 4, True), "it needs 1.5 GiB"),
        (Machine(8.0, 1, True), "it needs 2 cores"),
        (Machine(8.0, 4, False), "the processor has no AVX2"),
    ],
)
def test_what_is_missing_is_told_and_the_small_profile_named(machine: Machine, why: str) -> None:
    found = fitting(machine, EN)
    assert found.verdict == "warning"
    assert found.what.endswith(f"; {why}")
    assert "make run PROFILE=small" in found.remedy
    assert "close other programs" not in found.remedy
    assert "make run PROFILE=small" in fitting(machine, ZH).remedy


def test_memory_that_is_not_enough_for_either_is_told() -> None:
    found = fitting(Machine(0.4, 1, False), EN)
    assert "it needs 1.5 GiB, it needs 2 cores, the processor has no AVX2" in found.what
    assert "close other programs" in found.remedy


@pytest.mark.parametrize(
    ("flags", "has"),
    [
        ("flags\t\t: fpu sse4_1 avx avx2 bmi2", True),
        ("flags\t\t: fpu sse4_1 avx", False),
        ("", None),
    ],
)
def test_instructions_are_read_from_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: str, has: bool | None
) -> None:
    monkeypatch.setattr(profile.platform, "system", lambda: "Linux")
    told = tmp_path / "cpuinfo"
    told.write_text(f"processor\t: 0\n{flags}\n")
    assert avx2("x86_64", told) is has
    assert avx2("aarch64", told) is None
    assert avx2("x86_64", tmp_path / "nothing") is None


def test_memory_that_a_running_copy_has_counts_as_free() -> None:
    memory = psutil.virtual_memory()
    assert Machine.this(running=True).free_gib == memory.total / 2**30
    assert Machine.this(running=False).free_gib < memory.total / 2**30
