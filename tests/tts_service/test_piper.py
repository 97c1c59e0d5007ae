"""The real piper-tts without torch, with a tiny voice whose sound is noise."""

import importlib.resources
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tts_service.backends import build

TINY = Path(__file__).parents[1] / "data" / "models" / "tiny-piper"
VOICES = {"engine": "piper", "models_dir": TINY, "piper_zh": "zh.onnx", "piper_en": "en.onnx"}


async def _say(client, text, **fields):
    body = {"input": text, "response_format": "pcm", **fields}
    return await client.post("/v1/audio/speech", json=body)


async def _failure(settings, tmp_path, **changes) -> str:
    """What `/health` says of an engine that can't load."""
    backend = build(settings(**{**VOICES, "models_dir": tmp_path, **changes}))
    await backend.start()
    try:
        while not backend.health().model.detail:
            assert backend.health().model.state == "loading"
            await _tick()
        return backend.health().model.detail
    finally:
        await backend.close()


async def _tick() -> None:
    import asyncio

    await asyncio.sleep(0.02)


async def test_speaks_both_languages_and_changes_voice_inside_a_sentence(serve):
    async with serve(**VOICES) as client:
        answer = await _say(client, "我在用 Google Maps 找路。")
        slow = await _say(client, "我在用 Google Maps 找路。", speed=0.5)
        health = (await client.get("/health")).json()
    assert answer.headers["avatar-voice"] == "zh, en"
    assert answer.headers["content-type"] == "audio/pcm; rate=24000; channels=1"
    samples = np.frombuffer(answer.content, np.int16)
    assert 0.5 < len(samples) / 24_000 < 6
    assert len(slow.content) == pytest.approx(2 * len(answer.content), rel=0.15)
    assert health["engine"]["name"] == "Piper"
    assert health["models"][0]["real_time_factor"] > 0


async def test_mandarin_phonemes_come_from_its_own_espeak(serve):
    async with serve(**VOICES) as client:
        told = (await client.post("/v1/audio/phonemes", json={"input": "今天 hello"})).json()
    assert [run["language"] for run in told["runs"]] == ["zh", "en"]
    assert "tɕ" in told["runs"][0]["phonemes"]
    assert "l" in told["runs"][1]["phonemes"]


async def test_profiles_and_hq_fall_back_with_notices(serve, voiced_wav):
    files = {"file": ("a.wav", voiced_wav(), "audio/wav")}
    async with serve(**VOICES) as client:
        put = await client.put("/v1/voices/a", files=files, data={"reference_text": "x"})
        voiced = await _say(client, "Hello.", voice=f"a@{put.json()['etag']}")
        better = await _say(client, "Hello.", mode="hq")
    assert voiced.headers["avatar-notice"].startswith("VOICE_FELL_BACK; ")
    assert better.headers["avatar-notice"].startswith("HQ_FELL_BACK; ")


async def test_a_language_without_a_voice_is_unsupported(serve):
    async with serve(**{**VOICES, "piper_en": "none"}) as client:
        answer = await _say(client, "Hello there.")
    assert (answer.status_code, answer.json()["code"]) == (422, "UNSUPPORTED_LANGUAGE")


async def test_a_voice_is_left_out_by_the_environment(monkeypatch, serve):
    """An empty variable counts as one that is not set, so `none` says it; digits are English."""
    monkeypatch.setenv("TTS_PIPER_ZH", "none")
    english = {name: value for name, value in VOICES.items() if name != "piper_zh"}
    async with serve(**english) as client:
        number = await _say(client, "2026")
        health = (await client.get("/health")).json()
    assert health["engine"]["languages"] == ["en"]
    assert number.headers["avatar-voice"] == "en"


async def test_without_any_voice_it_says_what_to_set(settings, tmp_path):
    told = await _failure(settings, tmp_path, piper_zh="none", piper_en="none")
    assert "TTS_PIPER_ZH" in told


async def test_a_missing_file_is_named_with_the_command_that_brings_it(settings, tmp_path):
    shutil.copy(TINY / "zh.onnx", tmp_path)
    told = await _failure(settings, tmp_path, piper_en="none")
    assert "zh.onnx.json is missing" in told
    assert "avatar models download" in told


async def test_a_truncated_file_is_named_with_the_command_that_checks_it(settings, tmp_path):
    shutil.copy(TINY / "zh.onnx.json", tmp_path)
    (tmp_path / "zh.onnx").write_bytes((TINY / "zh.onnx").read_bytes()[:9000])
    told = await _failure(settings, tmp_path, piper_en="none")
    assert "damaged" in told
    assert "avatar models verify" in told


@pytest.mark.parametrize("other", ["graph", "config"])
async def test_weights_of_another_architecture_are_named(settings, tmp_path, other):
    """A graph that is no voice (faster-whisper's detector), and a config that is none."""
    for name in ("zh.onnx", "zh.onnx.json"):
        shutil.copy(TINY / name, tmp_path)
    if other == "graph":
        assets = importlib.resources.files("faster_whisper") / "assets"
        (graph,) = [one for one in assets.iterdir() if one.name.endswith(".onnx")]
        (tmp_path / "zh.onnx").write_bytes(graph.read_bytes())
    else:
        (tmp_path / "zh.onnx.json").write_text('{"architectures": ["WhisperForAudio"]}')
    told = await _failure(settings, tmp_path, piper_en="none")
    assert "zh.onnx" in told
    assert "no Piper voice" in told
    assert "avatar models" in told


async def test_a_voice_that_would_download_is_refused(settings, tmp_path):
    shutil.copy(TINY / "zh.onnx", tmp_path)
    config = json.loads((TINY / "zh.onnx.json").read_text())
    (tmp_path / "zh.onnx.json").write_text(json.dumps({**config, "phoneme_type": "pinyin"}))
    assert "espeak" in await _failure(settings, tmp_path, piper_en="none")
