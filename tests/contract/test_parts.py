"""The contracts between parts: listen, speech, records, errors, audio."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import get_args
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_contract import chat, listen, records, speech
from avatar_contract.audio import pcm_bytes, pcm_ms, read_wav, wav_bytes
from avatar_contract.errors import ERRORS, AvatarError, BadAudio, BadMessage, ErrorCode, Problem
from avatar_contract.ids import turn_id
from avatar_contract.terms import NoticeCode

SESSION = UUID("33333333-3333-4333-8333-333333333333")

COMMANDS = [
    listen.ListenConfigure(language="zh", prompt="台積電", turn_detection="server_vad"),
    listen.Commit(),
    listen.Clear(),
]
EVENTS = [
    listen.SpeechStarted(utterance=1, audio_ms=300),
    listen.Partial(utterance=1, audio_ms=600, text="我想要", stable_chars=2),
    listen.Pause(utterance=1, audio_ms=900, text="我想要", revision=1),
    listen.Resumed(utterance=1, audio_ms=1200),
    listen.Final(utterance=1, audio_ms=2000, text="我想要一杯茶", language="zh"),
    listen.NoSpeech(utterance=2, audio_ms=2500),
    listen.Cleared(utterance=0, audio_ms=2600),
    listen.ListenError(utterance=3, audio_ms=0, code=ErrorCode.STT_UNAVAILABLE, message="full"),
]


def test_each_listen_message_has_an_example() -> None:
    assert {type(m) for m in COMMANDS} == set(get_args(get_args(listen.ListenCommand)[0]))
    assert {type(m) for m in EVENTS} == set(get_args(get_args(listen.ListenEvent)[0]))


@pytest.mark.parametrize("message", COMMANDS, ids=lambda m: m.type)
def test_listen_commands_round_trip(message: listen.ListenCommand) -> None:
    assert listen.parse_command(message.model_dump_json()) == message


@pytest.mark.parametrize("message", EVENTS, ids=lambda m: m.type)
def test_listen_events_round_trip(message: listen.ListenEvent) -> None:
    assert listen.parse_event(message.model_dump_json()) == message


def test_unknown_listen_command_is_bad_message() -> None:
    with pytest.raises(BadMessage):
        listen.parse_command('{"type": "dance"}')


def test_notice_header_is_ascii_and_comes_back() -> None:
    notice = speech.SpokenNotice(code=NoticeCode.HQ_FELL_BACK, message="高品質語音不可用")
    assert notice.header().isascii()
    assert speech.SpokenNotice.parse(notice.header()) == notice


@pytest.mark.parametrize("said", ["{}", '{"opening": true}'])
def test_speech_request_round_trips_and_is_no_opening_unless_it_says_so(said: str) -> None:
    fields = {"input": "好的，", **json.loads(said)}
    request = speech.SpeechRequest.model_validate(fields)
    assert speech.SpeechRequest.model_validate_json(request.model_dump_json()) == request
    assert request.opening is ("opening" in fields)


@pytest.mark.parametrize(
    ("media_type", "rate"),
    [(speech.pcm_media_type(22050), 22050), ("audio/pcm", 24000), ("audio/pcm;rate=8000", 8000)],
)
def test_pcm_rate_is_declared(media_type: str, rate: int) -> None:
    assert speech.pcm_rate(media_type) == rate


def test_turn_record_round_trips() -> None:
    record = records.TurnRecord(
        session_id=SESSION,
        turn_id=SESSION,
        utterance_id=SESSION,
        turn_number=1,
        recognised_text="二零",
        edited_text="二十",
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
    )
    assert records.TurnRecord.model_validate_json(record.model_dump_json()) == record


def test_chat_chunks_tolerate_what_servers_add() -> None:
    chunk = chat.ChatChunk.model_validate_json(
        '{"id":"a","choices":[{"index":0,"delta":{"role":"assistant"},"logprobs":null}],"x":1}'
    )
    assert chunk.choices[0].delta.content is None


def test_turn_id_is_uuid5_of_session_and_utterance() -> None:
    utterance = UUID("22222222-2222-4222-8222-222222222222")
    assert turn_id(SESSION, utterance) == uuid5(SESSION, str(utterance))


def test_each_code_has_one_error_and_travels() -> None:
    assert set(ERRORS) == set(ErrorCode)
    for code, error in ERRORS.items():
        raised = error("what and what to do", retry_after_s=2)
        back = Problem.model_validate_json(Problem.of(raised).model_dump_json()).to_error()
        assert type(back) is error
        assert (back.code, back.message, back.retry_after_s) == (code, "what and what to do", 2)


def test_retry_helps_only_where_said() -> None:
    helps = {code for code, error in ERRORS.items() if error.retryable}
    assert ErrorCode.SERVER_FULL in helps
    assert ErrorCode.BAD_AUDIO not in helps
    assert AvatarError.retryable is False


@given(st.binary(max_size=400).map(lambda b: b[: len(b) // 4 * 4]), st.sampled_from([1, 2]))
def test_wav_round_trips(pcm: bytes, channels: int) -> None:
    assert read_wav(wav_bytes(pcm, 16000, channels)) == (pcm, 16000, channels)


@pytest.mark.parametrize("data", [b"", b"RIFF", b"ID3" + bytes(60), wav_bytes(b"", 8000)[:30]])
def test_what_is_no_wav_is_bad_audio(data: bytes) -> None:
    with pytest.raises(BadAudio):
        read_wav(data)


def test_wav_whose_header_promises_too_much_gives_what_is_there() -> None:
    data = bytearray(wav_bytes(bytes(8), 16000))
    data[40:44] = b"\xff\xff\xff\x7f"
    assert read_wav(bytes(data))[0] == bytes(8)


def test_pcm_arithmetic() -> None:
    assert pcm_ms(32000) == 1000
    assert pcm_bytes(20) == 640
    assert pcm_bytes(0.1, 44100) % 2 == 0
