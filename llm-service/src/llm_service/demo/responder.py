"""The answer to a conversation: the first skill that recognises what was asked."""

from collections.abc import Sequence
from datetime import datetime

from avatar_contract.chat import ChatMessage
from llm_service.demo import arithmetic, clock, identity, manners, memory, speech, stories
from llm_service.demo.language import Language, of_conversation, plain


def respond(messages: Sequence[ChatMessage], now: datetime, default: Language = "zh") -> str:
    """What the demo responder says next.

    The same messages and moment give the same answer. It answers in the language of the last
    user message; a message without words ("3 + 5") takes the language of those before it.

    Args:
        messages: oldest first; system messages are not obeyed, since no model reads them.
        now: local time, for questions about time and date.
        default: language of a conversation that has shown none.
    """
    said = [m.content or "" for m in messages if m.role == "user"]
    if not said or not plain(said[-1]):
        return manners.greet(of_conversation(said, default))
    language = of_conversation(said, default)
    replies = [m.content for m in messages if m.role == "assistant" and m.content]
    before = memory.Conversation(said_by_user=said[:-1], said_by_assistant=replies)
    return _answer(said[-1], language, before, now)


def _answer(text: str, language: Language, before: memory.Conversation, now: datetime) -> str:
    asked = plain(text)
    repeated = speech.repeat(text, language)
    if repeated is not None:
        return repeated
    small_talk = manners.answer(asked, language)
    if small_talk is not None:
        return small_talk
    greeted, rest = manners.greeting_and_rest(asked)
    if greeted and not rest:
        return manners.greet(language)
    found = _skill(text, rest or asked, language, before, now)
    if found is not None:
        return found
    return manners.greet(language) if greeted else identity.fallback(text, language)


def _skill(
    text: str, asked: str, language: Language, before: memory.Conversation, now: datetime
) -> str | None:
    sum_ = arithmetic.solve(asked, language)
    if sum_ is not None:
        return arithmetic.say(sum_, language)
    return (
        clock.answer(asked, language, now)
        or speech.count(asked, language)
        or stories.tell(asked, language, before.said_by_assistant)
        or memory.answer(text, asked, language, before)
        or identity.answer(asked, language)
    )
