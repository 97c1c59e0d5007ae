"""The service over HTTP, with real espeak-ng."""

import asyncio
import io

import av
import httpx
import numpy as np
import pytest
from openai import AsyncOpenAI

from avatar_contract.audio import read_wav

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def _speak(client: httpx.AsyncClient, text: str, **fields: object) -> httpx.Response:
    body = {"input": text, "response_format": "pcm", **fields}
    return await client.post("/v1/audio/speech", json=body)


def _decoded_s(data: bytes) -> float:
    with av.open(io.BytesIO(data)) as file:
        frames = list(file.decode(audio=0))
    return sum(frame.samples for frame in frames) / frames[0].sample_rate


async def test_speaks_english_pcm_at_the_declared_rate(client):
    answer = await _speak(client, "Good morning, how are you today?")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "audio/pcm; rate=24000; channels=1"
    assert answer.headers["avatar-voice"] == "en-us+klatt4"
    samples = np.frombuffer(answer.content, np.int16)
    assert 1.0 < len(samples) / 24_000 < 4.0
    assert np.abs(samples).max() > 3_000


async def test_chinese_is_mandarin_by_voice_and_phonemes(client):
    answer = await _speak(client, "今天天氣很好，我們去公園散步。")
    told = await client.post("/v1/audio/phonemes", json={"input": "今天天氣很好"})
    assert answer.headers["avatar-voice"] == "cmn"
    assert told.json()["voice"] == "cmn"
    assert told.json()["runs"][0]["phonemes"].startswith("tɕˈi5n")


async def test_latin_in_chinese_is_read_by_the_english_voice(client):
    answer = await _speak(client, "我在用 Google Maps 找路。")
    told = await client.post("/v1/audio/phonemes", json={"input": "我在用 Google Maps 找路。"})
    assert answer.headers["avatar-voice"] == "cmn, en-us+klatt4"
    assert [run["language"] for run in told.json()["runs"]] == ["zh", "en", "zh"]
    assert "mˈæps" in told.json()["runs"][1]["phonemes"]


@pytest.mark.parametrize(
    ("audio_format", "media_type"),
    [
        ("opus", "audio/ogg"),
        ("mp3", "audio/mpeg"),
        ("aac", "audio/aac"),
        ("flac", "audio/flac"),
    ],
)
async def test_compressed_formats_decode_to_the_same_length(client, audio_format, media_type):
    plain = await _speak(client, "The quick brown fox jumps over the lazy dog.")
    packed = await _speak(
        client, "The quick brown fox jumps over the lazy dog.", response_format=audio_format
    )
    assert packed.headers["content-type"] == media_type
    assert _decoded_s(packed.content) == pytest.approx(len(plain.content) / 48_000, abs=0.12)


async def test_wav_is_readable_although_streamed(client):
    answer = await _speak(client, "Hello.", response_format="wav")
    pcm, rate, channels = read_wav(answer.content)
    assert (rate, channels) == (24_000, 1)
    assert len(pcm) > 10_000


@pytest.mark.parametrize(("speed", "factor"), [(0.25, 4.0), (0.5, 2.0), (2.0, 0.5), (4.0, 0.25)])
async def test_speed_changes_duration(client, speed, factor):
    text = "The quick brown fox jumps over the lazy dog, and then it sleeps."
    normal = await _speak(client, text)
    changed = await _speak(client, text, speed=speed)
    assert len(changed.content) / len(normal.content) == pytest.approx(factor, rel=0.3)


async def test_hq_is_fast_with_a_notice(client):
    answer = await _speak(client, "Hello.", mode="hq")
    assert answer.headers["avatar-notice"].startswith("HQ_FELL_BACK; ")


async def test_openai_names_mean_the_defaults(client):
    answer = await _speak(client, "Hello.", voice="alloy", model="tts-1")
    models = await client.get("/v1/models")
    assert answer.headers["avatar-voice"] == "en-us+klatt4"
    assert models.json()["data"][0]["id"] == "espeak-ng"


@pytest.mark.parametrize(
    ("text", "fields", "status", "code"),
    [
        ("", {}, 400, "BAD_MESSAGE"),
        (" \n\t ", {}, 400, "BAD_MESSAGE"),
        ("\x00\x07\u200b\u202e", {}, 400, "BAD_MESSAGE"),
        ("長" * 100_000, {}, 413, "PAYLOAD_TOO_LARGE"),
        ("Привет, мир", {}, 422, "UNSUPPORTED_LANGUAGE"),
        ("Hello", {"language": "ja"}, 422, "UNSUPPORTED_LANGUAGE"),
        ("Hello", {"speed": 9}, 400, "BAD_MESSAGE"),
        ("Hello", {"response_format": "aiff"}, 400, "BAD_MESSAGE"),
        ("Hello", {"stream_format": "websocket"}, 400, "BAD_MESSAGE"),
        ("Hello", {"voice": "nobody@0123"}, 409, "VOICE_NOT_LOADED"),
    ],
)
async def test_bad_input_has_its_code(client, text, fields, status, code):
    answer = await _speak(client, text, **fields)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert len(answer.json()["detail"]) > 20


async def test_body_that_is_no_json_is_a_bad_message(client):
    answer = await client.post("/v1/audio/speech", content=b"\xff{")
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_MESSAGE")


async def test_emoji_alone_are_named_and_punctuation_alone_is_a_pause(client):
    emoji = await _speak(client, "👍", language="en")
    pause = await _speak(client, "……")
    assert len(emoji.content) > 20_000
    assert not np.frombuffer(pause.content, np.int16).any()
    assert len(pause.content) == 9_600


async def test_other_scripts_in_a_text_are_left_out_with_a_notice(client):
    answer = await _speak(client, "Hello мир and goodbye")
    assert answer.headers["avatar-notice"].startswith("TEXT_SKIPPED; ")
    assert len(answer.content) > 20_000


async def test_health_tells_the_engine_and_its_real_time_factor(client):
    await _speak(client, "Hello there.")
    health = (await client.get("/health")).json()
    assert health["engine"]["name"] == "espeak-ng"
    assert 0 < health["models"][0]["real_time_factor"] < 0.5
    assert health["load"]["workers"] == 1


async def test_the_official_sdk_speaks(client):
    url = f"{str(client.base_url).rstrip('/')}/v1"
    async with AsyncOpenAI(base_url=url, api_key="none") as sdk:
        models = [model.id async for model in sdk.models.list()]
        speech = await sdk.audio.speech.create(
            model="tts-1", voice="alloy", input="Good morning.", response_format="wav", speed=1.5
        )
    assert models == ["espeak-ng"]
    assert read_wav(speech.content)[1] == 24_000


async def test_many_at_once_share_the_workers(serve):
    async with serve(workers=2) as client:
        answers = await asyncio.gather(*(_speak(client, f"Number {n}.") for n in range(20)))
    assert [answer.status_code for answer in answers] == [200] * 20
