"""A GPU that is full spoils one utterance; one that vanishes takes its process along."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from avatar_contract.errors import SttUnavailable
from avatar_contract.workers.errors import EngineError
from avatar_contract.workers.jobs import Request
from avatar_contract.workers.process import Worker, WorkerCommand
from stt_service.backends import whisper_worker
from stt_service.backends.base import Hints
from stt_service.backends.faster_whisper import FasterWhisper, WhisperOptions
from stt_service.backends.whisper_worker import Job, Load
from stt_service.hearing.silero import Silero
from stt_service.hearing.spans import Spotter

TINY = Path(__file__).parents[1] / "data" / "models" / "tiny-whisper"
SOUND = bytes(2 * 16_000)


@pytest.fixture
async def worker():
    load = Load(str(TINY), "cpu", "int8", 1, 1, 0.6)
    path = (str(Path(__file__).parent),)
    command = WorkerCommand("lost_gpu_worker:Engine", load.argument(), path=path)
    started = await Worker.spawn(command)
    await started.loaded
    yield started
    await started.end()


async def _ask(worker: Worker, **job: object) -> object:
    meta = Job(language="en", beam=1, **job).meta()
    return (await worker.ask(Request(whisper_worker.TRANSCRIBE, meta, SOUND))).meta


async def test_full_memory_is_told_and_the_next_utterance_works(worker: Worker) -> None:
    with pytest.raises(EngineError, match=r"is full.*DEVICE=cpu"):
        await _ask(worker, prompt="full")
    assert "text" in await _ask(worker)
    assert worker.alive


async def test_a_lost_gpu_is_told_and_ends_the_process_so_that_a_fresh_one_begins(
    worker: Worker,
) -> None:
    with pytest.raises(EngineError, match=r"can't be used.*avatar doctor"):
        await _ask(worker, prompt="vanish")
    await worker.gone.wait()
    assert not worker.alive


async def test_a_restart_looks_again_at_what_there_is_and_says_what_is_wrong(tmp_path) -> None:
    folder = tmp_path / "tiny"
    shutil.copytree(TINY, folder)
    options = WhisperOptions("tiny", tmp_path, device="cpu", threads=1)
    recogniser = FasterWhisper(options, Spotter(Silero.load()))
    await recogniser.start()
    try:
        folder.rename(tmp_path / "away")
        recogniser._pool.workers[0].kill()
        await _until(lambda: recogniser.health().state == "failed")
        assert "set STT_MODEL" in recogniser.health().detail
        with pytest.raises(SttUnavailable, match="set STT_MODEL"):
            await _words(recogniser)
        (tmp_path / "away").rename(folder)
        await _until(lambda: recogniser.health().state == "ready")
        await recogniser.transcribe(SOUND, Hints("en"))
    finally:
        await recogniser.close()


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not is_so():
            await asyncio.sleep(0.01)


async def _words(recogniser: FasterWhisper) -> str:
    dictation = await recogniser.listen(Hints("en"))
    try:
        dictation.feed(SOUND)
        return (await dictation.settle()).text
    finally:
        await dictation.close()
