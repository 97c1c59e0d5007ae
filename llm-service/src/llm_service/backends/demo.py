"""The demo responder behind the Protocol of a model."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime

from avatar_contract.chat import ChatRequest
from avatar_contract.terms import EngineInfo
from llm_service.demo import tokens
from llm_service.demo.language import Language
from llm_service.demo.responder import respond

INFO = EngineInfo(
    name="demo responder",
    kind="embedded",
    languages=["zh-TW", "en"],
    licence="Apache-2.0",
    notice=(
        "Not a language model: it follows fixed rules (time, date, sums, repeating, counting, "
        "stories, recalling). Set LLM_URL and LLM_MODEL to connect a real one."
    ),
)


class DemoBackend:
    """Works the whole answer out at once and hands it over at the pace of a model.

    Args:
        now: local time with each call.
        token_ms: pause before each token, ms.
        default: language of a conversation that has shown none.
    """

    info = INFO

    def __init__(self, now: Callable[[], datetime], token_ms: float, default: Language) -> None:
        self._now = now
        self._pause_s = token_ms / 1000
        self._default: Language = default

    async def answer(self, request: ChatRequest) -> AsyncIterator[str]:
        text = respond(request.messages, self._now(), self._default)
        for token in tokens.split(text):
            # Sleeping for zero still lets a closed connection cancel between tokens.
            await asyncio.sleep(self._pause_s)
            yield token

    def count(self, text: str) -> int:
        return tokens.count(text)
