"""Tests that can't fail, or don't run, are worse than none."""

import ast
from pathlib import Path

CHECKS = (
    "assert",
    "expect",
    "check",
    "raises",
    "fail",
    "warns",
    "until",
    "timeout",
    "wait_for",
    "settle",
)
"""The last four end a test by themselves, when what they wait for does not come."""


def functions(module: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [
        node
        for node in ast.walk(module)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.name.startswith("test_")
    ]


def called(node: ast.Call) -> str:
    """The last name of what is called: `raises` of `pytest.raises(...)`."""
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def can_fail(function: ast.AST) -> bool:
    """Whether it asserts, or calls something named after a check."""
    return any(
        isinstance(node, ast.Assert)
        or (isinstance(node, ast.Call) and called(node).lstrip("_").startswith(CHECKS))
        for node in ast.walk(function)
    )


def test_every_test_asserts(test_modules: dict[Path, ast.Module], root: Path) -> None:
    idle = [
        f"{path.relative_to(root)}::{function.name}"
        for path, module in test_modules.items()
        for function in functions(module)
        if not can_fail(function)
    ]
    assert idle == []


def test_nothing_is_skipped(test_modules: dict[Path, ast.Module], root: Path) -> None:
    skipping = {"skip", "skipif", "xfail", "importorskip"}
    found = [
        f"{path.relative_to(root)}:{node.lineno}"
        for path, module in test_modules.items()
        for node in ast.walk(module)
        if isinstance(node, ast.Attribute) and node.attr in skipping
    ]
    assert found == []


def test_names_are_unique(test_modules: dict[Path, ast.Module], root: Path) -> None:
    """A second function of the same name replaces the first, which then never runs."""
    doubled = []
    for path, module in test_modules.items():
        for scope in [module, *(n for n in ast.walk(module) if isinstance(n, ast.ClassDef))]:
            names = [
                n.name for n in scope.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))
            ]
            doubled += [
                f"{path.relative_to(root)}::{name}" for name in set(names) if names.count(name) > 1
            ]
    assert doubled == []


def test_an_idle_test_is_recognised() -> None:
    module = ast.parse(
        "def test_a():\n    print(1)\ndef test_b():\n    with pytest.raises(X): y()\n"
    )
    assert [can_fail(function) for function in functions(module)] == [False, True]
