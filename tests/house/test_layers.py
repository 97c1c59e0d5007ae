"""What import-linter can't see: db/ is scripts, and may know profile_service.tables only."""

import ast
from pathlib import Path

OURS = ("avatar_", "gateway", "llm_service", "profile_service", "stt_service", "tts_service")


def imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def test_migrations_know_the_tables_only(root: Path) -> None:
    strays = {
        f"{path.relative_to(root)}: {name}"
        for path in (root / "db").rglob("*.py")
        for name in imports(path)
        if name.startswith(OURS) and not name.startswith("profile_service.tables")
    }
    assert strays == set()
