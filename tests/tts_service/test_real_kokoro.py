"""Kokoro with its real weights: one service for the whole session."""

import asyncio
import importlib.resources
import io
import re
import time

import numpy as np
import opencc
import pytest
import pytest_asyncio
import soxr

from avatar_cli.models import catalogue, packed
from avatar_cli.models.store import Store
from tts_service.app import build_app
from tts_service.engine import EngineError
from tts_service.espeak.measure import measure
from tts_service.kokoro.model import MODEL, VOICES, Model
from tts_service.settings import TtsSettings

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """AVATAR_HOME with the weights, unpacked as `avatar up` does."""
    folder = tmp_path_factory.mktemp("real-voice")
    for name in ("kokoro", "base"):
        packed.prepare(catalogue.load().get(name), Store(folder / "models"), lambda *_: None)
    return folder


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def kokoro(home, serving):
    settings = TtsSettings(engine="kokoro", home=home, port=1, workers=1)
    async with serving(build_app(settings)) as client:
        client.timeout = 100  # a busy machine may take ten times as long as an idle one
        yield client


@pytest.fixture(scope="session")
def hear(home):
    """What Whisper base makes of PCM at 24 kHz, in letters and Simplified characters alone."""
    from faster_whisper import WhisperModel

    model = WhisperModel(str(home / "models" / "base"), device="cpu", compute_type="int8")
    simplified = opencc.OpenCC("t2s")

    def words(pcm: bytes, language: str) -> str:
        signal = np.frombuffer(pcm, np.int16).astype(np.float32) / 32768
        heard = soxr.resample(np.pad(signal, 6000), 24_000, 16_000)
        segments, _ = model.transcribe(heard, language=language, beam_size=5)
        text = simplified.convert("".join(segment.text for segment in segments))
        return re.sub(r"\W", "", text).lower()

    return words


async def _say(client, text, **fields):
    body = {"input": text, "response_format": "pcm", **fields}
    answer = await client.post("/v1/audio/speech", json=body)
    assert answer.status_code == 200, answer.text
    return answer


def _samples(answer) -> np.ndarray:
    return np.frombuffer(answer.content, np.int16)


@pytest.mark.parametrize(
    ("text", "language", "voice", "words"),
    [
        ("今天天氣怎麼樣？", "zh", "zf_xiaoxiao", "今天天气怎么样"),
        ("銀行旁邊有一間音樂教室。", "zh", "zf_xiaoxiao", "银行旁边有一间音乐教室"),
        ("The capital of France is Paris.", "en", "af_heart", "thecapitaloffranceisparis"),
    ],
)
async def test_a_recogniser_makes_out_what_it_says(kokoro, hear, text, language, voice, words):
    answer = await _say(kokoro, text)
    assert answer.headers["avatar-voice"] == voice
    assert hear(answer.content, language) == words


async def test_one_voice_speaks_both_languages_of_a_clause(kokoro):
    body = {"input": "請幫我打開 YouTube。"}
    answer = await _say(kokoro, body["input"])
    told = (await kokoro.post("/v1/audio/phonemes", json=body)).json()
    assert answer.headers["avatar-voice"] == "zf_xiaoxiao"
    assert [run["language"] for run in told["runs"]] == ["zh", "en"]
    assert "t" in told["runs"][1]["phonemes"]


async def test_sound_begins_at_once_and_ends_softly(kokoro):
    samples = _samples(await _say(kokoro, "好的，"))
    assert np.flatnonzero(np.abs(samples) > 300)[0] < 0.08 * 24_000
    assert np.abs(samples[:24]).max() < 50
    assert not samples[-2400:].any()
    assert len(samples) < 24_000


async def test_fifty_four_voices_are_offered_and_taken_by_name(kokoro):
    items = (await kokoro.get("/v1/voices")).json()["items"]
    offered = {item["id"]: item for item in items if item["id"] != "default"}
    male = await _say(kokoro, "We were away a year ago, you know.", voice="bm_george")
    other = await _say(kokoro, "We were away a year ago, you know.", voice="alloy")
    assert len(offered) == 54
    assert offered["zm_yunxi"]["languages"] == ["zh"]
    assert offered["bm_george"]["description"] == "George, male"
    assert male.headers["avatar-voice"] == "bm_george"
    assert other.headers["avatar-voice"] == "af_heart"
    pitches = [measure(_samples(each), 24_000).pitch for each in (male, other)]
    assert pitches[0] * 1.3 < pitches[1]


@pytest.mark.parametrize(("speed", "least", "most"), [(0.25, 3.0, 5.0), (2.0, 0.4, 0.65)])
async def test_speed_changes_duration(kokoro, speed, least, most):
    normal = _samples(await _say(kokoro, "Remind me to call my mother."))
    changed = _samples(await _say(kokoro, "Remind me to call my mother.", speed=speed))
    assert least < len(changed) / len(normal) < most


@pytest.mark.parametrize(("pitch", "spacing"), [(105.0, 980), (205.0, 1030)])
async def test_a_profile_has_the_pitch_of_the_person_and_says_that_it_is_an_effect(
    kokoro, voiced_wav, pitch, spacing
):
    formants = tuple(spacing * (number + 0.5) for number in range(4))
    files = {"file": ("a.wav", voiced_wav(pitch, formants=formants), "audio/wav")}
    put = await kokoro.put("/v1/voices/person", files=files, data={"reference_text": "a"})
    answer = await _say(
        kokoro, "We were away a year ago, you know.", voice=f"person@{put.json()['etag']}"
    )
    health = (await kokoro.get("/health")).json()
    await kokoro.delete("/v1/voices/person")
    assert measure(_samples(answer), 24_000).pitch == pytest.approx(pitch, rel=0.15)
    assert "effect" in health["engine"]["notice"]
    assert health["engine"]["licence"].startswith("Apache-2.0")


async def test_a_long_text_comes_in_pieces(kokoro):
    text = "今天天氣很好，我們一起去公園散步吧。" * 3
    body = {"input": text, "response_format": "pcm"}
    began = time.perf_counter()
    async with kokoro.stream("POST", "/v1/audio/speech", json=body) as answer:
        times = [time.perf_counter() - began async for _ in answer.aiter_raw()]
    assert times[0] < 0.6 * times[-1]


async def test_a_text_without_phonemes_is_silence(kokoro):
    answer = await _say(kokoro, "㐀", language="zh")
    assert answer.status_code == 200


async def test_hanging_up_frees_the_worker_before_the_clause_is_made(kokoro):
    """A run of the graph ends between two operators, so the next clause need not wait for it."""
    text = "今天天氣很好我們一起去公園散步吧"
    began = time.perf_counter()
    await _say(kokoro, text)
    whole = time.perf_counter() - began
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.15 * whole):
            await _say(kokoro, text)
    began = time.perf_counter()
    while (await kokoro.get("/health")).json()["load"]["busy"]:
        await asyncio.sleep(0.005)
    assert time.perf_counter() - began < 0.5 * whole


async def test_phonemes_are_told(kokoro):
    told = (await kokoro.post("/v1/audio/phonemes", json={"input": "好 hello"})).json()
    assert told["runs"][0]["phonemes"] == "xau↓"
    assert "l" in told["runs"][1]["phonemes"]


@pytest.fixture
def copied(home, tmp_path):
    """A model folder whose files are links to the real ones."""
    for name in (MODEL, VOICES):
        (tmp_path / name).symlink_to(home / "models" / "kokoro" / name)
    return tmp_path


def _silero() -> bytes:
    assets = importlib.resources.files("faster_whisper") / "assets"
    (graph,) = [one for one in assets.iterdir() if one.name.endswith(".onnx")]
    return graph.read_bytes()


def _npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


@pytest.mark.parametrize("name", [MODEL, VOICES])
@pytest.mark.parametrize("how", ["missing", "truncated", "empty", "another"])
async def test_bad_weights_are_refused_by_name_with_the_remedy(home, copied, name, how):
    real = (home / "models" / "kokoro" / name).read_bytes()
    another = {MODEL: _silero(), VOICES: _npz(zf_xiaobei=np.zeros((2, 3), np.float32))}
    path = copied / name
    path.unlink()
    contents = {"truncated": real[: len(real) // 2], "empty": b"", "another": another[name]}
    if how in contents:
        path.write_bytes(contents[how])
    with pytest.raises(EngineError) as refused:
        Model(copied, 1)
    assert refused.value.code == "TTS_UNAVAILABLE"
    assert name in refused.value.message
    assert "avatar models download kokoro" in refused.value.message


async def test_an_unknown_default_voice_is_named_with_those_that_there_are(home, settings):
    from tts_service.backends import build

    backend = build(
        settings(engine="kokoro", models_dir=home / "models", kokoro_zh="zf_nobody", workers=1)
    )
    await backend.start()
    try:
        while not (detail := backend.health().model.detail):
            await asyncio.sleep(0.02)
    finally:
        await backend.close()
    assert "zf_nobody" in detail
    assert "zf_xiaoxiao" in detail
