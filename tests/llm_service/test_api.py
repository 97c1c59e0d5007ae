"""The OpenAI API of llm-service over real sockets, with httpx and the official SDK."""

import json
import os
import subprocess
import sys

import httpx
import openai
import pytest

from llm_service.app import make_app
from llm_service.settings import Settings

ASK = {"messages": [{"role": "user", "content": "count to five"}]}


async def events(client: httpx.AsyncClient, body: dict[str, object]) -> list[str]:
    async with client.stream("POST", "/v1/chat/completions", json=body) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        return [line.removeprefix("data: ") async for line in response.aiter_lines() if line]


async def test_health_names_the_engine(start) -> None:
    client = await start()
    health = (await client.get("/health")).json()
    assert health["status"] == "ok"
    assert health["engine"]["kind"] == "embedded"
    assert "Not a language model" in health["engine"]["notice"]


async def test_models(start) -> None:
    client = await start(model="mine")
    assert [m["id"] for m in (await client.get("/v1/models")).json()["data"]] == ["mine"]


async def test_whole_answer(start) -> None:
    client = await start()
    answer = (await client.post("/v1/chat/completions", json=ASK)).json()
    choice = answer["choices"][0]
    assert choice["message"] == {"role": "assistant", "content": "One, two, three, four, five."}
    assert choice["finish_reason"] == "stop"
    assert answer["usage"]["completion_tokens"] > 5


async def test_stream_is_role_tokens_reason_done(start) -> None:
    client = await start()
    lines = await events(client, {**ASK, "stream": True})
    assert lines[-1] == "[DONE]"
    chunks = [json.loads(line) for line in lines[:-1]]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0]["role"] == "assistant"
    assert "".join(d.get("content", "") for d in deltas) == "One, two, three, four, five."
    assert sum(1 for d in deltas if d.get("content")) > 5
    assert [c["choices"][0].get("finish_reason") for c in chunks][-1] == "stop"
    assert len({chunk["id"] for chunk in chunks}) == 1


async def test_usage_chunk_when_asked(start) -> None:
    client = await start()
    lines = await events(client, {**ASK, "stream": True, "stream_options": {"include_usage": True}})
    last = json.loads(lines[-2])
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] == (
        last["usage"]["prompt_tokens"] + last["usage"]["completion_tokens"]
    )


async def test_max_tokens_ends_with_length(start) -> None:
    client = await start()
    lines = await events(client, {**ASK, "stream": True, "max_tokens": 3})
    chunks = [json.loads(line) for line in lines[:-1]]
    assert chunks[-1]["choices"][0]["finish_reason"] == "length"
    assert sum(1 for c in chunks if c["choices"][0]["delta"].get("content")) == 3


async def test_exact_length_is_a_stop(start) -> None:
    client = await start()
    whole = (await client.post("/v1/chat/completions", json=ASK)).json()
    exact = {**ASK, "max_tokens": whole["usage"]["completion_tokens"]}
    again = (await client.post("/v1/chat/completions", json=exact)).json()
    assert again["choices"][0]["finish_reason"] == "stop"


async def test_unknown_model_is_not_found(start) -> None:
    client = await start()
    answer = await client.post("/v1/chat/completions", json={**ASK, "model": "Qwen/else"})
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("body", [b"no json", b"[]", b"{}", b'{"messages": []}'])
async def test_bad_requests_are_problems(start, body: bytes) -> None:
    client = await start()
    answer = await client.post("/v1/chat/completions", content=body)
    assert answer.status_code == 422
    assert answer.json()["code"] == "BAD_MESSAGE"


async def test_key_is_asked_for(start) -> None:
    client = await start(api_key="secret")
    assert (await client.post("/v1/chat/completions", json=ASK)).status_code == 401
    answer = await client.post(
        "/v1/chat/completions", json=ASK, headers={"Authorization": "Bearer secret"}
    )
    assert answer.status_code == 200


async def test_openai_sdk(start) -> None:
    client = await start()
    sdk = openai.AsyncOpenAI(
        base_url=str(client.base_url.join("/v1/")), api_key="none", max_retries=0
    )
    async with sdk:
        stream = await sdk.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": "數到三"}], stream=True
        )
        text = "".join([c.choices[0].delta.content or "" async for c in stream])
        assert text == "一，二，三。"
        with pytest.raises(openai.NotFoundError):
            await sdk.chat.completions.create(
                model="other", messages=[{"role": "user", "content": "hi"}]
            )


async def test_closed_stream_leaves_the_service_usable(start) -> None:
    client = await start(token_ms=50)
    story = {"messages": [{"role": "user", "content": "tell me a story"}], "stream": True}
    async with client.stream("POST", "/v1/chat/completions", json=story) as response:
        async for _ in response.aiter_lines():
            break
    assert (await client.get("/health")).status_code == 200


async def test_unknown_backend_does_not_start() -> None:
    app = make_app(Settings.model_validate({"backend": "nothing"}))
    with pytest.raises(ValueError, match="LLM_BACKEND"):
        async with app.router.lifespan_context(app):
            pass


@pytest.mark.parametrize("name", ["LLM_BACKEND", "LLM_TIMEZONE", "LLM_TOKEN_MS"])
def test_settings_that_cannot_work_are_said_in_a_sentence(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "llm_service"],
        env={**os.environ, name: "nonsense"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("llm-service: ")
    assert "Traceback" not in done.stderr


async def test_time_zone(start) -> None:
    answers = set()
    for zone in ("Asia/Taipei", "America/New_York"):
        client = await start(timezone=zone)
        ask = {"messages": [{"role": "user", "content": "what time is it"}]}
        answer = (await client.post("/v1/chat/completions", json=ask)).json()
        answers.add(answer["choices"][0]["message"]["content"])
    assert len(answers) == 2


PARTS = [
    [{"type": "text", "text": "count to five"}],
    [{"type": "text", "text": "count to"}, {"type": "image_url"}, {"type": "text", "text": "five"}],
    ["count to five"],
]


@pytest.mark.parametrize("content", PARTS)
async def test_content_in_parts(start, content: list[object]) -> None:
    client = await start()
    body = {"messages": [{"role": "user", "content": content}]}
    answer = (await client.post("/v1/chat/completions", json=body)).json()
    assert answer["choices"][0]["message"]["content"] == "One, two, three, four, five."


@pytest.mark.parametrize("stop", [", four", [", four", "never"], ["five", ", fo", ""]])
async def test_a_text_that_ends_the_answer(start, stop: object) -> None:
    client = await start()
    whole = (await client.post("/v1/chat/completions", json={**ASK, "stop": stop})).json()
    assert whole["choices"][0]["message"]["content"] == "One, two, three"
    assert whole["choices"][0]["finish_reason"] == "stop"
    lines = await events(client, {**ASK, "stop": stop, "stream": True})
    deltas = [json.loads(line)["choices"][0]["delta"] for line in lines[:-1]]
    assert "".join(d.get("content", "") for d in deltas) == "One, two, three"


@pytest.mark.parametrize("n", [1, 2, 3])
async def test_as_many_answers_as_were_asked_for(start, n: int) -> None:
    client = await start()
    whole = (await client.post("/v1/chat/completions", json={**ASK, "n": n})).json()
    assert [choice["index"] for choice in whole["choices"]] == list(range(n))
    lines = await events(client, {**ASK, "n": n, "stream": True})
    said = dict.fromkeys(range(n), "")
    for line in lines[:-1]:
        choice = json.loads(line)["choices"][0]
        said[choice["index"]] += choice["delta"].get("content") or ""
    assert set(said.values()) == {"One, two, three, four, five."}
