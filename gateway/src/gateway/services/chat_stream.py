"""What a chat server's stream says, read leniently: servers differ in every field but the words.

Only three things are looked at: the text, the reason of the end, and an error. All else may be
absent, null, of another type, or new. Source: the event stream format (HTML Living Standard, 9.2),
and what vLLM, llama.cpp, Ollama, OpenRouter, Mistral and Azure send in it.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx

from avatar_contract.errors import AvatarError, LlmUnavailable
from avatar_contract.service import get_logger
from gateway.services.refusals import too_long
from gateway.session.ports import Delta

log = get_logger(__name__)

MAX_EVENT_BYTES = 8 * 2**20
"""Longer events are no piece of an answer."""

_LINE_END = re.compile(rb"\r\n|\n|\r(?=.)", re.DOTALL)
# A carriage return that ends a piece may be half of a line's end.
_DATA, _ERROR = b"data", b"error"
_DONE = "[DONE]"
_TEXT_PARTS = ("text", "output_text")


async def deltas(response: httpx.Response) -> AsyncIterator[Delta]:
    """The answer's pieces.

    Raises:
        LlmUnavailable: the server tells of an error, or broke off before the answer's end. What
            came before it has been given.
        PayloadTooLarge: the server says that the question is too long for its model.
    """
    reader = _Reader()
    async for payload in _payloads(response):
        if payload == _DONE:
            return
        delta = reader.read(payload)
        if delta is not None:
            yield delta
    if not reader.finished:
        raise LlmUnavailable("The language model closed its stream before the answer's end.")


def _failure(said: str) -> AvatarError:
    """The error for what a server says in the middle of an answer."""
    log.warning("llm.error_in_stream", said=said[:500])
    return too_long(said) or LlmUnavailable(
        "The language model failed while it answered. Ask again."
    )


class _Reader:
    """Reads one stream's payloads; remembers which of several choices it follows."""

    def __init__(self) -> None:
        self.finished = False
        self._index: Any = None

    def read(self, payload: str) -> Delta | None:
        """A payload's text and finish reason; None where it has neither."""
        event = json.loads(payload)
        if not isinstance(event, dict):
            return None
        _raise_error(event)
        choice = self._choice(event.get("choices"))
        if choice is None:
            return None
        _raise_error(choice)
        reason = choice.get("finish_reason")
        reason = reason if isinstance(reason, str) and reason else None
        if reason == "error":
            raise _failure(reason)
        self.finished = self.finished or reason is not None
        text = _said(choice)
        return Delta(text, reason) if text or reason else None

    def _choice(self, choices: Any) -> dict[str, Any] | None:
        """The first answer of those that are being written."""
        for choice in choices if isinstance(choices, list) else []:
            if not isinstance(choice, dict):
                continue
            index = choice.get("index") or 0
            if self._index is None:
                self._index = index
            if index == self._index:
                return choice
        return None


def _said(choice: dict[str, Any]) -> str:
    """A choice's words: of a stream, of a whole answer, or as the older completions have them."""
    for name in ("delta", "message"):
        part = choice.get(name)
        if isinstance(part, dict):
            return _text(part.get("content")) or _text(part.get("refusal"))
    return _text(choice.get("text"))


def _text(content: Any) -> str:
    """A string, or the text of the parts that hold some; thinking, pictures and calls do not."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(_text(part) for part in content)
    if isinstance(content, dict) and content.get("type", "text") in _TEXT_PARTS:
        return _text(content.get("text") or content.get("value"))
    return ""


def _raise_error(event: dict[str, Any]) -> None:
    """Raises what `event` tells of, if it is an error: OpenAI's form, vLLM's, or FastAPI's."""
    error = event.get("error")
    if not error and event.get("object") == "error":
        error = event.get("message") or "error"
    if not error and "choices" not in event:
        error = event.get("detail")
    if error:
        raise _failure(json.dumps(error, ensure_ascii=False))


async def _payloads(response: httpx.Response) -> AsyncIterator[str]:
    """The stream's payloads, each JSON or the end's mark; lines without one are left out."""
    if response.headers.get("content-type", "").startswith("application/json"):
        # A server that does not stream answers whole.
        whole = (await response.aread()).decode(errors="replace")
        if not _is_whole(whole):
            raise _garbled()
        yield whole
        return
    held = ""
    failed = False
    async for line in _lines(response):
        name, _, value = line.removeprefix(codecs.BOM_UTF8).partition(b":")
        text = value.decode(errors="replace").strip()
        if not line:
            failed = False
        if not line and held:
            raise _garbled()
        failed = failed or (name == b"event" and text == "error")
        if name == _ERROR or (failed and name == _DATA and text):
            raise _failure(text)
        if name != _DATA or not text:
            continue
        # An event may be written over several lines of data.
        held += text
        if held == _DONE or _is_whole(held):
            yield held
            held = ""
        elif not held.startswith("{"):
            # A ping or a note: there are no words in it.
            held = ""
    if held:
        raise _garbled()


def _garbled() -> LlmUnavailable:
    return LlmUnavailable("The language model sent a line that can't be read.")


def _is_whole(payload: str) -> bool:
    try:
        json.loads(payload)
    except (ValueError, RecursionError):
        return False
    return True


async def _lines(response: httpx.Response) -> AsyncIterator[bytes]:
    """Lines as the event stream format has them.

    httpx would also cut at U+2028, U+0085 and the like, which JSON may hold as they are.
    """
    held = b""
    async for piece in response.aiter_bytes():
        *lines, held = _LINE_END.split(held + piece)
        for line in lines:
            yield line
        if len(held) > MAX_EVENT_BYTES:
            raise LlmUnavailable("The language model sent more than an answer's piece may have.")
    if held:
        yield held.rstrip(b"\r")
