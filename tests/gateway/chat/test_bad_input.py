"""Whatever a client or an engine does wrong has its code, and the session stays usable."""

from __future__ import annotations

import asyncio
import json
import os
from base64 import b64encode
from uuid import uuid4

import pytest

WEBM_HEAD = bytes.fromhex("1a45dfa39f4286810142f7810142f2810442f381084282847765626d")


@pytest.mark.parametrize(
    "frame",
    [
        "no json at all",
        "[1, 2]",
        '"text"',
        '{"type": "sing"}',
        '{"text": "x"}',
        '{"type": "text"}',
        '{"type": "configure", "patience": 7}',
        '{"type": "configure", "audio_in": {"codec": "flac"}}',
        '{"type": "audio_chunk", "data": "AAAA", "sr": 1000}',
        '{"type": "audio_end"}',
    ],
)
async def test_messages_that_do_not_fit(chat, frame: str) -> None:
    await chat.socket.send(frame)
    assert await chat.error() == "BAD_MESSAGE"
    await chat.full_turn()


@pytest.mark.parametrize(
    "chunk",
    [
        {"data": "not base64!"},
        {"data": ""},
        {"data": b64encode(b"abc").decode()},
        {"data": b64encode(os.urandom(4000)).decode(), "codec": "webm_opus"},
        {"data": b64encode(os.urandom(4000)).decode(), "codec": "ogg_opus"},
        {"data": b64encode(os.urandom(4000)).decode(), "codec": "wav"},
        {"data": b64encode(WEBM_HEAD).decode(), "codec": "webm_opus"},
    ],
    ids=["no base64", "0 bytes", "odd", "random webm", "random ogg", "random wav", "cut webm"],
)
async def test_sound_that_is_none(chat, chunk: dict[str, str]) -> None:
    await chat.send(type="audio_chunk", **chunk)
    await chat.send(type="audio_end")
    assert await chat.error() == "BAD_AUDIO"
    await chat.full_turn()


async def test_silence_only(chat) -> None:
    await chat.chunk(bytes(32000))
    await chat.send(type="audio_end")
    assert await chat.error() == "NO_SPEECH"
    await chat.until("turn_done")
    await chat.full_turn()


async def test_eleven_mebibytes(chat) -> None:
    piece = b"\x10\x00" * 2**18
    for _ in range(22):
        await chat.chunk(piece, sr=48000)
    assert await chat.error() == "BUFFER_OVERFLOW"
    await chat.full_turn()


async def test_one_message_of_eleven_mebibytes(chat) -> None:
    await chat.chunk(b"\x10\x00" * (11 * 2**19))
    assert await chat.error() == "BUFFER_OVERFLOW"
    await chat.full_turn()


async def test_a_thousand_and_one_chunks(chat) -> None:
    for _ in range(1001):
        await chat.chunk(b"\x10\x00" * 16)
    assert await chat.error() == "TOO_MANY_CHUNKS"
    await chat.full_turn()


async def test_two_minutes_of_binary_sound(chat) -> None:
    for _ in range(121):
        await chat.socket.send(b"\x10\x00" * 16000)
    assert await chat.error() == "BUFFER_OVERFLOW"
    await chat.full_turn()


async def test_a_typed_text_of_a_megabyte(chat) -> None:
    await chat.send(type="text", text="x" * 2**20)
    assert await chat.error() == "PAYLOAD_TOO_LARGE"
    await chat.full_turn()


async def test_a_voice_profile_that_is_not_there(chat) -> None:
    await chat.send(type="configure", voice_profile_id=str(uuid4()))
    assert await chat.error() == "NOT_FOUND"
    await chat.full_turn()


async def test_an_utterance_without_chunks_for_too_long(stack) -> None:
    stack.factory.settings = type(stack.factory.settings)(
        limits=stack.limits.model_copy(update={"chunk_timeout_s": 0.2})
    )
    async with stack.client() as chat:
        await chat.chunk(b"\x10\x00" * 1600)
        assert await chat.error() == "AUDIO_TIMEOUT"
        await chat.full_turn()


@pytest.mark.parametrize("mode", ["down", "dies", "stalls"])
async def test_the_recogniser_fails(stack, mode: str) -> None:
    stack.recogniser.mode = mode
    async with stack.client() as chat:
        await chat.say()
        assert await chat.error() == "STT_UNAVAILABLE"
        stack.recogniser.mode = "fine"
        await chat.full_turn()
        await asyncio.sleep(1.1)
        await chat.say()
        assert (await chat.until("transcription"))["text"] == "hello there"
        await chat.until("turn_done")


@pytest.mark.parametrize(
    ("mode", "code"),
    [("down", "LLM_UNAVAILABLE"), ("dies", "LLM_UNAVAILABLE"), ("breaks", "INTERNAL")],
)
async def test_the_model_fails(stack, chat, mode: str, code: str) -> None:
    stack.model.mode = mode
    await chat.send(type="text", text="hello")
    assert await chat.error() == code
    await chat.until("turn_done")
    stack.model.mode = "fine"
    await chat.full_turn()


@pytest.mark.parametrize("mode", ["down", "dies"])
async def test_the_voice_fails(stack, chat, mode: str) -> None:
    stack.voice.mode = mode
    await chat.send(type="text", text="hello")
    assert await chat.error() == "TTS_UNAVAILABLE"
    await chat.until("turn_done")
    stack.voice.mode = "fine"
    await chat.full_turn()


@pytest.mark.parametrize("part", ["model", "voice"])
async def test_a_stalled_engine_can_be_interrupted(stack, chat, part: str) -> None:
    getattr(stack, part).mode = "stalls"
    await chat.send(type="text", text="hello")
    await chat.until("llm_token")
    await chat.send(type="interrupt")
    await chat.until("turn_done")
    getattr(stack, part).mode = "fine"
    await chat.full_turn()


STEPS = {
    "at once": [],
    "while speaking": ["chunk"],
    "while understood": ["chunk", "audio_end"],
    "while thinking": ["text"],
    "while the answer is written": ["text", "llm_token"],
    "while the answer is heard": ["text", "audio_response"],
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("abrupt", [False, True])
async def test_a_client_that_vanishes(stack, step: str, abrupt: bool) -> None:
    async with stack.client() as chat:
        for action in STEPS[step]:
            if action == "chunk":
                await chat.chunk(b"\x10\x00" * 1600)
            elif action == "audio_end":
                stack.recogniser.mode = "stalls"
                await chat.send(type="audio_end")
            elif action == "text":
                await chat.send(type="text", text="hello")
            else:
                await chat.until(action)
        if abrupt:
            chat.socket.transport.abort()
    await stack.settled()
    stack.recogniser.mode = "fine"
    async with stack.client() as chat:
        await chat.full_turn()


async def test_garbage_of_every_kind_leaves_one_session_usable(chat) -> None:
    for _ in range(50):
        await chat.socket.send(os.urandom(7))
        await chat.send(type="audio_end")
        await chat.socket.send(json.dumps({"type": "x" * 100}))
    for _ in range(50):
        assert await chat.error() in {"BAD_AUDIO", "BAD_MESSAGE"}
    await chat.full_turn()
