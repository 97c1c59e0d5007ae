"""The real vLLM (on the CPU) and the real llama.cpp server, with a tiny model of one sentence.

Proves that the gateway's client speaks with both: streaming, stop tokens, refusals, cancelling. It
proves nothing about answers. AVATAR_VLLM_PYTHON and AVATAR_LLAMA_PYTHON name the interpreters.
"""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from avatar_contract.chat import ChatMessage
from avatar_contract.errors import LlmUnavailable
from gateway.services.caller import Address, Caller
from gateway.services.llm import ChatModel, ChatSettings
from gateway.services.pools import new_client

pytestmark = [pytest.mark.engines, pytest.mark.timeout(900)]

ANSWER = "Hello! How can I help you today?"
ASK = (
    ChatMessage(role="system", content="how are you today"),
    ChatMessage(role="user", content="hello what time is it"),
)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with new_client() as client:
        yield client


def model(http: httpx.AsyncClient, url: str, **changes: object) -> ChatModel:
    name = str(changes.pop("name", "tiny"))
    settings = {"max_tokens": 64, "temperature": 0.0, "first_token_timeout_s": 120.0, **changes}
    return ChatModel(
        Caller(http, Address("llm", "llm-service", url, LlmUnavailable)),
        ChatSettings(lambda: name, **settings),
    )


async def test_vllm_streams_the_sentence(http, vllm: str) -> None:
    deltas = [delta async for delta in model(http, vllm).answer(ASK)]
    assert "".join(delta.text for delta in deltas) == ANSWER
    assert len(deltas) > 3
    assert deltas[-1].finish_reason == "stop"


async def test_vllm_refusals_say_why(http, vllm: str) -> None:
    with pytest.raises(LlmUnavailable, match="does not exist"):
        _ = [d async for d in model(http, vllm, name="nobody").answer(ASK)]
    long = (ChatMessage(role="user", content="hello " * 2000),)
    with pytest.raises(LlmUnavailable, match="400"):
        _ = [d async for d in model(http, vllm).answer(long)]


async def test_closing_the_stream_aborts_the_request_at_vllm(http, vllm: str) -> None:
    async def running() -> float:
        text = (await http.get(f"{vllm}/metrics")).text
        lines = [x for x in text.splitlines() if x.startswith("vllm:num_requests_running")]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    body = {"model": "tiny", "prompt": "hello", "max_tokens": 900, "stream": True}
    body |= {"ignore_eos": True}
    async with http.stream("POST", f"{vllm}/v1/completions", json=body, timeout=120) as stream:
        await anext(stream.aiter_lines())
        assert await running() >= 1
    async with asyncio.timeout(10):
        while await running():
            await asyncio.sleep(0.1)


async def test_llama_streams_the_sentence_and_answers_two_at_once(http, llama: str) -> None:
    asked = [model(http, llama, name="any name").answer(ASK) for _ in range(2)]

    async def text(stream) -> str:
        return "".join([delta.text async for delta in stream])

    assert await asyncio.gather(*map(text, asked)) == [ANSWER, ANSWER]
