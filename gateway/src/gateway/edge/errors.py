"""The two forms of an error: problem documents, and OpenAI's under `/v1`."""

import math

from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from avatar_contract.errors import AvatarError, ErrorCode
from avatar_contract.service import problem_response

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


def openai_response(error: AvatarError, param: str | None = None) -> Response:
    """The answer that says `error`."""
    detail = ErrorDetail(
        message=error.message, type=error_type(error.status), param=param, code=error.code
    )
    headers = {}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    return JSONResponse(ErrorBody(error=detail).model_dump(mode="json"), error.status, headers)


def answer_for(path: str, error: AvatarError) -> Response:
    """The answer that says `error` to a caller of `path`."""
    return openai_response(error) if path.startswith("/v1/") else problem_response(error)
