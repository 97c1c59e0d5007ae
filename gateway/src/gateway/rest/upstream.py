"""A service behind the gateway as REST sees it: one client, and the error of its stage."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from avatar_contract.errors import AvatarError, PayloadTooLarge, Problem, StageError
from avatar_contract.records import DEFAULT_OWNER, OWNER_HEADER
from avatar_contract.service import trace

M = TypeVar("M", bound=BaseModel)

MAX_ANSWER_BYTES = 32 * 1024 * 1024
"""The largest answer that is read whole."""

TIMEOUT = httpx.Timeout(120, connect=3, pool=3)
"""A whole answer of a model may take minutes, and its silence is no fault; `connect` is."""

PASSED_ON = frozenset({304, 416})
"""Statuses above 299 that belong to the client's conditional and range requests."""

_NOT_THE_CLIENTS = frozenset({401, 403})
"""An inner service that refuses the gateway's own key is out of order, not the client."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """Address and key of one service; the client may be shared by all."""

    name: str
    """The service's folder, for messages: `stt-service`."""
    http: httpx.AsyncClient
    url: str
    """Where it is, without `/v1`."""
    failure: type[StageError]
    """What its being away means."""
    api_key: str | None = None
    """The key of its port."""

    def build(self, method: str, path: str, **kwargs: Any) -> httpx.Request:
        """A request that carries this request's trace and owner."""
        headers = httpx.Headers(kwargs.pop("headers", None))
        headers.update(trace.headers())
        if self.api_key:
            headers["Authorization"] = f"Bearer {self.api_key}"
        headers[OWNER_HEADER] = DEFAULT_OWNER
        headers["Accept-Encoding"] = "identity"
        url = self.url.rstrip("/") + path
        return self.http.build_request(method, url, headers=headers, timeout=TIMEOUT, **kwargs)

    async def open(self, request: httpx.Request) -> httpx.Response:
        """Send; the body is still to be read and the response to be closed.

        Errors: the service's own as `AvatarError`, else `failure`.
        """
        try:
            response = await self.http.send(request, stream=True)
        except httpx.HTTPError as error:
            raise self.away(f"does not answer ({type(error).__name__})") from error
        if response.status_code < 300 or response.status_code in PASSED_ON:
            return response
        try:
            raise await self._refusal(response)
        finally:
            await response.aclose()

    async def call(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """A whole exchange with an answer of at most `MAX_ANSWER_BYTES`."""
        response = await self.open(self.build(method, path, **kwargs))
        try:
            pieces = [piece async for piece in self.pieces(response, MAX_ANSWER_BYTES)]
        finally:
            await response.aclose()
        return httpx.Response(
            response.status_code, headers=response.headers, content=b"".join(pieces)
        )

    def read(self, kind: type[M], answer: httpx.Response) -> M:
        """The answer as a `kind`; `failure` when it is none."""
        try:
            return kind.model_validate_json(answer.content)
        except ValidationError as error:
            raise self.away("answers in a form that this gateway does not know") from error

    async def pieces(
        self, response: httpx.Response, limit: int | None = None
    ) -> AsyncIterator[bytes]:
        """The body as it comes; raises `failure` when the service stops in the middle."""
        seen = 0
        try:
            async for piece in response.aiter_raw():
                seen += len(piece)
                if limit is not None and seen > limit:
                    raise PayloadTooLarge(f"{self.name} answers more than {limit} bytes.")
                yield piece
        except httpx.HTTPError as error:
            raise self.away("broke off its answer") from error

    def away(self, what: str) -> StageError:
        """The error for a service that can't do its part now."""
        return self.failure(f"{self.name} {what}. `avatar doctor` says why.", retry_after_s=2)

    async def _refusal(self, response: httpx.Response) -> AvatarError:
        """A service's problem document as an exception; what is none becomes `failure`."""
        pieces = [piece async for piece in self.pieces(response, 1024 * 1024)]
        if response.status_code in _NOT_THE_CLIENTS:
            return self.away("refuses the gateway's key")
        try:
            return Problem.model_validate_json(b"".join(pieces)).to_error()
        except ValidationError:
            return self.away(f"answered {response.status_code}")
