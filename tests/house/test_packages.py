"""`import gateway` must find the installed package.

From the repository's root an uninstalled one is found as an empty namespace package, and tests of
it fail in ways that say something else.
"""

import importlib
from pathlib import Path

import pytest

FOLDERS = {
    "avatar_contract": "contract",
    "avatar_cli": "cli",
    "gateway": "gateway",
    "stt_service": "stt-service",
    "llm_service": "llm-service",
    "tts_service": "tts-service",
    "profile_service": "profile-service",
}


@pytest.mark.parametrize(("package", "folder"), FOLDERS.items())
def test_package_is_ours(package: str, folder: str, root: Path) -> None:
    module = importlib.import_module(package)
    assert module.__file__ is not None
    assert Path(module.__file__) == root / folder / "src" / package / "__init__.py"


@pytest.mark.parametrize(("package", "folder"), FOLDERS.items())
def test_package_is_typed(package: str, folder: str, root: Path) -> None:
    assert (root / folder / "src" / package / "py.typed").is_file()
