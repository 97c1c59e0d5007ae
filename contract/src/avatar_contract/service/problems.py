"""Errors as RFC 9457 problem documents."""

from __future__ import annotations

import math

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from avatar_contract.errors import ERRORS, AvatarError, BadMessage, ErrorCode, Internal, Problem
from avatar_contract.service.logs import get_logger

log = get_logger(__name__)

MEDIA_TYPE = "application/problem+json"

_BY_STATUS = {
    401: ErrorCode.UNAUTHORIZED,
    403: ErrorCode.FORBIDDEN,
    404: ErrorCode.NOT_FOUND,
    409: ErrorCode.CONFLICT,
    413: ErrorCode.PAYLOAD_TOO_LARGE,
    429: ErrorCode.RATE_LIMITED,
}


def problem_response(error: AvatarError, status: int | None = None) -> Response:
    """The answer that says `error`; `status` overrides the code's own."""
    document = Problem.of(error)
    if status is not None:
        document.status = status
    headers = {}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    body = document.model_dump(mode="json", exclude_none=True)
    return JSONResponse(body, document.status, headers, MEDIA_TYPE)


async def _known(_: Request, error: AvatarError) -> Response:
    if error.status >= 500:
        log.error("request.failed", exc=error, code=error.code)
    return problem_response(error)


async def _invalid(_: Request, error: RequestValidationError) -> Response:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return problem_response(BadMessage(f"{where}: {first['msg']}."), 422)


async def _http(_: Request, error: HTTPException) -> Response:
    code = _BY_STATUS.get(error.status_code, ErrorCode.BAD_MESSAGE)
    if error.status_code >= 500:
        code = ErrorCode.INTERNAL
    response = problem_response(ERRORS[code](str(error.detail)), error.status_code)
    response.headers.update(error.headers or {})
    return response


async def _unknown(_: Request, error: Exception) -> Response:
    log.error("request.crashed", exc=error)
    return problem_response(Internal("Something went wrong inside; the log has it by trace_id."))


def install(app: FastAPI) -> None:
    """Makes every error of `app` a problem document."""
    app.exception_handler(AvatarError)(_known)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(HTTPException)(_http)
    app.exception_handler(Exception)(_unknown)
