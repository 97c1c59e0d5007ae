"""A GPU that is full spoils one utterance; one that vanishes takes its process along."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from avatar_contract.errors import SttUnavailable
from stt_service.backends import whisper_worker
from stt_service.backends.base import Hints
from stt_service.backends.faster_whisper import FasterWhisper, WhisperOptions
from stt_service.backends.whisper_worker import Job, Load
from stt_service.workers.process import Worker

TINY = Path(__file__).parents[1] / "data" / "models" / "tiny-whisper"
SOUND = bytes(2 * 16_000)


@pytest.fixture
async def worker(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    load = Load(str(TINY), "cpu", "int8", 1, 1, 0.6)
    started = await Worker.spawn("lost_gpu_worker", [load.argument()])
    await started.ready
    yield started
    await started.end()


async def _ask(worker: Worker, **job: object) -> object:
    packed = Job(language="en", beam=1, **job).packed(SOUND)
    return await worker.ask(whisper_worker.TRANSCRIBE, packed)


async def test_full_memory_is_told_and_the_next_utterance_works(worker: Worker) -> None:
    with pytest.raises(SttUnavailable, match=r"is full.*DEVICE=cpu"):
        await _ask(worker, prompt="full")
    assert "segments" in await _ask(worker)
    assert worker.alive


async def test_a_lost_gpu_is_told_and_ends_the_process_so_that_a_fresh_one_begins(
    worker: Worker,
) -> None:
    with pytest.raises(SttUnavailable, match=r"can't be used.*avatar doctor"):
        await _ask(worker, prompt="vanish")
    await worker.gone.wait()
    assert not worker.alive


async def test_a_restart_looks_again_at_what_there_is_and_says_what_is_wrong(tmp_path) -> None:
    folder = tmp_path / "tiny"
    shutil.copytree(TINY, folder)
    recogniser = FasterWhisper(WhisperOptions("tiny", tmp_path, device="cpu", threads=1))
    await recogniser.start()
    try:
        folder.rename(tmp_path / "away")
        recogniser._worker.kill()
        await _until(lambda: recogniser.health().state == "failed")
        assert "avatar models download tiny" in recogniser.health().detail
        with pytest.raises(SttUnavailable, match="avatar models download tiny"):
            await recogniser.transcribe(SOUND, Hints("en"))
        (tmp_path / "away").rename(folder)
        await _until(lambda: recogniser.health().state == "ready")
        await recogniser.transcribe(SOUND, Hints("en"))
    finally:
        await recogniser.close()


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not is_so():
            await asyncio.sleep(0.01)
