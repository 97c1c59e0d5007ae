"""Error answers as OpenAPI documents them: one entry a status, with the codes it may carry."""

from typing import Any

from avatar_contract.errors import ERRORS, AvatarError, BadMessage, ErrorCode, Problem

MEDIA_TYPE = "application/problem+json"

GUARDS = (
    ErrorCode.BAD_MESSAGE,
    ErrorCode.UNAUTHORIZED,
    ErrorCode.FORBIDDEN,
    ErrorCode.PAYLOAD_TOO_LARGE,
    ErrorCode.RATE_LIMITED,
    ErrorCode.INTERNAL,
)
"""Codes that any route may answer."""

Responses = dict[int | str, dict[str, Any]]


def problems(*codes: ErrorCode) -> Responses:
    """The `responses` of a route that may fail with `codes`, or as every route may."""
    wanted: dict[int, list[type[AvatarError]]] = {422: [BadMessage]}
    for code in (*codes, *GUARDS):
        error = ERRORS[code]
        kinds = wanted.setdefault(error.status, [])
        if error not in kinds:
            kinds.append(error)
    return {status: _problem(status, kinds) for status, kinds in sorted(wanted.items())}


EVENTS: dict[str, Any] = {
    "text/event-stream": {
        "schema": {
            "type": "object",
            "description": "One event of the stream.",
            "properties": {
                "data": {"type": "string", "description": "JSON; or `[DONE]` at the end"},
                "event": {"type": "string", "description": "`error`, or nothing"},
            },
            "required": ["data"],
        }
    }
}
"""The `content` of server-sent events: before OpenAPI 3.2 the schema describes each of them."""


def sound(description: str, *media_types: str) -> dict[str, Any]:
    """A `responses` entry for audio or another file."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {"description": description, "content": dict.fromkeys(media_types, binary)}


def body(model_schema: dict[str, Any], media_type: str = "application/json") -> dict[str, Any]:
    """An `openapi_extra` for a body that the route reads itself."""
    content = {media_type: {"schema": model_schema}}
    return {"requestBody": {"required": True, "content": content}}


def _problem(status: int, kinds: list[type[AvatarError]]) -> dict[str, Any]:
    codes = [str(kind.code) for kind in kinds]
    schema = Problem.model_json_schema()
    schema.pop("$defs", None)
    schema["properties"]["code"] = {"type": "string", "enum": codes, "title": "Code"}
    example = Problem.of(kinds[0]("What is wrong, and what to do about it."))
    example.status = status
    return {
        "description": ", ".join(codes),
        "content": {
            MEDIA_TYPE: {
                "schema": schema,
                "example": example.model_dump(mode="json", exclude_none=True),
            }
        },
    }


__all__ = ["GUARDS", "body", "problems", "sound"]
