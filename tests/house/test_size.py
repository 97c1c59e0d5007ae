"""DESIGN 6.10: past about 400 lines, or 60 lines a function, there is a second thing in it."""

import ast
from pathlib import Path

LINES_A_FILE = 400
LINES_A_FUNCTION = 60


def test_files_are_short(sources: list[Path], root: Path) -> None:
    long = {
        str(path.relative_to(root)): lines
        for path in sources
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LINES_A_FILE
    }
    assert long == {}


def test_functions_are_short(sources: list[Path], root: Path) -> None:
    long = {}
    for path in sources:
        if path.suffix != ".py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > LINES_A_FUNCTION:
                    long[f"{path.relative_to(root)}:{node.name}"] = lines
    assert long == {}
