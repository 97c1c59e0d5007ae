"""The repository's files, for tests of its rules."""

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ("generated", "node_modules", "dist", "versions")


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def tracked() -> list[Path]:
    """Every file that is in the repository, or will be with the next commit."""
    # A checkout may belong to another user than the one who tests.
    trusting = ["git", "-c", "safe.directory=*"]
    listing = subprocess.run(
        [*trusting, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [path for name in listing.split("\0") if name and (path := ROOT / name).is_file()]


@pytest.fixture(scope="session")
def sources(tracked: list[Path]) -> list[Path]:
    """Python and TypeScript that people wrote, tests aside."""
    return [
        path
        for path in tracked
        if path.suffix in {".py", ".ts", ".tsx"}
        and not any(part in GENERATED for part in path.parts)
        and not path.name.endswith((".d.ts", ".gen.ts", "generated.ts"))
        and "tests" not in path.relative_to(ROOT).parts
        and ".test." not in path.name
    ]


@pytest.fixture(scope="session")
def test_modules(root: Path) -> dict[Path, ast.Module]:
    """Every Python test file, parsed."""
    return {
        path: ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted((root / "tests").rglob("test_*.py"))
    }
