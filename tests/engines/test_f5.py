"""The real F5-TTS and Vocos, with tiny random weights: their sound is noise.

Proves that the service loads, runs, cancels and fails as it should with the real library; nothing
about voices. `AVATAR_F5_PYTHON` names the interpreter of its environment (tools/engine_env.sh f5).
"""

import asyncio
import dataclasses
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from avatar_contract.audio import wav_bytes
from avatar_contract.errors import AvatarError
from tts_service.backends import build
from tts_service.backends.base import Backend
from tts_service.backends.process import ProcessBackend
from tts_service.settings import TtsSettings
from tts_service.utterance import Run, Utterance
from tts_service.voices import VoiceSample, etag_of

pytestmark = [pytest.mark.engines, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(sys.modules["tts_service"].__path__[0]).parent
ENGLISH = Utterance((Run("en", "Good morning, this is a test of speech."),))
MIXED = Utterance((Run("zh", "我們今天天氣很好"), Run("en", "hello")))
REFERENCE_TEXT = "some words that were said here"


@pytest.fixture
def f5(f5_python: Path, f5_models: Path, tmp_path: Path) -> Callable[..., object]:
    @asynccontextmanager
    async def make(odd: str = "", **changes: object) -> AsyncIterator[Backend]:
        settings = TtsSettings.model_validate(
            {
                "home": tmp_path,
                "engine": "f5",
                "models_dir": f5_models,
                "engine_python": f5_python,
                "f5_steps_fast": 4,
                "f5_steps_hq": 8,
                "wait_timeout_s": 300,
                **changes,
            }
        )
        backend = build(settings)
        if odd:
            paths = os.pathsep.join([str(SOURCE), str(Path(__file__).parent)])
            engine = backend._engine
            environment = {**engine.environment, "PYTHONPATH": paths}
            backend = ProcessBackend(
                dataclasses.replace(engine, worker=f"odd_f5:{odd}", environment=environment),
                settings,
            )
        await backend.start()
        try:
            yield backend
        finally:
            await backend.close()

    return make


async def _settled(backend: Backend) -> Backend:
    async with asyncio.timeout(400):
        while backend.health().model.state == "loading":
            await asyncio.sleep(0.05)
    return backend


async def _spoken(
    backend: Backend, utterance: Utterance, voice: VoiceSample | None = None
) -> bytes:
    return b"".join([pcm async for pcm in backend.speak(utterance, voice)])


def _voice(seconds: float = 4.0, f0: float = 140.0, text: str = REFERENCE_TEXT) -> VoiceSample:
    rate = 24_000
    time = np.arange(int(seconds * rate)) / rate
    tone = 0.3 * np.sign(np.sin(2 * np.pi * f0 * time)) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * time))
    wav = wav_bytes((tone * 32767).astype(np.int16).tobytes(), rate)
    return VoiceSample(f"v{f0:.0f}", etag_of(wav, text), wav, text)


async def test_speaks_profiles_and_itself_seeded_and_cancels(f5):
    """One loading of the library serves many checks: it takes half a minute."""
    async with f5() as backend:
        model = (await _settled(backend)).health().model
        assert (model.state, model.device) == ("ready", "cpu")

        own = await _spoken(backend, ENGLISH)
        assert own == await _spoken(backend, ENGLISH), "seeded: the same text gives the same sound"
        samples = np.frombuffer(own, np.int16)
        assert 1.0 < len(samples) / 24_000 < 10.0
        assert samples.any()

        fast = await _spoken(backend, Utterance(ENGLISH.runs, speed=2.0))
        assert len(fast) == pytest.approx(len(own) / 2, rel=0.1)
        hq = await _spoken(backend, Utterance(ENGLISH.runs, mode="hq"))
        assert hq != own
        assert len(hq) == len(own)
        assert len(await _spoken(backend, MIXED)) > 24_000

        low, high = _voice(f0=120.0), _voice(f0=220.0)
        taken = await backend.add_voice(low)
        assert 3.0 < taken.facts["seconds"] <= 4.0
        assert taken.embedding is not None
        assert len(taken.embedding) == 256
        assert np.linalg.norm(taken.embedding) == pytest.approx(1.0, abs=1e-3)
        as_low = await _spoken(backend, ENGLISH, low)
        assert as_low == await _spoken(backend, ENGLISH, low)
        assert as_low != await _spoken(backend, ENGLISH, high)

        long = Utterance(tuple(Run("en", f"This is sentence {word}.") for word in "abcdefghij"))
        before = backend.health().load["workers"]
        async with aclosing(backend.speak(long, None)) as sound:
            await anext(sound)
        assert await _spoken(backend, ENGLISH) == own, "hanging up freed the worker"
        assert backend.health().load["workers"] == before
        assert backend.health().model.real_time_factor is not None

        for voice, code in [
            (_voice(text=""), "BAD_MESSAGE"),
            (_voice(text="a."), "BAD_MESSAGE"),
            (_voice(text="quite other words, and too many of them " * 10), "BAD_MESSAGE"),
            (_voice(seconds=20.0), "BAD_AUDIO"),
            (_voice(seconds=0.4), "BAD_AUDIO"),
        ]:
            with pytest.raises(AvatarError) as refused:
                await backend.add_voice(voice)
            assert refused.value.code == code
        assert await _spoken(backend, ENGLISH) == own


async def test_a_gpu_that_was_asked_for_and_is_absent_is_refused(f5):
    async with f5(device="cuda:7") as backend:
        model = (await _settled(backend)).health().model
    assert model.state == "failed"
    assert "DEVICE=cuda:7 is not there" in model.detail
    assert "avatar doctor" in model.detail


async def test_a_gpu_that_is_full_or_vanishes_while_speaking_is_an_error_and_no_end(f5):
    async with f5("FailingGpu") as backend:
        await _settled(backend)
        (first,) = backend.pool.pids
        with pytest.raises(AvatarError, match=r"out of memory.*DEVICE=cpu") as refused:
            await _spoken(backend, Utterance((Run("en", "The card is full of other things."),)))
        assert refused.value.code == "TTS_UNAVAILABLE"
        assert await _spoken(backend, ENGLISH)
        assert backend.pool.pids == [first], "full memory leaves the process"

        with pytest.raises(AvatarError) as lost:
            await _spoken(backend, Utterance((Run("en", "And now the card will vanish."),)))
        assert (lost.value.code, lost.value.retryable) == ("TTS_UNAVAILABLE", True)
        async with asyncio.timeout(400):
            while not set(backend.pool.pids) - {first}:
                await asyncio.sleep(0.05)
        assert await _spoken(backend, ENGLISH), "its context is lost: a fresh process speaks"


async def test_a_gpu_that_is_full_when_the_weights_come_means_the_cpu(f5):
    async with f5("FullGpu", device="cuda:0") as backend:
        model = (await _settled(backend)).health().model
        notice = backend.notice(ENGLISH, None)
        assert await _spoken(backend, ENGLISH)
    assert (model.state, model.device) == ("ready", "cpu")
    assert "cuda:0 is full" in notice.message


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("missing", "is missing from the model folder"),
        ("truncated", "damaged"),
        ("other", "damaged"),
    ],
)
async def test_broken_model_folders_say_what_mends_them(f5, f5_models, tmp_path, damage, said):
    broken = tmp_path / "broken"
    shutil.copytree(f5_models, broken)
    weights = broken / "f5-tts" / "model.safetensors"
    if damage == "missing":
        weights.unlink()
    elif damage == "truncated":
        weights.write_bytes(weights.read_bytes()[:5000])
    else:
        (broken / "f5-tts" / "model.json").unlink()  # then it is taken for the base model
    async with f5(models_dir=broken) as backend:
        model = (await _settled(backend)).health().model
    assert model.state == "failed"
    assert said in model.detail
    assert "avatar models" in model.detail
