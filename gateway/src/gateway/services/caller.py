"""The way to call a service: one caller carries owner, trace, key, deadlines, retries and breaker.

::

    routes, clients ─▶ Caller ── owner, trace, key ──▶ service
                         │  breaker open: refused at once, with the time to wait
                         │  limits on connect, first byte, silence and, for `call`, the whole
                         └─ retries only what is safe to do twice, with jitter, within a budget
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from avatar_contract.errors import (
    AvatarError,
    LlmUnavailable,
    PayloadTooLarge,
    Problem,
    StageError,
)
from avatar_contract.records import DEFAULT_OWNER, OWNER_HEADER
from avatar_contract.service import get_logger, trace
from gateway.services import refusals
from gateway.services.breaker import Breaker

log = get_logger(__name__)

M = TypeVar("M", bound=BaseModel)

MAX_ANSWER_BYTES = 32 * 1024 * 1024
"""The largest answer that is read whole."""

PASSED_ON = frozenset({304, 416})
"""Statuses above 299 that belong to the client's conditional and range requests."""

_NOT_THE_CLIENTS = frozenset({401, 403})
"""An inner service that refuses the gateway's own key is out of order, not the client."""

_RETRIES = 2
_FIRST_WAIT_S = 0.05


@dataclass(frozen=True, slots=True)
class Address:
    """Where a service is, and what its being away means."""

    name: str
    """`stt`, `llm`, `tts_fast`, `tts_hq` or `profile`."""
    folder: str
    """The service's folder, for messages: `stt-service`."""
    url: str
    """Its address, before `/v1`."""
    failure: type[StageError]
    """What its being away means."""
    api_key: str | None = None
    """The key of its port."""

    def bearer(self) -> dict[str, str]:
        """The header that shows the key."""
        return {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a call may take, s. Every wait ends."""

    connect: float = 3.0
    silence: float = 120.0
    """Until the first byte, and between two pieces."""
    whole: float | None = None
    """Until the end of the answer; None: as long as pieces come."""

    def timeout(self) -> httpx.Timeout:
        """As httpx has it."""
        return httpx.Timeout(self.silence, connect=self.connect, pool=self.connect)


BRIEF = Patience(silence=10.0, whole=15.0)
"""For calls that a database answers."""

UPLOAD = Patience(silence=60.0, whole=180.0)
"""For calls that carry a file, or wait for an engine's whole answer."""


@dataclass(slots=True)
class RetryBudget:
    """Bounds retries to a share of the calls: a service in trouble needs no more of them."""

    most: float = 10.0
    share: float = 0.1
    left: float = 10.0

    def earned(self) -> None:
        """A call succeeded."""
        self.left = min(self.most, self.left + self.share)

    def spend(self) -> bool:
        """Whether one more retry may be made."""
        if self.left < 1:
            return False
        self.left -= 1
        return True


@dataclass(slots=True)
class Caller:
    """Calls one service; the client may be shared by all."""

    http: httpx.AsyncClient
    address: Address
    breaker: Breaker = field(default_factory=Breaker)
    budget: RetryBudget = field(default_factory=RetryBudget)

    def build(
        self,
        method: str,
        path: str,
        *,
        patience: Patience = UPLOAD,
        owner: str = DEFAULT_OWNER,
        **kwargs: Any,
    ) -> httpx.Request:
        """A request that carries trace, owner and key; `kwargs` as httpx takes them."""
        headers = httpx.Headers(kwargs.pop("headers", None))
        headers.update(trace.headers())
        headers.update(self.address.bearer())
        headers[OWNER_HEADER] = owner
        headers["Accept-Encoding"] = "identity"
        url = self.address.url.rstrip("/") + path
        timeout = patience.timeout()
        return self.http.build_request(method, url, headers=headers, timeout=timeout, **kwargs)

    async def open(self, request: httpx.Request) -> httpx.Response:
        """Sends; the body is still to be read and the response to be closed.

        Raises:
            AvatarError: the service's own, else the address's `failure`.
        """
        if not self.breaker.allows():
            raise self.away("does not answer", retry_after_s=self.breaker.retry_after_s())
        try:
            response = await self.http.send(request, stream=True)
        except httpx.HTTPError as error:
            self.breaker.failed()
            raise self.away(_what_failed(error)) from error
        self.breaker.answered()
        if response.status_code < 300 or response.status_code in PASSED_ON:
            return response
        try:
            raise await self._refusal(response)
        finally:
            await response.aclose()

    async def call(
        self,
        method: str,
        path: str,
        *,
        patience: Patience = UPLOAD,
        again: bool | None = None,
        **kwargs: Any,
    ) -> httpx.Response:
        """A whole exchange with an answer of at most `MAX_ANSWER_BYTES`.

        Args:
            again: whether it is safe to do twice, and so is retried when the service is away. By
                default a GET is.
        """
        tries = 1 + (_RETRIES if (method == "GET" if again is None else again) else 0)
        for attempt in range(1, tries + 1):
            try:
                answer = await self._once(method, path, patience, kwargs)
            except StageError as error:
                if attempt == tries or not self._worth_retrying(error):
                    raise
                await asyncio.sleep(_FIRST_WAIT_S * 2**attempt * random.uniform(0.5, 1))
            else:
                self.budget.earned()
                return answer
        raise AssertionError("the loop returns or raises")

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
                    raise PayloadTooLarge(f"{self.address.folder} answers more than {limit} bytes.")
                yield piece
        except httpx.TimeoutException as error:
            self.breaker.failed()
            raise self.away("stalls: nothing came in time") from error
        except httpx.HTTPError as error:
            raise self.away("broke off its answer") from error

    def away(self, what: str, *, retry_after_s: float = 2.0) -> StageError:
        """The error for a service that can't do its part now."""
        text = f"{self.address.folder} {what}. `avatar doctor` says why."
        return self.address.failure(text, retry_after_s=max(1.0, round(retry_after_s, 1)))

    async def _once(
        self, method: str, path: str, patience: Patience, kwargs: dict[str, Any]
    ) -> httpx.Response:
        request = self.build(method, path, patience=patience, **kwargs)
        try:
            async with asyncio.timeout(patience.whole):
                response = await self.open(request)
                try:
                    pieces = [piece async for piece in self.pieces(response, MAX_ANSWER_BYTES)]
                finally:
                    await response.aclose()
        except TimeoutError as error:
            self.breaker.failed()
            raise self.away("did not answer in time") from error
        return httpx.Response(
            response.status_code, headers=response.headers, content=b"".join(pieces)
        )

    def _worth_retrying(self, error: StageError) -> bool:
        """Whether it is the service that was away, not the request that it refused."""
        return (
            type(error) is self.address.failure and not self.breaker.is_open and self.budget.spend()
        )

    async def _refusal(self, response: httpx.Response) -> AvatarError:
        """A service's problem document as an exception; what is none becomes `failure`."""
        body = b"".join([piece async for piece in self.pieces(response, 1024 * 1024)])
        if response.status_code in _NOT_THE_CLIENTS:
            return self.away("refuses the gateway's key")
        try:
            return Problem.model_validate_json(body).to_error()
        except ValidationError:
            return self._in_own_words(response.status_code, body)

    def _in_own_words(self, status: int, body: bytes) -> AvatarError:
        raw = body.decode(errors="replace")
        log.warning("caller.refused", service=self.address.name, status=status, said=raw[:500])
        if self.address.failure is LlmUnavailable and (error := refusals.too_long(raw)):
            return error
        said = refusals.prose(body)
        return self.away(f"answered {status}" + (f": {said.rstrip('.')}" if said else ""))


def _what_failed(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return f"stalls: no answer in time ({type(error).__name__})"
    return f"can't be reached, or broke off ({type(error).__name__})"
