"""The six formats and both ways of streaming them that OpenAI's clients may ask for."""

import asyncio
import io
import itertools
import json
from base64 import b64decode
from typing import Any

import av
import httpx
import numpy as np
import pytest
from openai import APIError, AsyncOpenAI, AsyncStream

from avatar_contract.audio import read_wav
from avatar_contract.speech import SpeechAudioDelta, SpeechAudioDone
from tts_service.encode import encoder

FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")
TEXT = "The quick brown fox jumps over the lazy dog."


def asked(text: str = TEXT, **fields: object) -> dict[str, object]:
    return {"input": text, "language": "en", **fields}


def decoded(data: bytes, form: str) -> np.ndarray[Any, Any]:
    """(samples,) of mono sound in -1..1."""
    if form in {"pcm", "wav"}:
        pcm = data if form == "pcm" else read_wav(data)[0]
        return np.frombuffer(pcm, np.int16) / 32768
    demuxer = {"opus": "ogg"}.get(form, form)
    resampler = av.AudioResampler("flt", "mono", 24_000)
    with av.open(io.BytesIO(data), format=demuxer) as file:
        frames = [out for frame in file.decode(audio=0) for out in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def likeness(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    """Their correlation at the best shift: codecs delay the sound by some milliseconds."""
    size = len(one) + len(other)
    across = np.fft.irfft(np.fft.rfft(one, size).conj() * np.fft.rfft(other, size), size)
    return float(across.max() / (np.linalg.norm(one) * np.linalg.norm(other)))


def told(body: bytes) -> tuple[bytes, list[dict[str, Any]]]:
    """The bytes of the deltas, and every event."""
    lines = [line for line in body.decode().split("\n\n") if line]
    assert all(line.startswith("data: ") for line in lines), lines[0]
    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    sound = [b64decode(e["audio"]) for e in events if e["type"] == "speech.audio.delta"]
    return b"".join(sound), events


@pytest.mark.parametrize("form", FORMATS)
async def test_each_format_carries_the_same_sound(serve: Any, form: str) -> None:
    async with serve(engine="espeak") as client:
        plain = await client.post("/v1/audio/speech", json=asked(response_format="pcm"))
        packed = await client.post("/v1/audio/speech", json=asked(response_format=form))
    want, got = decoded(plain.content, "pcm"), decoded(packed.content, form)
    assert len(got) / 24_000 == pytest.approx(len(want) / 24_000, abs=0.15)
    assert likeness(want, got) > 0.9


@pytest.mark.parametrize("piece", [2, 962, 48_000])
def test_flac_loses_nothing_however_the_sound_comes(piece: int) -> None:
    pcm = np.random.default_rng(1).integers(-(2**15), 2**15, 12_345, dtype=np.int16).tobytes()
    coding = encoder("flac")
    parts = [coding.feed(pcm[at : at + piece]) for at in range(0, len(pcm), piece)]
    data = b"".join([*parts, coding.finish()])
    assert (decoded(data, "flac") * 32768).astype(np.int16).tobytes() == pcm


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("stream", ["audio", "sse"])
async def test_sound_comes_before_all_is_spoken_and_hanging_up_stops_the_engine(
    serve: Any, odd: Any, form: str, stream: str
) -> None:
    body = asked("endless", response_format=form, stream_format=stream)
    async with serve(odd()) as client:
        async with client.stream("POST", "/v1/audio/speech", json=body) as answer:
            assert answer.status_code == 200
            pieces = answer.aiter_raw()
            assert all([await anext(pieces) for _ in range(3)])
            assert await _busy(client) == 1
        async with asyncio.timeout(30):
            while await _busy(client):
                await asyncio.sleep(0.01)


async def _busy(client: httpx.AsyncClient) -> float:
    return (await client.get("/health")).json()["load"]["busy"]


@pytest.mark.parametrize("form", FORMATS)
async def test_events_carry_the_file_and_end_with_what_it_cost(serve: Any, form: str) -> None:
    async with serve(engine="espeak") as client:
        plain = await client.post("/v1/audio/speech", json=asked(response_format="pcm"))
        answer = await client.post(
            "/v1/audio/speech", json=asked(response_format=form, stream_format="sse")
        )
    assert answer.headers["content-type"].startswith("text/event-stream")
    data, events = told(answer.content)
    *deltas, done = events
    for delta in deltas:
        assert SpeechAudioDelta.model_validate(delta).audio
    usage = SpeechAudioDone.model_validate(done).usage
    assert usage.input_tokens == len(TEXT)
    assert usage.output_tokens == -(-len(plain.content) // (50 * 48))
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens
    want = len(plain.content) / 48_000
    assert len(decoded(data, form)) / 24_000 == pytest.approx(want, abs=0.15)


async def test_events_of_the_official_sdk(serve: Any) -> None:
    async with serve(engine="espeak") as client, _sdk(client) as sdk:
        speaking = sdk.audio.speech.with_streaming_response.create(
            model="gpt-4o-mini-tts",
            voice="alloy",
            input=TEXT,
            response_format="aac",
            stream_format="sse",
        )
        async with speaking as answer:
            lines = [line async for line in answer.iter_lines() if line]
    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    kinds = [kind for kind, _ in itertools.groupby(event["type"] for event in events)]
    assert kinds == ["speech.audio.delta", "speech.audio.done"]


async def test_a_failure_on_the_way_is_an_event_that_the_sdk_raises(serve: Any, odd: Any) -> None:
    async with serve(odd()) as client, _sdk(client) as sdk:
        stream = await sdk.post(
            "/audio/speech",
            body=asked("die later", response_format="pcm", stream_format="sse"),
            cast_to=object,
            stream=True,
            stream_cls=AsyncStream[object],
        )
        assert (await anext(stream))["type"] == "speech.audio.delta"  # type: ignore[call-overload]
        with pytest.raises(APIError) as failed:
            await anext(stream)
    assert "speech" in failed.value.message or "voice" in failed.value.message
    assert failed.value.code == "TTS_UNAVAILABLE"


async def test_a_failure_before_the_first_sound_is_a_document(serve: Any, odd: Any) -> None:
    async with serve(odd()) as client:
        answer = await client.post("/v1/audio/speech", json=asked("die", stream_format="sse"))
    assert (answer.status_code, answer.json()["code"]) == (503, "TTS_UNAVAILABLE")


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("response_format", "aiff", FORMATS),
        ("response_format", "", FORMATS),
        ("response_format", 3, FORMATS),
        ("stream_format", "websocket", ("audio", "sse")),
        ("stream_format", True, ("audio", "sse")),
    ],
)
async def test_what_is_not_served_is_answered_with_what_is(
    serve: Any, field: str, value: object, named: tuple[str, ...]
) -> None:
    async with serve(engine="espeak") as client:
        answer = await client.post("/v1/audio/speech", json=asked(**{field: value}))
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_MESSAGE")
    assert field in answer.json()["detail"]
    assert all(f"'{name}'" in answer.json()["detail"] for name in named)


@pytest.mark.parametrize("nothing", [{"stream_format": None}, {"response_format": None}])
async def test_a_null_is_the_default(serve: Any, nothing: dict[str, None]) -> None:
    async with serve(engine="espeak") as client:
        answer = await client.post("/v1/audio/speech", json=asked("Hi.", **nothing))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/mpeg")


def _sdk(client: httpx.AsyncClient) -> AsyncOpenAI:
    base = f"{str(client.base_url).rstrip('/')}/v1"
    return AsyncOpenAI(base_url=base, api_key="none", max_retries=0)
