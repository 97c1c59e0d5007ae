"""A chat model behind ``/v1/chat/completions``, as vLLM, llama.cpp and the demo speak it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import httpx

from avatar_contract.chat import ChatMessage
from avatar_contract.errors import LlmUnavailable
from gateway.services.caller import Caller, Patience
from gateway.services.chat_stream import deltas
from gateway.session.ports import Delta


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """How the model is asked."""

    model: Callable[[], str]
    """The model's name; known only once the server was asked."""
    max_tokens: int = 512
    temperature: float = 0.7
    first_token_timeout_s: float = 30.0
    """Also the longest silence between two tokens."""


class ChatModel:
    """Streams one server's answers."""

    def __init__(self, caller: Caller, settings: ChatSettings) -> None:
        self._caller = caller
        self._settings = settings
        self.in_flight = 0
        """Requests that are being answered."""

    async def answer(self, messages: tuple[ChatMessage, ...]) -> AsyncIterator[Delta]:
        """Pieces as they are written; closing it cancels the request.

        Raises:
            LlmUnavailable: the server is away, breaks off, or tells of an error.
            PayloadTooLarge: it says that the question is too long for its model.
        """
        s = self._settings
        body = {
            "model": s.model(),
            "messages": [message.model_dump(exclude_none=True) for message in messages],
            "stream": True,
            "max_tokens": s.max_tokens,
            "temperature": s.temperature,
        }
        patience = Patience(silence=s.first_token_timeout_s)
        request = self._caller.build("POST", "/v1/chat/completions", patience=patience, json=body)
        self.in_flight += 1
        try:
            response = await self._caller.open(request)
            try:
                async for delta in deltas(response):
                    yield delta
            finally:
                await response.aclose()
        except httpx.TimeoutException as cause:
            self._caller.breaker.failed()
            raise LlmUnavailable("The language model stalls: no token came in time.") from cause
        except httpx.HTTPError as cause:
            raise LlmUnavailable("The language model can't be reached, or broke off.") from cause
        finally:
            self.in_flight -= 1
