"""The compose files as Compose lays them over each other, without Compose.

Source: the Compose specification, chapters "Merge" and "Interpolation".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
BASE = ROOT / "docker-compose.yml"
OVERLAYS = sorted((ROOT / "deploy").glob("compose.*.yml"))
_REPLACED = {"command", "entrypoint", "test"}
"""Lists that an overlay replaces; to others it adds."""
_VARIABLE = re.compile(r"\$\{(\w+)(?:(:-|:\?)((?:[^${}]|\$\{[^{}]*\})*))?\}")


@dataclass(frozen=True)
class Override:
    """A value tagged `!override`: it takes the place of what is below."""

    value: Any


@dataclass(frozen=True)
class Reset:
    """A value tagged `!reset`: what is below goes."""


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML ships no types
    """YAML with Compose's two tags."""


def _override(loader: _Loader, node: yaml.Node) -> Override:
    if isinstance(node, yaml.SequenceNode):
        return Override(loader.construct_sequence(node, deep=True))
    if isinstance(node, yaml.MappingNode):
        return Override(loader.construct_mapping(node, deep=True))
    return Override(node.value)


_Loader.add_constructor("!override", _override)
_Loader.add_constructor("!reset", lambda *_: Reset())


def load(path: Path) -> dict[str, Any]:
    """One file as it is."""
    return dict(yaml.load(path.read_text(encoding="utf-8"), _Loader))


def overlaid(*overlays: str) -> dict[str, Any]:
    """The base with overlays over it, in order, by their names in `deploy/`."""
    found: dict[str, Any] = load(BASE)
    for name in overlays:
        found = _laid(found, load(ROOT / "deploy" / name), "")
    return found


def _laid(below: Any, above: Any, name: str) -> Any:
    if isinstance(above, Override):
        return above.value
    if isinstance(below, dict) and isinstance(above, dict):
        merged = {**below}
        for key, value in above.items():
            merged[key] = _laid(below.get(key), value, key)
        return {key: value for key, value in merged.items() if not isinstance(value, Reset)}
    if isinstance(below, list) and isinstance(above, list) and name not in _REPLACED:
        if name == "volumes":
            return list(({target(one): one for one in (*below, *above)}).values())
        return [*below, *(one for one in above if one not in below)]
    return above


def target(volume: str) -> str:
    """Where a volume is mounted, in the container."""
    return re.sub(r"\$\{[^}]*\}", "x", volume).split(":")[1]


def filled(value: Any, environment: Mapping[str, str]) -> Any:
    """A value with its variables filled in.

    Raises:
        KeyError: a variable that must be set (`${NAME:?why}`) is not.
    """
    if isinstance(value, dict):
        return {key: filled(one, environment) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(one, environment) for one in value]
    if not isinstance(value, str):
        return value

    def one(found: re.Match[str]) -> str:
        name, kind, otherwise = found.groups()
        if given := environment.get(name):
            return given
        if kind == ":?":
            raise KeyError(name)
        return str(filled(otherwise or "", environment))

    return _VARIABLE.sub(one, value)
