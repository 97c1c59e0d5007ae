"""From a backend's tokens to OpenAI's completion, whole or in chunks, without HTTP."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from avatar_contract.chat import (
    ChatChunk,
    ChatCompletion,
    ChatMessage,
    ChatRequest,
    Choice,
    ChunkChoice,
    Delta,
    Usage,
)
from avatar_contract.errors import NotFound
from llm_service.backends.base import ChatBackend

_OPENAI_PREFIXES = ("gpt-", "chatgpt-", "o1", "o3", "o4")


def served_model(asked: str, served: str) -> str:
    """The model that answers a request for `asked`.

    Nothing and OpenAI's own model names mean the default (DESIGN §4).

    Raises:
        NotFound: any other name, as vLLM does.
    """
    if asked in ("", "default", served) or asked.startswith(_OPENAI_PREFIXES):
        return served
    raise NotFound(f"The model {asked!r} does not exist here; ask for {served!r}.")


@dataclass
class Completion:
    """One answer being made."""

    backend: ChatBackend
    request: ChatRequest
    model: str
    created: int
    """Unix time, s."""
    max_tokens: int
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    finish_reason: str = "stop"
    tokens: list[str] = field(default_factory=list)

    async def _limited(self) -> AsyncIterator[str]:
        """The answer's tokens up to its limit, or to a text that is to end it."""
        self.finish_reason = "stop"
        stops = [stop for stop in self.request.stop if stop]
        keep = max((len(stop) for stop in stops), default=1) - 1
        count, held = 0, ""
        async for token in self.backend.answer(self.request):
            if count == self.max_tokens:
                self.finish_reason = "length"
                break
            count += 1
            self.tokens.append(token)
            held += token
            ends = [at for stop in stops if (at := held.find(stop)) >= 0]
            if ends:
                held = held[: min(ends)]
                break
            # The last characters may be the beginning of a text that ends the answer.
            ready = len(held) - keep
            if ready > 0:
                yield held[:ready]
                held = held[ready:]
        if held:
            yield held

    async def whole(self) -> ChatCompletion:
        """The answers when not streamed."""
        choices = []
        for index in range(self.request.n):
            text = "".join([piece async for piece in self._limited()])
            message = ChatMessage(role="assistant", content=text)
            choices.append(Choice(index=index, message=message, finish_reason=self.finish_reason))
        return ChatCompletion(
            id=self.id,
            created=self.created,
            model=self.model,
            choices=choices,
            usage=self.usage(),
        )

    async def chunks(self) -> AsyncIterator[ChatChunk]:
        """Each answer's role first, then its text, and its end; then usage when asked for."""
        for index in range(self.request.n):
            yield self._chunk(index, Delta(role="assistant", content=""))
            async for piece in self._limited():
                yield self._chunk(index, Delta(content=piece))
            yield self._chunk(index, Delta(), self.finish_reason)
        options = self.request.stream_options
        if options is not None and options.include_usage:
            yield ChatChunk(id=self.id, created=self.created, model=self.model, usage=self.usage())

    def _chunk(self, index: int, delta: Delta, finish_reason: str | None = None) -> ChatChunk:
        choice = ChunkChoice(index=index, delta=delta, finish_reason=finish_reason)
        return ChatChunk(id=self.id, created=self.created, model=self.model, choices=[choice])

    def usage(self) -> Usage:
        """Tokens of the prompt and of what was answered so far."""
        prompt = sum(self.backend.count(m.content or "") for m in self.request.messages)
        return Usage(
            prompt_tokens=prompt,
            completion_tokens=len(self.tokens),
            total_tokens=prompt + len(self.tokens),
        )
