"""Write docs/settings.md and .env.example from the settings classes.

    python tools/settings_reference.py            write both
    python tools/settings_reference.py --check    change nothing; exit 1 when one is stale

A setting's explanation is the docstring under its field, so there is one place to keep.
"""

import argparse
import importlib
import importlib.util
import inspect
import json
import re
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "settings.md"
EXAMPLE = ROOT / ".env.example"
MODULES = {
    "gateway.settings": "gateway",
    "stt_service.settings": "stt-service (hearing)",
    "llm_service.settings": "llm-service (the demo responder)",
    "tts_service.settings": "tts-service (speaking)",
    "profile_service.settings": "profile-service (what is kept)",
    "avatar_cli.settings": "the command `avatar`",
}


@dataclass(frozen=True)
class Setting:
    """One setting: the environment names that it answers to, and what its class says of it."""

    names: tuple[str, ...]
    kind: str
    default: str
    text: str


def classes(module: str) -> Iterator[type[BaseSettings]]:
    """The settings classes that a module defines itself."""
    for _, found in inspect.getmembers(importlib.import_module(module), inspect.isclass):
        if issubclass(found, BaseSettings) and found.__module__ == module:
            yield found


def environment_names(cls: type[BaseSettings], name: str, field: FieldInfo) -> tuple[str, ...]:
    """The names that pydantic-settings reads for a field, most telling first."""
    alias = field.validation_alias
    if alias is None:
        return (f"{cls.model_config.get('env_prefix', '')}{name}".upper(),)
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    names = [choice for choice in choices if isinstance(choice, str)]
    return tuple(dict.fromkeys(choice.upper() for choice in names if choice != name)) or (
        name.upper(),
    )


def kind_of(annotation: object) -> str:
    """A type in a reader's words: `integer`, `true or false`, `fast or hq`."""
    if annotation is SecretStr:
        return "secret"
    plain = {str: "text", int: "integer", float: "number", bool: "true or false", Path: "path"}
    if isinstance(annotation, type) and annotation in plain:
        return plain[annotation]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(f"`{member.value}`" for member in annotation)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return kind_of(arguments[0])
    if origin is typing.Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(kind_of(part) for part in arguments if part is not type(None))
    return "JSON" if origin else getattr(annotation, "__name__", str(annotation))


def default_of(field: FieldInfo) -> str:
    """The default as it would be written in the environment; empty when there is none."""
    if field.default_factory is not None:
        return "(by machine)"
    value = field.default
    if value is PydanticUndefined or value is None:
        return ""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, (list, tuple, set, frozenset, dict)):
        return json.dumps(sorted(value) if isinstance(value, (set, frozenset)) else value)
    return str(value)


def settings_of(cls: type[BaseSettings]) -> Iterator[Setting]:
    for name, field in cls.model_fields.items():
        text = " ".join((field.description or "").split())
        names = environment_names(cls, name, field)
        yield Setting(names, kind_of(field.annotation), default_of(field), text)


def sections() -> list[tuple[str, list[Setting]]]:
    """A title and its settings, for each module that exists; what all share comes first, once."""
    found = []
    for module, title in MODULES.items():
        if importlib.util.find_spec(module.split(".", maxsplit=1)[0]) is None:
            continue
        if importlib.util.find_spec(module) is None:
            continue
        found.append((title, [setting for cls in classes(module) for setting in settings_of(cls)]))
    seen: dict[tuple[str, ...], int] = {}
    for _, settings in found:
        for setting in settings:
            seen[setting.names] = seen.get(setting.names, 0) + 1
    common = {
        setting.names: setting
        for _, settings in found
        for setting in settings
        if seen[setting.names] > 1
    }
    rest = [(title, [s for s in settings if s.names not in common]) for title, settings in found]
    return [("all services", list(common.values())), *rest]


def cell(text: str) -> str:
    return re.sub(r"(?<!\\)\|", r"\\|", text)


def reference() -> str:
    """docs/settings.md."""
    lines = [
        "# Settings",
        "",
        "Made by `make docs` from the settings classes; a test holds it to them. Every setting is",
        "read from the environment; `docker compose` also reads a file `.env` beside its own.",
        "`avatar up` picks the ports and addresses of the inner services itself.",
    ]
    for title, settings in sections():
        lines += ["", f"## {title[0].upper()}{title[1:]}", ""]
        lines += ["| name | value | default | meaning |", "|---|---|---|---|"]
        for setting in settings:
            names = ", ".join(f"`{name}`" for name in setting.names)
            default = f"`{setting.default}`" if setting.default else ""
            cells = (names, setting.kind, default, setting.text)
            lines.append(f"| {' | '.join(cell(text) for text in cells)} |")
    return "\n".join(lines) + "\n"


def example() -> str:
    """.env.example: each setting, commented out, with its default."""
    lines = [
        "# Copy to .env and uncomment what you change. Made by `make docs` from the settings",
        "# classes; the same as a table: docs/settings.md.",
        *compose_lines(),
    ]
    for title, settings in sections():
        lines += ["", f"# ---- {title}"]
        for setting in settings:
            default = "" if setting.default.startswith("(") else setting.default
            lines += ["", f"# {setting.text}", f"#{setting.names[0]}={default}"]
    return "\n".join(lines) + "\n"


def compose_lines() -> list[str]:
    """The part of .env.example that is written by hand, for what only compose reads."""
    path = ROOT / "deploy" / "compose.env"
    if not path.is_file():
        return []
    return ["", *path.read_text(encoding="utf-8").rstrip("\n").splitlines()]


def outputs() -> dict[Path, str]:
    return {REFERENCE: reference(), EXAMPLE: example()}


def stale() -> list[Path]:
    """The files that differ from what would be written."""
    return [
        path
        for path, text in outputs().items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description="Write docs/settings.md and .env.example.")
    parser.add_argument("--check", action="store_true", help="exit 1 when one is stale")
    if parser.parse_args().check:
        for path in (late := stale()):
            print(f"{path.relative_to(ROOT)} is stale: run `make docs`")
        return 1 if late else 0
    for path, text in outputs().items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
