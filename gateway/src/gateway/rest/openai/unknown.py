"""Addresses and methods under `/v1` that are not served: told in OpenAI's form, as all is there."""

from fastapi import APIRouter, Request, Response
from starlette.routing import BaseRoute, Match, Route

from avatar_contract.errors import BadMessage, NotFound
from gateway.edge.errors import openai_response
from gateway.rest.openai.errors import OpenAiRoute

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]


def unknown_router(known: list[BaseRoute]) -> APIRouter:
    """Answers what none of `known` does; include it last."""
    router = APIRouter(route_class=OpenAiRoute, include_in_schema=False)

    @router.api_route("/v1", methods=_METHODS)
    @router.api_route("/v1/{path:path}", methods=_METHODS)
    async def nothing(request: Request) -> Response:
        allowed = _allowed(known, request)
        if not allowed:
            raise NotFound(f"{request.method} {request.url.path[:200]} is not served here.")
        text = f"{request.method} is not for this address: use {', '.join(allowed)}."
        answer = openai_response(BadMessage(text))
        answer.status_code = 405
        answer.headers["Allow"] = ", ".join(allowed)
        return answer

    return router


def _allowed(known: list[BaseRoute], request: Request) -> list[str]:
    """The methods that the address has, where it is one."""
    methods: set[str] = set()
    # The parts' own routes do not know where they are included.
    scope = {**request.scope, "path": request.scope["path"].removeprefix("/v1")}
    for route in known:
        if isinstance(route, Route) and route.matches(scope)[0] is Match.PARTIAL:
            methods |= route.methods or set()
    return sorted(methods)
