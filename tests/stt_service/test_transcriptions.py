"""``POST /v1/audio/transcriptions`` with the official SDK and the real embedded recogniser."""

import io

import av
import httpx
import numpy as np
import openai
import pytest
import pytest_asyncio

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def sdk(stt):
    async with openai.AsyncOpenAI(
        api_key="none", base_url=f"{stt.url}/v1", max_retries=0
    ) as client:
        yield client


def encoded(pcm: bytes, container: str, codec: str, rate: int, layout: str) -> bytes:
    """The clip in another container, at another rate, with other channels."""
    out = io.BytesIO()
    with av.open(out, "w", format=container) as target:
        stream = target.add_stream(codec, rate=rate, layout=layout)
        samples = np.frombuffer(pcm, np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = 16_000
        resampler = av.AudioResampler(
            format=stream.format, layout=layout, rate=rate, frame_size=stream.frame_size or 1024
        )
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            target.mux(stream.encode(piece))
        target.mux(stream.encode(None))
    return out.getvalue()


@pytest.mark.parametrize(
    ("container", "codec", "rate", "layout"),
    [
        ("wav", "pcm_s16le", 44_100, "stereo"),
        ("flac", "flac", 48_000, "mono"),
        ("webm", "libopus", 48_000, "mono"),
        ("ogg", "libopus", 48_000, "stereo"),
        ("mp3", "libmp3lame", 44_100, "mono"),
    ],
)
async def test_any_container_gives_the_words(sdk, clips, container, codec, rate, layout):
    data = encoded(clips.pcm("time"), container, codec, rate, layout)
    said = await sdk.audio.transcriptions.create(model="whisper-1", file=(f"a.{container}", data))
    assert said.text == clips.text("time")


async def test_verbose_json_has_words_in_order(sdk, clips):
    said = await sdk.audio.transcriptions.create(
        model="whisper-1",
        file=("a.wav", clips.wav("hello")),
        response_format="verbose_json",
        timestamp_granularities=["word"],
    )
    assert [word.word for word in said.words] == clips.text("hello").split()
    starts = [word.start for word in said.words]
    assert starts == sorted(starts)
    assert 0.2 < starts[0] < 0.6
    assert said.language == "en"
    assert said.duration == pytest.approx(2.83, abs=0.01)


@pytest.mark.parametrize(("form", "mark"), [("text", ""), ("srt", "00:00:00,"), ("vtt", "WEBVTT")])
async def test_other_formats(sdk, clips, form, mark):
    said = await sdk.audio.transcriptions.create(
        model="whisper-1", file=("a.wav", clips.wav("stop")), response_format=form
    )
    assert clips.text("stop") in said
    assert mark in said


async def test_sentences_far_apart_are_segments(sdk, clips):
    pcm = clips.pcm("time") + bytes(64_000) + clips.pcm("coffee")
    said = await sdk.audio.transcriptions.create(
        model="whisper-1",
        file=("a.wav", encoded(pcm, "wav", "pcm_s16le", 16_000, "mono")),
        response_format="verbose_json",
    )
    assert [one.text for one in said.segments] == [clips.text("time"), clips.text("coffee")]
    assert said.segments[1].start > 4


async def test_silence_has_no_words(sdk):
    data = encoded(bytes(96_000), "wav", "pcm_s16le", 16_000, "mono")
    assert (await sdk.audio.transcriptions.create(model="x", file=("a.wav", data))).text == ""


@pytest.mark.parametrize(
    ("data", "fields", "status", "code"),
    [
        (b"", {}, 400, "BAD_AUDIO"),
        (bytes(range(256)) * 40, {}, 400, "BAD_AUDIO"),
        (b"RIFF\x24\0\0\0WAVEfmt ", {}, 400, "BAD_AUDIO"),
        (None, {"language": "zh"}, 422, "UNSUPPORTED_LANGUAGE"),
        (None, {"response_format": "pdf"}, 422, "BAD_MESSAGE"),
    ],
)
async def test_bad_input_says_what_is_wrong(stt, clips, data, fields, status, code):
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            f"{stt.url}/v1/audio/transcriptions",
            data=fields,
            files={"file": ("a.wav", clips.wav("stop") if data is None else data)},
        )
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"].startswith("application/problem+json")


async def test_a_file_too_long_or_too_large_is_refused(serve, clips):
    stt = await serve(workers=1, max_file_s=1, max_file_bytes=100_000)
    async with httpx.AsyncClient() as client:
        for name in ("stop", "homework"):
            answer = await client.post(
                f"{stt.url}/v1/audio/transcriptions", files={"file": ("a", clips.wav(name))}
            )
            assert answer.json()["code"] == "PAYLOAD_TOO_LARGE"


async def test_a_truncated_webm_gives_what_could_be_read(sdk, clips):
    data = encoded(clips.pcm("coffee"), "webm", "libopus", 48_000, "mono")
    said = await sdk.audio.transcriptions.create(model="x", file=("a.webm", data[: len(data) // 2]))
    assert said.text.startswith("i would")


async def test_models_and_health_name_the_engine(stt, sdk):
    listed = await sdk.models.list()
    assert [one.id for one in listed.data] == ["pocketsphinx"]
    async with httpx.AsyncClient() as client:
        health = (await client.get(f"{stt.url}/health")).json()
        metrics = (await client.get(f"{stt.url}/metrics")).text
    assert health["engine"]["languages"] == ["en"]
    assert "English only" in health["engine"]["notice"]
    assert health["models"][0]["state"] == "ready"
    assert health["load"]["workers"] == 1
    assert 'service="stt-service"' in metrics
