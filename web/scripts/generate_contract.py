"""Write web/src/contract/generated.ts from the pydantic models of `avatar_contract`.

Usage: python web/scripts/generate_contract.py [--check]

`--check` writes nothing and exits 1 when the file is stale. Client messages are typed as they may
be sent (fields with a default may be left out), all else as it is received (every field is there).
"""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from avatar_contract.errors import ErrorCode, Problem
from avatar_contract.health import Health
from avatar_contract.records import (
    ConversationPage,
    ConversationView,
    Deleted,
    ResumeGranted,
    VoiceProfile,
    VoiceProfileChange,
    VoiceProfilePage,
)
from avatar_contract.terms import NoticeCode, State
from avatar_contract.wire import PROTOCOL_VERSION, client, server

TARGET = Path(__file__).resolve().parent.parent / "src" / "contract" / "generated.ts"
HEADER = """\
// Made by web/scripts/generate_contract.py from avatar_contract. Don't edit; run that script.
"""

READ: list[Any] = [
    *(ErrorCode, NoticeCode, State, Problem, Health, Deleted),
    *(ConversationPage, ConversationView, ResumeGranted, VoiceProfile, VoiceProfilePage),
]
"""What comes in REST answers, beside the socket's messages."""

SENT: list[Any] = [VoiceProfileChange]
"""What REST requests carry as JSON."""

Schema = dict[str, Any]
SCALARS = {
    "string": "string",
    "boolean": "boolean",
    "null": "null",
    "integer": "number",
    "number": "number",
}


def definitions(members: Iterable[Any], mode: JsonSchemaMode) -> dict[str, Schema]:
    """JSON schemas of `members` and of all that they refer to, by name."""
    found: dict[str, Schema] = {}
    for member in members:
        schema = TypeAdapter(member).json_schema(mode=mode, ref_template="{model}")
        found.update(schema.pop("$defs", {}))
        name = schema.get("title")
        if name and (schema.get("type") == "object" or "enum" in schema):
            found[name] = schema
    return found


def expression(schema: Schema) -> str:
    """The TypeScript type of a JSON schema, in one line."""
    if "$ref" in schema:
        return str(schema["$ref"])
    if "const" in schema or "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema.get("enum", [schema.get("const")]))
    if parts := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
        return " | ".join(dict.fromkeys(expression(part) for part in parts))
    kind = str(schema.get("type"))
    return container(kind, schema) or SCALARS.get(kind, "unknown")


def container(kind: str, schema: Schema) -> str | None:
    """The type of an array or of an object without named fields."""
    if kind == "array":
        return f"Array<{expression(schema.get('items', {}))}>"
    if kind == "object":
        extra = schema.get("additionalProperties")
        return f"Record<string, {expression(extra) if isinstance(extra, dict) else 'unknown'}>"
    return None


def comment(text: str | None, indent: str = "") -> list[str]:
    """`text` as a JSDoc line, its first paragraph only."""
    if not text:
        return []
    first = " ".join(text.split("\n\n")[0].split())
    return [f"{indent}/** {first.replace('*/', '* /')} */"]


def optional(schema: Schema, received: bool) -> bool:
    """Whether a field that isn't required may be absent.

    What is received has its defaults filled in, but the sender may leave nulls out.
    """
    return not received or schema.get("default", ...) is None


def declaration(name: str, schema: Schema, received: bool) -> list[str]:
    """An interface, or a type alias where the schema is no object with fields."""
    lines = comment(schema.get("description"))
    if "properties" not in schema:
        return [*lines, f"export type {name} = {expression(schema)};", ""]
    required = set(schema.get("required", []))
    lines.append(f"export interface {name} {{")
    for field, part in schema["properties"].items():
        lines += comment(part.get("description"), "  ")
        sure = field in required or field == "type"
        mark = "" if sure or not optional(part, received) else "?"
        lines.append(f"  {field}{mark}: {expression(part)};")
    return [*lines, "}", ""]


def members(union: Any) -> list[Any]:
    """The classes of an `Annotated[A | B, …]` union."""
    return list(get_args(get_args(union)[0]))


def union(name: str, of: Any) -> list[str]:
    """A discriminated union of message types."""
    parts = "\n".join(f"  | {member.__name__}" for member in members(of))
    return [f"export type {name} =\n{parts};", ""]


def render() -> str:
    """The whole file."""
    received = [*members(server.ServerMessage), *READ]
    sent = [*members(client.ClientMessage), *SENT]
    types = {**definitions(sent, "validation"), **definitions(received, "serialization")}
    only_sent = {member.__name__ for member in sent} | {"AudioFormat"}
    lines = [HEADER, f"export const PROTOCOL_VERSION = {PROTOCOL_VERSION};", ""]
    codes = "".join(f"  {json.dumps(code.value)},\n" for code in ErrorCode)
    lines += [f"export const ERROR_CODES = [\n{codes}] as const;", ""]
    for name in sorted(types):
        lines += declaration(name, types[name], name not in only_sent)
    lines += union("ClientMessage", client.ClientMessage)
    lines += union("ServerMessage", server.ServerMessage)
    return "\n".join(lines).rstrip() + "\n"


def main() -> int:
    """Write the file, or say whether it is fresh."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 when stale")
    text = render()
    if not parser.parse_args().check:
        TARGET.parent.mkdir(parents=True, exist_ok=True)
        TARGET.write_text(text, encoding="utf-8")
        return 0
    if TARGET.is_file() and TARGET.read_text(encoding="utf-8") == text:
        return 0
    print(f"{TARGET} is stale: run `python web/scripts/generate_contract.py`.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
