"""A GPU that is absent or full: what F5-TTS does and says, by its own choice of the device.

The rest of the engine needs its own environment: tests/engines/test_f5.py.
"""

import asyncio

import httpx
import pytest
from pydantic import ValidationError

from tts_service.app import build_app
from tts_service.backends import process

GPU = {"index": 0, "total_mib": 24_000, "free_mib": 20_000}
FULL = {**GPU, "free_mib": 100}


async def health_of(backend, settings):
    """The service's `/health` once its engine has loaded, or failed to."""
    app = build_app(settings(), backend)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://tts") as client,
        asyncio.timeout(60),
    ):
        while (answer := await client.get("/health")).json()["status"] == "loading":
            await asyncio.sleep(0.01)
    return answer


@pytest.fixture
def told(monkeypatch):
    """What the service's log was told: level, event, detail."""
    seen = []

    class Log:
        def info(self, event, **fields):
            seen.append(("info", event, fields["detail"]))

        def warning(self, event, **fields):
            seen.append(("warning", event, fields["detail"]))

    monkeypatch.setattr(process, "log", Log())
    return seen


@pytest.mark.parametrize(
    ("device", "gpus", "status", "level", "words"),
    [
        ("auto", [], "ok", "info", "No GPU was found"),
        ("auto", [FULL], "degraded", "warning", "cuda:0 has 100 MiB free"),
        ("cuda:0", [FULL], "degraded", "warning", "cuda:0 has 100 MiB free"),
    ],
)
async def test_the_cpu_in_place_of_a_gpu_is_told(
    odd, settings, told, device, gpus, status, level, words
):
    backend = odd(worker="engines:OnAGpu", config={"device": device, "gpus": gpus})
    answer = await health_of(backend, settings)
    assert (answer.status_code, answer.json()["status"]) == (200, status)
    assert answer.json()["models"][0]["device"] == "cpu"
    ((at, event, detail),) = told
    assert (at, event) == (level, "engine.on_cpu")
    assert words in detail


@pytest.mark.parametrize(
    ("device", "gpus", "found"), [("cuda:7", [GPU], "cuda:0"), ("cuda", [], "none")]
)
async def test_a_gpu_that_was_asked_for_and_is_absent_is_refused(
    odd, settings, told, device, gpus, found
):
    backend = odd(worker="engines:OnAGpu", config={"device": device, "gpus": gpus})
    answer = await health_of(backend, settings)
    assert answer.status_code == 503
    detail = answer.json()["models"][0]["detail"]
    assert f"DEVICE={device} is not there (found: {found})" in detail
    assert "DEVICE=auto" in detail


async def test_a_gpu_that_is_there_is_taken(odd, settings, told):
    backend = odd(worker="engines:OnAGpu", config={"device": "cuda:0", "gpus": [GPU]})
    answer = await health_of(backend, settings)
    assert answer.json()["models"][0]["device"] == "cuda:0"
    assert told == []


def test_an_unknown_word_is_refused_when_settings_are_read(settings):
    with pytest.raises(ValidationError, match="device"):
        settings(device="gpu")
