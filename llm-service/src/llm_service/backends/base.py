"""The Protocol of a chat backend."""

from collections.abc import AsyncIterator
from typing import Protocol

from avatar_contract.chat import ChatRequest
from avatar_contract.terms import EngineInfo


class ChatBackend(Protocol):
    """Answers conversations token by token."""

    @property
    def info(self) -> EngineInfo:
        """The engine as the page shows it."""
        ...

    def answer(self, request: ChatRequest) -> AsyncIterator[str]:
        """Tokens of the answer; joined they are its text. Closing the iterator stops it.

        Raises:
            LlmUnavailable: the engine failed.
        """
        ...

    def count(self, text: str) -> int:
        """How many tokens a text has."""
        ...
