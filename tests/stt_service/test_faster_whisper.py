"""The real faster-whisper on tiny weights that know three clips by heart.

They prove the path, from the folder to the words, and nothing about accuracy.
"""

import asyncio
import shutil
import signal
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
import pytest_asyncio

from avatar_contract.errors import SttUnavailable
from stt_service.backends.base import Hints
from stt_service.backends.faster_whisper import FasterWhisper, WhisperOptions
from stt_service.hearing.silero import Silero
from stt_service.hearing.spans import Spotter
from stt_service.words.normal import normalised

pytestmark = pytest.mark.asyncio(loop_scope="module")


MODELS = Path(__file__).parent.parent / "data" / "models"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def whisper(serve):
    return await serve(
        backend="faster_whisper", model="tiny-whisper", home=MODELS.parent, device="cpu", threads=1
    )


def tiny(**options):
    fields = {"model": "tiny-whisper", "models_dir": MODELS, "device": "cpu", **options}
    return FasterWhisper(WhisperOptions(**fields), Spotter(Silero.load()))


async def words_of(recogniser, pcm):
    dictation = await recogniser.listen(Hints("en"))
    try:
        dictation.feed(pcm)
        return await dictation.settle()
    finally:
        await dictation.close()


def same(text, clips, name):
    return normalised(text) == normalised(clips.text(name))


@pytest.mark.parametrize(("name", "language"), [("hello", "en"), ("nihao", "zh")])
async def test_words_come_back_word_for_word(whisper, clips, name, language):
    async with whisper.socket() as socket:
        await socket.audio(clips.pcm(name))
        await socket.send(type="commit")
        final = await socket.ending()
        assert same(final.text, clips, name)
        assert final.language == language


async def test_chinese_hands_free(whisper, clips):
    async with whisper.socket() as socket:
        await socket.configure(turn_detection="server_vad", language="zh")
        await socket.audio(clips.pcm("nihao"))
        await socket.until("pause")
        await socket.audio(bytes(64_000))
        final = await socket.ending()
        assert same(final.text, clips, "nihao")
        pauses = [one.text for one in socket.seen if one.type == "pause"]
        assert normalised(pauses[-1]) == normalised(final.text)


async def test_chinese_words_grow_while_they_are_spoken(whisper, clips):
    """In steps of audio, each looked at before the next: no clock."""
    recogniser = whisper.app.state.service.recogniser
    dictation = await recogniser.listen(Hints("zh"))
    pcm, seen = clips.pcm("nihao"), []
    for at in range(0, len(pcm), 16_000):
        dictation.feed(pcm[at : at + 16_000])
        recogniser._rtf = None  # as if a look cost nothing: a busy machine takes fewer
        look = await dictation.glance()
        seen.append(normalised(look.text) if look else "")
    seen.append(normalised((await dictation.settle()).text))
    await dictation.close()
    assert seen[-1] == normalised(clips.text("nihao"))
    partial = [text for text in seen if 0 < len(text) < len(seen[-1])]
    assert partial
    assert any(seen[-1].startswith(text[:2]) for text in partial)


async def test_recordings_have_word_times(whisper, clips):
    async with httpx.AsyncClient(timeout=60) as client:
        answer = await client.post(
            f"{whisper.url}/v1/audio/transcriptions",
            files={"file": ("a.wav", clips.wav("weather"))},
            data={"response_format": "verbose_json", "language": "en"},
        )
    said = answer.json()
    assert same(said["text"], clips, "weather")
    words = [normalised(word["word"]) for word in said["words"]]
    assert words == clips.text("weather").split()
    starts = [word["start"] for word in said["words"]]
    assert starts == sorted(starts)
    assert starts[-1] < said["duration"]


@pytest.mark.parametrize("sound", ["silence", "noise", "tone"])
async def test_nothing_is_invented(whisper, sound):
    time = np.arange(48_000)
    samples = {
        "silence": np.zeros(48_000),
        "noise": np.random.default_rng(0).normal(size=48_000) * 600,
        "tone": 6000 * np.sin(time * 0.17),
    }[sound]
    pcm = samples.astype(np.int16).tobytes()
    said = await whisper.app.state.service.recogniser.transcribe(pcm, Hints())
    assert said.text == ""
    assert said.language is None
    async with whisper.socket() as socket:
        await socket.audio(pcm)
        await socket.send(type="commit")
        assert (await socket.ending()).type == "no_speech"


async def test_words_outlive_a_process_that_dies_over_them(whisper, clips):
    service = whisper.app.state.service
    async with whisper.socket() as socket:
        await socket.audio(clips.pcm("hello"))
        psutil.Process(service.recogniser._pool.workers[0].pid).send_signal(signal.SIGSTOP)
        await socket.send(type="commit")
        while not service.recogniser._looks.busy:
            await asyncio.sleep(0.01)
        psutil.Process(service.recogniser._pool.workers[0].pid).kill()
        assert same((await socket.ending()).text, clips, "hello")
        await whisper.ready()
        await socket.audio(clips.pcm("hello"))
        await socket.send(type="commit")
        assert same((await socket.ending()).text, clips, "hello")


async def test_a_processor_without_avx2_hears_the_same(monkeypatch, clips):
    """CTranslate2 is told to use the instructions that every x86-64 has; it reads this variable."""
    monkeypatch.setenv("CT2_FORCE_CPU_ISA", "GENERIC")
    recogniser = tiny(threads=1)
    await recogniser.start()
    try:
        assert same((await words_of(recogniser, clips.pcm("hello"))).text, clips, "hello")
    finally:
        await recogniser.close()


async def test_a_full_queue_refuses(clips):
    recogniser = tiny(queue=1)
    await recogniser.start()
    try:
        calls = [asyncio.create_task(words_of(recogniser, clips.pcm("hello"))) for _ in range(4)]
        done = await asyncio.gather(*calls, return_exceptions=True)
        refused = [one for one in done if isinstance(one, SttUnavailable)]
        assert len(refused) == 2
        assert all(one.retryable for one in refused)
    finally:
        await recogniser.close()


async def test_loading_is_seen_and_nothing_is_fetched():
    recogniser = tiny()
    starting = asyncio.create_task(recogniser.start())
    seen = []
    while not starting.done():
        seen.append(recogniser.health().progress)
        await asyncio.sleep(0.01)
    await starting
    assert {0.0, 0.1} <= set(seen)
    assert recogniser.health().state == "ready"
    assert {"en", "zh"} <= set(recogniser.info().languages)
    await recogniser.close()


async def test_weights_that_do_not_load_are_told_not_fatal(tmp_path):
    """The format is right and the numbers are those of another shape: only loading finds out."""
    shutil.copytree(MODELS / "tiny-whisper", tmp_path / "tiny")
    (tmp_path / "tiny" / "vocabulary.json").write_text("[]")
    recogniser = tiny(model="tiny", models_dir=tmp_path)
    with pytest.raises(SttUnavailable, match="avatar models verify"):
        await recogniser.start()
    assert recogniser.health().state == "failed"
    await recogniser.close()


async def test_a_service_without_its_model_says_what_to_do(serve, tmp_path):
    stt = await serve(wait=False, backend="faster_whisper", model="base", home=tmp_path)
    async with httpx.AsyncClient() as client:
        while (health := (await client.get(f"{stt.url}/health")).json())["status"] == "loading":
            await asyncio.sleep(0.01)
    assert health["status"] == "failed"
    assert "avatar models download base" in health["models"][0]["detail"]
