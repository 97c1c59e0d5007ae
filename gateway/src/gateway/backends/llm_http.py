"""A chat model behind ``/v1/chat/completions``, as vLLM, llama.cpp and the demo speak it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import httpx
from pydantic import ValidationError

from avatar_contract.chat import ChatChunk, ChatMessage
from avatar_contract.errors import LlmUnavailable
from avatar_contract.service import trace
from gateway.backends.http import bearer, raise_problem
from gateway.backends.protocols import Delta

_DATA = "data:"


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """How the model is asked."""

    url: str
    model: Callable[[], str]
    """The model's name; known only once the server was asked."""
    api_key: str | None = None
    max_tokens: int = 512
    temperature: float = 0.7
    first_token_timeout_s: float = 30.0
    """Also the longest silence between two tokens."""


class ChatModel:
    """Streams one server's answers."""

    def __init__(self, client: httpx.AsyncClient, settings: ChatSettings) -> None:
        self._client = client
        self._settings = settings
        self.in_flight = 0
        """Requests that are being answered."""

    async def answer(self, messages: tuple[ChatMessage, ...]) -> AsyncIterator[Delta]:
        """Pieces as they are written. Raises LlmUnavailable; closing it cancels the request."""
        s = self._settings
        body = {
            "model": s.model(),
            "messages": [message.model_dump(exclude_none=True) for message in messages],
            "stream": True,
            "max_tokens": s.max_tokens,
            "temperature": s.temperature,
        }
        timeout = httpx.Timeout(s.first_token_timeout_s, connect=3, pool=3)
        self.in_flight += 1
        try:
            async with self._client.stream(
                "POST",
                f"{s.url.rstrip('/')}/v1/chat/completions",
                json=body,
                headers=bearer(s.api_key) | trace.headers(),
                timeout=timeout,
            ) as response:
                await raise_problem(response, LlmUnavailable)
                async for delta in _deltas(response):
                    yield delta
        except httpx.TimeoutException as cause:
            raise LlmUnavailable("The language model stalls: no token came in time.") from cause
        except httpx.HTTPError as cause:
            raise LlmUnavailable("The language model can't be reached, or broke off.") from cause
        finally:
            self.in_flight -= 1


async def _deltas(response: httpx.Response) -> AsyncIterator[Delta]:
    """The stream's pieces. Ends at ``[DONE]`` or a finish reason; breaking off is an error."""
    finished = False
    async for line in response.aiter_lines():
        if not line.startswith(_DATA):
            continue
        payload = line[len(_DATA) :].strip()
        if payload == "[DONE]":
            return
        delta = _parse(payload)
        if delta is not None:
            finished = finished or delta.finish_reason is not None
            yield delta
    if not finished:
        raise LlmUnavailable("The language model closed its stream before the answer's end.")


def _parse(payload: str) -> Delta | None:
    """A chunk's text and finish reason; None for role, usage and thinking chunks."""
    try:
        chunk = ChatChunk.model_validate_json(payload)
    except ValidationError as cause:
        what = "The language model sent a line that is no chat chunk."
        raise LlmUnavailable(what) from cause
    if not chunk.choices:
        return None
    choice = chunk.choices[0]
    text = choice.delta.content or ""
    if not text and choice.finish_reason is None:
        return None
    return Delta(text, choice.finish_reason)
