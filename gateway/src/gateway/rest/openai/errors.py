"""Errors in OpenAI's form: `{"error": {message, type, param, code}}`, with our codes."""

import math
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from avatar_contract.errors import AvatarError, BadMessage, ErrorCode
from gateway.rest.docs import Responses, problems

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class ErrorDetail(BaseModel):
    """What went wrong."""

    message: str
    type: str = Field(description="OpenAI's kind of error")
    param: str | None = Field(None, description="the field at fault")
    code: ErrorCode


class ErrorBody(BaseModel):
    """OpenAI's error answer."""

    error: ErrorDetail


def error_type(status: int) -> str:
    """OpenAI's name for an error with this status."""
    fallback = "server_error" if status >= 500 else "invalid_request_error"
    return _TYPES.get(status, fallback)


def error_response(error: AvatarError, param: str | None = None) -> Response:
    """The answer that says `error`."""
    detail = ErrorDetail(
        message=error.message, type=error_type(error.status), param=param, code=error.code
    )
    headers = {}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    return JSONResponse(ErrorBody(error=detail).model_dump(mode="json"), error.status, headers)


def failures(*codes: ErrorCode) -> Responses:
    """The `responses` of a route that may fail with `codes`."""
    documented = problems(ErrorCode.BAD_MESSAGE, *codes)
    documented.pop(422, None) if ErrorCode.UNSUPPORTED_LANGUAGE not in codes else None
    return {
        status: {"description": entry["description"], "model": ErrorBody}
        for status, entry in documented.items()
    }


class OpenAiRoute(APIRoute):
    """A route whose errors, validation included, are in OpenAI's form with status 400."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, guarded."""
        handler = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                return await handler(request)
            except AvatarError as error:
                return error_response(error)
            except RequestValidationError as error:
                first = error.errors()[0]
                where = ".".join(str(part) for part in first["loc"][1:]) or "body"
                return error_response(BadMessage(f"{where}: {first['msg']}."), where)

        return guarded
