"""A GPU that is absent or can't be used: what recognition does and says."""

import asyncio
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from avatar_contract.devices import Gpu
from avatar_contract.errors import SttUnavailable
from avatar_contract.service.logs import get_logger
from stt_service.app import make_app
from stt_service.backends import faster_whisper
from stt_service.backends.faster_whisper import FasterWhisper, WhisperOptions
from stt_service.backends.gpus import gpus
from stt_service.backends.whisper_worker import explain
from stt_service.hearing.silero import Silero
from stt_service.hearing.spans import Spotter
from stt_service.settings import SttSettings

MODELS = Path(__file__).parents[1] / "data" / "models"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError("CUDA failed with error out of memory"), "memory of cuda:0 is full"),
        (RuntimeError("CUDA driver version is insufficient"), "avatar doctor"),
        (ValueError("odd"), "avatar models verify"),
    ],
)
def test_failures_say_what_to_do(error, words):
    assert words in explain(error, "cuda:0")


def test_an_unknown_word_is_refused_when_settings_are_read():
    with pytest.raises(ValidationError, match="device"):
        SttSettings(device="gpu")


@pytest.fixture
def told(monkeypatch):
    """What the recogniser logs: level, event, detail."""
    seen = []
    log = get_logger(faster_whisper.__name__)
    monkeypatch.setattr(faster_whisper, "log", _Listening(log, seen))
    return seen


class _Listening:
    def __init__(self, log, seen):
        self._log, self._seen = log, seen

    def info(self, event, **fields):
        self._seen.append(("info", event, fields["detail"]))
        self._log.info(event, **fields)

    def warning(self, event, **fields):
        self._seen.append(("warning", event, fields["detail"]))
        self._log.warning(event, **fields)


def whisper(monkeypatch, device, gpus, failure=None):
    """The real recogniser on tiny weights, on a machine that shows these GPUs."""
    monkeypatch.setattr(faster_whisper, "gpus", lambda: (gpus, failure))
    options = WhisperOptions("tiny-whisper", MODELS, device=device, threads=1)
    return FasterWhisper(options, Spotter(Silero.load()))


async def test_auto_without_a_gpu_works_on_the_cpu_and_says_so(monkeypatch, told):
    recogniser = whisper(monkeypatch, "auto", [])
    await recogniser.start()
    health = recogniser.health()
    await recogniser.close()
    assert (health.state, health.device, health.degraded) == ("ready", "cpu", False)
    assert "No GPU was found" in health.detail
    assert told == [("info", "recogniser.on_cpu", health.detail)]


async def test_auto_with_a_driver_that_fails_works_on_the_cpu_and_warns(monkeypatch, told):
    recogniser = whisper(monkeypatch, "auto", [], "nvidia-smi: Driver/library version mismatch")
    await recogniser.start()
    health = recogniser.health()
    await recogniser.close()
    assert (health.state, health.device, health.degraded) == ("ready", "cpu", True)
    assert "Driver/library version mismatch" in health.detail
    assert told == [("warning", "recogniser.on_cpu", health.detail)]


@pytest.mark.parametrize(
    ("script", "seen", "failure"),
    [
        ("echo 0, 24000; echo 1, 80000", [Gpu(0, 24_000), Gpu(1, 80_000)], None),
        ("echo No devices were found; exit 6", [], None),
        ("echo NVIDIA-SMI has failed >&2; exit 9", [], "nvidia-smi: NVIDIA-SMI has failed"),
        ("exit 3", [], "nvidia-smi: exit code 3"),
    ],
)
def test_what_the_drivers_tool_says(monkeypatch, tmp_path, script, seen, failure):
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus() == (seen, failure)


def test_without_the_drivers_tool_there_is_no_gpu(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus() == ([], None)


async def test_auto_with_a_gpu_that_cannot_be_used_works_on_the_cpu_and_says_so(monkeypatch, told):
    """CUDA is shown no GPU here: it fails as it does where its libraries are missing."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    recogniser = whisper(monkeypatch, "auto", [Gpu(0, 24_000)])
    await recogniser.start()
    health = recogniser.health()
    await recogniser.close()
    assert (health.state, health.device, health.degraded) == ("ready", "cpu", True)
    assert health.detail.startswith("cuda:0 can't be used (")
    assert told == [("warning", "recogniser.on_cpu", health.detail)]


@pytest.mark.parametrize(
    ("device", "gpus", "words"),
    [
        ("cuda:7", [Gpu(0, 24_000)], r"DEVICE=cuda:7 is not there \(found: cuda:0\).*DEVICE=auto"),
        ("cuda", [], r"DEVICE=cuda is not there \(found: none\).*avatar doctor"),
        ("cuda:0", [Gpu(0, 24_000)], r"cuda:0 can't be used .*avatar doctor"),
    ],
)
async def test_a_gpu_that_was_asked_for_and_cannot_be_had_is_refused(
    monkeypatch, device, gpus, words
):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    recogniser = whisper(monkeypatch, device, gpus)
    with pytest.raises(SttUnavailable, match=words):
        await recogniser.start()
    health = recogniser.health()
    await recogniser.close()
    assert health.state == "failed"


@pytest.mark.parametrize(
    ("device", "status", "code"), [("auto", "degraded", 200), ("cuda:3", "failed", 503)]
)
async def test_health_of_the_service_is_degraded_or_failed(monkeypatch, device, status, code):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(faster_whisper, "gpus", lambda: ([Gpu(0, 24_000)], None))
    app = make_app(
        SttSettings(
            backend="faster_whisper",
            model="tiny-whisper",
            home=MODELS.parent,
            device=device,
            threads=1,
        )
    )
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://stt") as client,
        asyncio.timeout(60),
    ):
        while (answer := await client.get("/health")).json()["status"] == "loading":
            await asyncio.sleep(0.01)
    health = answer.json()
    assert (health["status"], answer.status_code) == (status, code)
    assert "cuda:" in health["models"][0]["detail"]
