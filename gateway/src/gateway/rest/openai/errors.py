"""Errors in OpenAI's form: `{"error": {message, type, param, code}}`, with our codes."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from avatar_contract.errors import AvatarError, BadMessage, ErrorCode
from gateway.edge.errors import ErrorBody, openai_response
from gateway.rest.docs import Responses, problems


def failures(*codes: ErrorCode) -> Responses:
    """The `responses` of a route that may fail with `codes`."""
    documented = problems(ErrorCode.BAD_MESSAGE, *codes)
    documented.pop(422, None) if ErrorCode.UNSUPPORTED_LANGUAGE not in codes else None
    answers: Responses = {
        status: {"description": entry["description"], "model": ErrorBody}
        for status, entry in documented.items()
    }
    answers.setdefault(404, {"description": "No such address", "model": ErrorBody})
    return answers


class OpenAiRoute(APIRoute):
    """A route whose errors, validation included, are in OpenAI's form with status 400."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, guarded."""
        handler = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                return await handler(request)
            except AvatarError as error:
                return openai_response(error)
            except RequestValidationError as error:
                first = error.errors()[0]
                where = ".".join(str(part) for part in first["loc"][1:]) or "body"
                return openai_response(BadMessage(f"{where}: {first['msg']}."), where)
            except HTTPException as error:
                # FastAPI's own: a body that it can't parse, such as JSON that is nested too deep.
                return openai_response(BadMessage(f"{error.detail}."))

        return guarded
