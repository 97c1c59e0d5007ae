"""Locks follow from their inputs, name no index, pin everything by hash and bring no torch."""

import re
from pathlib import Path

import pytest

import lock

PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", re.MULTILINE)
LOCKS = lock.plan()


def pins(path: Path) -> set[tuple[str, str]]:
    return {(name, version) for name, version in PIN.findall(path.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("entry", LOCKS, ids=lambda entry: entry.name)
def test_lock_is_fresh(entry: lock.Lock) -> None:
    assert lock.recorded_inputs(entry.path) == entry.inputs, "run `make lock`"


@pytest.mark.parametrize("entry", LOCKS, ids=lambda entry: entry.name)
def test_every_pin_has_hashes(entry: lock.Lock) -> None:
    text = entry.path.read_text(encoding="utf-8")
    blocks = re.split(r"(?m)^(?=[a-z0-9])", text)[1:]
    assert blocks
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("entry", LOCKS, ids=lambda entry: entry.name)
def test_no_torch(entry: lock.Lock) -> None:
    """An engine's own environment may have what belongs to torch; torch itself comes first."""
    names = {name for name, _ in pins(entry.path)}
    assert not names & {"torch", "vllm"}
    assert [name for name in names if name.startswith(("nvidia", "cuda"))] == []
    if entry.name.removeprefix("engine-") not in lock.ENGINES:
        assert not names & {"torchaudio", "torchcodec", "triton"}


@pytest.mark.parametrize(
    "entry", [entry for entry in LOCKS if entry.name in lock.SERVICES], ids=lambda entry: entry.name
)
def test_images_run_what_the_tests_ran(entry: lock.Lock) -> None:
    assert pins(entry.path) <= pins(lock.LOCKS / "run.lock")


@pytest.mark.parametrize("engine", lock.ENGINES)
def test_engines_are_pinned_and_torch_is_named_beforehand(engine: str) -> None:
    (inputs,) = lock.ROOT.glob(f"*-service/engines/{engine}.in")
    written = inputs.read_text(encoding="utf-8")
    entry = next(one for one in LOCKS if one.name == f"engine-{engine}")
    pinned = set(re.findall(r"(?m)^([\w-]+)(?:\[\w+\])?==(\S+)", written))
    assert pinned
    assert pinned <= pins(entry.path)
    first = [line for line in entry.path.read_text("utf-8").splitlines() if "# first:" in line]
    assert first == ([f"# first: {lock.TORCH}"] if lock.TORCH in lock.ENGINES[engine] else [])


def test_every_engine_has_a_lock() -> None:
    assert set(lock.ENGINES) == {path.stem for path in lock.ROOT.glob("*-service/engines/*.in")}


def test_dev_holds_all_of_run_build_and_node() -> None:
    dev = pins(lock.LOCKS / "dev.lock")
    assert pins(lock.LOCKS / "run.lock") <= dev
    assert pins(lock.LOCKS / "build.lock") <= dev
    assert pins(lock.LOCKS / "node.lock") <= dev


def test_locks_hold_no_address(tracked: list[Path]) -> None:
    locks = [path for path in tracked if path.suffix == ".lock" or path.name == "package-lock.json"]
    assert len(locks) > len(LOCKS)
    assert [path.name for path in locks if re.search(r"https?://", path.read_text("utf-8"))] == []


def test_lock_notices_a_change(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lock, "LOCKS", tmp_path)
    entry = lock.Lock("x", ("a>=1", "b"))
    entry.path.write_text(lock.header(entry), encoding="utf-8")
    assert entry.is_fresh
    assert not lock.Lock("x", ("a>=2", "b")).is_fresh
