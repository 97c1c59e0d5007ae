"""What the model is told of the conversation: earlier turns within a token budget."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from uuid import UUID

from avatar_contract.chat import ChatMessage

_CJK = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\u3040-\u30ff\uac00-\ud7af]")
_OVERHEAD = 4
"""Tokens a chat template spends on a message beside its words."""


def estimate_tokens(text: str) -> int:
    """Tokens of `text`, estimated high: one a Chinese character, one every three others.

    The model's tokenizer lives in another process; a high estimate never overruns the budget.
    """
    chinese = len(_CJK.findall(text))
    return chinese + (len(text) - chinese + 2) // 3 + _OVERHEAD


@dataclass(slots=True)
class Exchange:
    """One earlier turn: what was asked, and what was heard of the answer."""

    turn_id: UUID
    user: str
    heard: str


@dataclass(slots=True)
class Memory:
    """Trimmed oldest turn first, never inside a turn."""

    budget: int
    """Tokens for instructions, earlier turns and the new question together."""
    exchanges: list[Exchange] = field(default_factory=list)

    def remember(self, turn_id: UUID, user: str, heard: str) -> None:
        """Keeps a turn; the same turn again takes its own place."""
        exchange = Exchange(turn_id, user, heard)
        ids = [kept.turn_id for kept in self.exchanges]
        if turn_id in ids:
            self.exchanges[ids.index(turn_id)] = exchange
        else:
            self.exchanges.append(exchange)
        self._drop_what_never_fits()

    def holds(self, turn_id: UUID) -> bool:
        """Whether this turn is remembered."""
        return any(kept.turn_id == turn_id for kept in self.exchanges)

    def forget(self, turn_id: UUID) -> None:
        """As if the turn had not been."""
        self.exchanges = [kept for kept in self.exchanges if kept.turn_id != turn_id]

    def room_chars(self, instructions: str, user: str) -> int:
        """Characters of the question, from its beginning, that there is room for with nothing else.

        All of them, if need be without any earlier turn; 0 where not even one fits.
        """
        room = self.budget - estimate_tokens(instructions)
        # More characters are never fewer tokens.
        sizes = range(1, len(user) + 1)
        return bisect_right(sizes, room, key=lambda size: estimate_tokens(user[:size]))

    def messages(self, instructions: str, user: str) -> tuple[ChatMessage, ...]:
        """The messages for the model, the new question last. Nothing is forgotten by asking."""
        room = self.budget - estimate_tokens(instructions) - estimate_tokens(user)
        kept: list[Exchange] = []
        for exchange in reversed(self.exchanges):
            room -= _tokens(exchange)
            if room < 0:
                break
            kept.insert(0, exchange)
        earlier = [message for exchange in kept for message in _pair(exchange)]
        system = ChatMessage(role="system", content=instructions)
        return (system, *earlier, ChatMessage(role="user", content=user))

    def _drop_what_never_fits(self) -> None:
        """Turns that no question, however short, leaves room for; the last one stays."""
        room = self.budget
        for count, exchange in enumerate(reversed(self.exchanges)):
            room -= _tokens(exchange)
            if room < 0 and count:
                del self.exchanges[: len(self.exchanges) - count]
                return


def _tokens(exchange: Exchange) -> int:
    return estimate_tokens(exchange.user) + estimate_tokens(exchange.heard)


def _pair(exchange: Exchange) -> tuple[ChatMessage, ChatMessage]:
    # Chat templates want turns to alternate, also where nothing was heard of an answer.
    heard = exchange.heard or "…"
    return (
        ChatMessage(role="user", content=exchange.user),
        ChatMessage(role="assistant", content=heard),
    )
