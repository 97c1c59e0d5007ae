"""Every message of the wire, there and back, and what happens to those that don't fit."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import get_args
from uuid import UUID

import pytest

from avatar_contract import terms, wire
from avatar_contract.audio import AudioFormat, Codec
from avatar_contract.errors import BadAudio, BadMessage, ErrorCode

TURN = UUID("11111111-1111-5111-8111-111111111111")
UTTERANCE = UUID("22222222-2222-4222-8222-222222222222")
ENGINE = terms.EngineInfo(name="x", kind="embedded", languages=["en"], licence="BSD-2-Clause")

CLIENT = [
    wire.Configure(
        version=1,
        voice_profile_id=UTTERANCE,
        tts_mode="hq",
        language="zh",
        locale="zh-TW",
        turn_detection="server_vad",
        patience=0.3,
        instructions="短一點",
        self_clone=True,
        store_audio=False,
        audio_in=AudioFormat(codec=Codec.WEBM_OPUS, sample_rate=48_000),
        audio_out="binary",
    ),
    wire.AudioStart(utterance_id=UTTERANCE, sample=320),
    wire.AudioChunk(utterance_id=UTTERANCE, data="AAA=", ts=12.5, sr=8000, codec=Codec.PCM_S16LE),
    wire.AudioEnd(utterance_id=UTTERANCE),
    wire.Text(utterance_id=UTTERANCE, text="你好 👋"),
    wire.Playback(turn_id=TURN, revision=1, played_ms=250),
    wire.Interrupt(turn_id=TURN, revision=0, played_ms=80.5),
    wire.EditTranscription(turn_id=TURN, revision=1, text="二十"),
    wire.Resume(resume_token="t", last_seq=7, turn_id=TURN, revision=0, played_ms=5),
]
SERVER = [
    wire.Session(
        seq=1,
        session_id=UTTERANCE,
        resume_token="t",
        limits=terms.Limits(),
        engines=terms.Engines(stt=ENGINE, llm=ENGINE, tts_fast=ENGINE, tts_hq=ENGINE),
        audio_out="json",
    ),
    wire.Accepted(seq=2, turn_id=TURN, utterance_id=UTTERANCE, turn_number=1, offset=640),
    wire.Status(seq=3, state=terms.State.LOADING, progress=0.5),
    wire.Transcription(seq=4, turn_id=TURN, text="你好嗎", stable_chars=2, language="zh"),
    wire.LlmToken(seq=5, turn_id=TURN, token="我"),
    wire.LlmResponse(seq=6, turn_id=TURN, text="我很好。"),
    wire.AudioResponse(seq=7, turn_id=TURN, sample_rate=24000, text="我很好。", data="AAA="),
    wire.PlaybackControl(seq=8, turn_id=TURN, action="flush"),
    wire.TtsReady(seq=9, turn_id=TURN, audio_url="/api/turn/x/audio/ai", duration_ms=1200),
    wire.TurnDone(seq=10, turn_id=TURN, timings={"stt": 12}, interrupted=True, heard_text="我很"),
    wire.Notice(seq=11, code=terms.NoticeCode.HQ_FELL_BACK, message="hq is not here"),
    wire.Error(seq=12, code=ErrorCode.NO_SPEECH, message="nothing was said", retryable=False),
]


def members(union: object) -> set[type]:
    return set(get_args(get_args(union)[0]))


def test_each_message_has_an_example() -> None:
    assert {type(m) for m in CLIENT} == members(wire.ClientMessage)
    assert {type(m) for m in SERVER} == members(wire.ServerMessage)


@pytest.mark.parametrize(
    ("said", "codec"),
    [
        *((codec.value, codec) for codec in Codec),
        ("audio/mp4", Codec.MP4_AAC),
        ("audio/mp4;codecs=mp4a.40.2", Codec.MP4_AAC),
        ("video/mp4", Codec.MP4_AAC),
        ("audio/x-m4a", Codec.MP4_AAC),
        ("audio/webm; codecs=opus", Codec.WEBM_OPUS),
        ("Audio/WebM", Codec.WEBM_OPUS),
        ("audio/ogg;codecs=opus", Codec.OGG_OPUS),
        ("audio/wav", Codec.WAV),
        ("WAV", Codec.WAV),
    ],
)
def test_a_codec_may_be_named_as_browsers_name_it(said: str, codec: Codec) -> None:
    chunk = json.dumps({"type": "audio_chunk", "data": "AAA=", "codec": said})
    configured = json.dumps({"type": "configure", "audio_in": {"codec": said}})
    assert wire.parse_client(chunk).codec is codec  # type: ignore[union-attr]
    assert wire.parse_client(configured).audio_in.codec is codec  # type: ignore[union-attr]
    assert json.loads(wire.parse_client(chunk).model_dump_json())["codec"] == codec.value


@pytest.mark.parametrize("said", ["flac", "audio/mpeg", "", "audio/", 5, ["wav"]])
def test_a_codec_that_nobody_takes(said: object) -> None:
    configured = json.dumps({"type": "configure", "audio_in": {"codec": said}})
    with pytest.raises(BadMessage, match="codec"):
        wire.parse_client(configured)


@pytest.mark.parametrize("message", CLIENT, ids=lambda m: m.type)
def test_client_messages_round_trip(message: wire.ClientMessage) -> None:
    assert wire.parse_client(message.model_dump_json()) == message


@pytest.mark.parametrize("message", SERVER, ids=lambda m: m.type)
def test_server_messages_round_trip(message: wire.ServerMessage) -> None:
    assert wire.parse_server(message.model_dump_json()) == message


@pytest.mark.parametrize("message", [*CLIENT, *SERVER], ids=lambda m: m.type)
def test_every_field_has_a_line(message: terms.Message) -> None:
    obvious = {"type", "turn_id", "utterance_id", "text", "token", "revision", "state", "code"}
    obvious |= {"message", "is_final", "retryable", "retry_after_s", "mode", "format", "action"}
    obvious |= {"limits", "engines", "audio_url", "duration_ms", "interrupted", "version"}
    obvious |= {"resume_token"}
    bare = {n for n, f in type(message).model_fields.items() if not f.description} - obvious
    assert not bare


def test_unknown_fields_are_ignored() -> None:
    assert wire.parse_client('{"type": "text", "text": "x", "mood": "good"}') == wire.Text(text="x")


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "nope",
        "[]",
        "1",
        "null",
        '{"type": "sing"}',
        '{"text": "x"}',
        '{"type": "text"}',
        '{"type": "configure", "patience": 2}',
        '{"type": "playback", "turn_id": "x"}',
        b"\xff\xfe",
    ],
)
def test_what_does_not_fit_is_bad_message(frame: str | bytes) -> None:
    with pytest.raises(BadMessage) as raised:
        wire.parse_client(frame)
    assert raised.value.message.endswith(".")


@pytest.mark.parametrize("rate", [0, 7999, 48001, -1])
def test_sample_rates_out_of_bounds_are_refused(rate: int) -> None:
    with pytest.raises(BadMessage):
        wire.parse_client(json.dumps({"type": "audio_chunk", "data": "", "sr": rate}))


def test_chunk_payload() -> None:
    assert wire.AudioChunk(data=b64encode(b"\x01\x02").decode()).payload() == b"\x01\x02"
    with pytest.raises(BadAudio):
        wire.AudioChunk(data="not base64!").payload()


def test_left_out_differs_from_null() -> None:
    left_out = wire.parse_client('{"type": "configure"}')
    null = wire.parse_client('{"type": "configure", "voice_profile_id": null}')
    assert left_out.model_fields_set == {"type"}
    assert "voice_profile_id" in null.model_fields_set
