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
    wav: Callable[..., bytes],
) -> None:
    sound = spoken(rate)
    data = {
        "pcm_s16le": sound.tobytes,
        "webm_opus": lambda: opus(sound, "webm"),
        "ogg_opus": lambda: opus(sound, "ogg"),
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
        # A telephone's 8 kHz has no sibilants: there the recogniser hears less.
        word = "today" if rate == 8_000 else "weather"
        assert word in heard.get("text", "").lower(), heard


@pytest.mark.parametrize("codec", ["pcm_s16le", "webm_opus", "ogg_opus"])
async def test_hands_free_hears_it_too(
    codec: str,
    whole: Callable[..., str],
    spoken: Callable[[int], np.ndarray],
    opus: Callable[..., bytes],
) -> None:
    """One container for the whole socket: a sentence and the silence after it."""
    sound = np.concatenate([spoken(48_000), np.zeros(2 * 48_000, np.int16)])
    data = sound.tobytes() if codec == "pcm_s16le" else opus(sound, codec.removesuffix("_opus"))
    audio_in = {"codec": codec, "sample_rate": 48_000}
    async with talking(whole(), audio_in=audio_in, turn_detection="server_vad") as socket:
        for piece in pieces(data, len(data) // 45 // 2 * 2):
            await socket.send(piece)
            await asyncio.sleep(0.02)
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
