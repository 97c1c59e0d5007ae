"""The same words whatever the microphone sends, through the whole gateway and a real recogniser."""

import asyncio
import json
import uuid
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
import soxr
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from avatar_contract.audio import read_wav

PATIENCE_S = 30


@asynccontextmanager
async def talking(base: str, **configure: Any) -> AsyncIterator[ClientConnection]:
    """A socket after its `session` message."""
    async with connect(base.replace("http", "ws") + "/ws/chat", max_size=2**22) as socket:
        await until(socket, "session")
        await socket.send(json.dumps({"type": "configure", "language": "en", **configure}))
        yield socket


async def until(socket: ClientConnection, *types: str, final: bool = False) -> dict[str, Any]:
    """The next message of one of `types`; binary frames are passed over."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            frame = await socket.recv()
            message = json.loads(frame) if isinstance(frame, str) else {"type": "binary"}
            if message["type"] in types and (not final or message.get("is_final")):
                return message


@pytest.fixture(scope="session")
def spoken(speech: Callable[[str], bytes]) -> Callable[[int], np.ndarray]:
    """The sentence at a rate, int16 (samples,)."""
    samples = np.frombuffer(read_wav(speech("weather"))[0], "<i2")
    return lambda rate: soxr.resample(samples, 16_000, rate).astype(np.int16)


def pieces(data: bytes, step: int) -> list[bytes]:
    return [data[at : at + step] for at in range(0, len(data), step)]


@pytest.mark.parametrize(
    ("codec", "rate", "binary"),
    [
        ("pcm_s16le", 8_000, False),
        ("pcm_s16le", 16_000, False),
        ("pcm_s16le", 44_100, False),
        ("pcm_s16le", 48_000, True),
        ("webm_opus", 48_000, False),
        ("webm_opus", 48_000, True),
        ("ogg_opus", 48_000, True),
        ("mp4_aac", 44_100, False),
        ("mp4_aac", 48_000, True),
        ("wav", 22_050, True),
    ],
)
async def test_the_same_words(
    codec: str,
    rate: int,
    binary: bool,
    whole: Callable[..., str],
    spoken: Callable[[int], np.ndarray],
    opus: Callable[..., bytes],
    mp4: Callable[..., bytes],
    wav: Callable[..., bytes],
) -> None:
    sound = spoken(rate)
    data = {
        "pcm_s16le": sound.tobytes,
        "webm_opus": lambda: opus(sound, "webm"),
        "ogg_opus": lambda: opus(sound, "ogg"),
        "mp4_aac": lambda: mp4(sound, rate),
        "wav": lambda: wav(sound.tobytes(), rate),
    }[codec]()
    audio_in = {"codec": codec, "sample_rate": rate}
    async with talking(whole(), audio_in=audio_in) as socket:
        utterance = str(uuid.uuid4())
        await socket.send(
            json.dumps({"type": "audio_start", "utterance_id": utterance, "sample": 0})
        )
        for piece in pieces(data, 4000):
            chunk = {"type": "audio_chunk", "utterance_id": utterance, "sr": rate, "codec": codec}
            text = json.dumps({**chunk, "data": b64encode(piece).decode(), "ts": 0})
            await socket.send(piece if binary else text)
        await socket.send(json.dumps({"type": "audio_end", "utterance_id": utterance}))
        heard = await until(socket, "transcription", "error", final=True)
        assert "weather" in heard.get("text", "").lower(), heard


@pytest.mark.parametrize("codec", ["pcm_s16le", "webm_opus", "ogg_opus", "mp4_aac", "wav"])
async def test_hands_free_hears_it_too(
    codec: str,
    whole: Callable[..., str],
    spoken: Callable[[int], np.ndarray],
    opus: Callable[..., bytes],
    mp4: Callable[..., bytes],
    wav: Callable[..., bytes],
) -> None:
    """One container for the whole socket, or a wav each: a sentence and the silence after it."""
    sound = np.concatenate([spoken(48_000), np.zeros(2 * 48_000, np.int16)])
    if codec in {"pcm_s16le", "wav"}:
        cut = pieces(sound.tobytes(), 9600)
        sent = [wav(piece, 48_000) for piece in cut] if codec == "wav" else cut
    else:
        data = mp4(sound) if codec == "mp4_aac" else opus(sound, codec.removesuffix("_opus"))
        sent = pieces(data, len(data) // 45)
    audio_in = {"codec": codec, "sample_rate": 48_000}
    async with talking(whole(), audio_in=audio_in, turn_detection="server_vad") as socket:
        for piece in sent:
            await socket.send(piece)
            await asyncio.sleep(0.02)
        heard = await until(socket, "transcription", "error", final=True)
        assert "weather" in heard.get("text", "").lower(), heard


@pytest.mark.parametrize("codec", ["wav", "audio/x-wav", None, "webm_opus"])
@pytest.mark.parametrize("rate", [16_000, 44_100])
async def test_a_wav_for_each_chunk(
    codec: str | None,
    rate: int,
    whole: Callable[..., str],
    spoken: Callable[[int], np.ndarray],
    wav: Callable[..., bytes],
) -> None:
    """Also where the client does not say that it sends wav, or says something else."""
    said = {} if codec is None else {"codec": codec}
    async with talking(whole()) as socket:
        for piece in pieces(spoken(rate).tobytes(), rate // 10 * 2):
            data = b64encode(wav(piece, rate)).decode()
            await socket.send(json.dumps({"type": "audio_chunk", "data": data, "ts": 0, **said}))
        await socket.send(json.dumps({"type": "audio_end"}))
        heard = await until(socket, "transcription", "error", final=True)
        assert "weather" in heard.get("text", "").lower(), heard


@pytest.mark.parametrize("turn_detection", ["none", "server_vad"])
@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("codec", ["mp4_aac", "webm_opus", "wav"])
async def test_what_cannot_be_read_is_told_once(
    codec: str,
    binary: bool,
    turn_detection: str,
    whole: Callable[..., str],
    spoken: Callable[[int], np.ndarray],
    opus: Callable[..., bytes],
    mp4: Callable[..., bytes],
) -> None:
    """One error for a whole recording, and then a good one is heard."""
    sound = np.concatenate([spoken(48_000), np.zeros(2 * 48_000, np.int16)])
    letter = b"Dear recogniser, this is a letter and no sound at all. " * 200
    bad = mp4(sound, movflags=None) if codec == "mp4_aac" else letter
    good = opus(sound, "webm") if codec == "webm_opus" else mp4(sound)
    audio_in = {"codec": codec, "sample_rate": 48_000}
    async with talking(whole(), audio_in=audio_in, turn_detection=turn_detection) as socket:

        async def send(data: bytes) -> None:
            for piece in pieces(data, 500):
                text = {"type": "audio_chunk", "data": b64encode(piece).decode(), "ts": 0}
                await socket.send(piece if binary else json.dumps(text))
            if turn_detection == "none":
                await socket.send(json.dumps({"type": "audio_end"}))

        await send(bad)
        await send(good)
        refused = await until(socket, "error")
        assert refused["code"] == "BAD_AUDIO"
        assert ("moov" in refused["message"]) == (codec == "mp4_aac")
        heard = await until(socket, "transcription", "error", final=True)
        assert "weather" in heard.get("text", "").lower(), heard


async def test_a_foreign_page_gets_no_socket(whole: Callable[..., str]) -> None:
    url = whole().replace("http", "ws") + "/ws/chat"
    with pytest.raises(InvalidStatus) as refused:
        await connect(url, origin="https://evil.example")
    assert refused.value.response.status_code == 403


async def test_one_too_many_is_told_within_a_second(whole: Callable[..., str]) -> None:
    base = whole(max_sessions=2)
    url = base.replace("http", "ws") + "/ws/chat"
    async with talking(base), talking(base), asyncio.timeout(1), connect(url) as socket:
        told = await until(socket, "error")
        assert (told["code"], told["retryable"]) == ("SERVER_FULL", True)
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 1013
    assert await place_found(url)


async def place_found(url: str) -> bool:
    """Whether a place becomes free: those who left are ended in the background."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            async with connect(url) as socket:
                if (await until(socket, "session", "error"))["type"] == "session":
                    return True
