"""`avatar talk` and `avatar chat` against a scripted server, over real sockets."""

import json
from base64 import b64decode
from pathlib import Path
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from avatar_cli.main import app
from avatar_cli.talking import show, wavfile
from avatar_cli.talking.connection import socket_url
from avatar_cli.talking.turn import Turn
from avatar_cli.tongue import Tongue
from avatar_contract.errors import ErrorCode
from avatar_contract.wire import (
    AudioChunk,
    AudioEnd,
    AudioFrame,
    AudioResponse,
    AudioStart,
    Configure,
    Error,
    Playback,
    Text,
    TurnDone,
)

runner = CliRunner()


def avatar(*arguments: object, **environment: str):
    return runner.invoke(app, [str(a) for a in arguments], env={"AVATAR_LANG": "en", **environment})


def test_a_spoken_turn(server, half_second: Path, tmp_path: Path) -> None:
    answer = tmp_path / "answer.wav"
    result = avatar("talk", half_second, "-o", answer, "--url", server.url)
    assert result.exit_code == 0, result.output
    assert "you      hello there" in result.output
    assert "AVATAR   Yes, indeed." in result.output
    assert "first sound came" in result.output
    assert "before the last token" in result.output
    sound = wavfile.read(answer)
    assert (sound.rate, round(sound.duration_ms)) == (22_050, 200)


def test_what_is_sent(server, half_second: Path) -> None:
    avatar("talk", half_second, "--url", server.url, "--language", "en", "--mode", "hq")
    configure, start = server.of(Configure)[0], server.of(AudioStart)[0]
    assert (configure.language, configure.tts_mode) == ("en", "hq")
    chunks = server.of(AudioChunk)
    assert b"".join(b64decode(c.data) for c in chunks) == wavfile.read(half_second).pcm
    assert {(c.utterance_id, c.sr) for c in chunks} == {(start.utterance_id, 16_000)}
    assert server.of(AudioEnd)[0].utterance_id == start.utterance_id
    assert [c.ts for c in chunks] == sorted(c.ts for c in chunks)
    assert chunks[-1].ts - chunks[0].ts >= 350
    assert server.of(Playback)[0].played_ms == pytest.approx(200, abs=1)


def test_json_is_one_object(server, half_second: Path) -> None:
    result = avatar("talk", half_second, "--url", server.url, "--json")
    report = json.loads(result.stdout)
    turn = report["turns"][0]
    assert (turn["words"], turn["answer"]) == ("hello there", "Yes, indeed.")
    marks = turn["timeline_ms"]
    assert marks["end_of_speech"] < marks["first_audio"] < marks["last_token"] < marks["turn_done"]
    assert turn["clauses"] == ["Yes,", "indeed."]


def test_hands_free(server, half_second: Path) -> None:
    result = avatar("talk", half_second, "--url", server.url, "--hands-free", "--json")
    assert result.exit_code == 0, result.output
    assert len(json.loads(result.stdout)["turns"]) == 1
    configure = server.of(Configure)[0]
    assert (configure.turn_detection, configure.audio_in.sample_rate) == ("server_vad", 16_000)
    assert server.of(Playback) == []
    assert bytes(server.binary).startswith(wavfile.read(half_second).pcm)
    assert len(server.binary) > len(wavfile.read(half_second).pcm)


def test_an_error_of_the_server(server, half_second: Path) -> None:
    async def refuse(line, _utterance) -> None:
        await line.send(Error(code=ErrorCode.NO_SPEECH, message="nothing was said"))

    server.on_turn = refuse
    result = avatar("talk", half_second, "--url", server.url)
    assert result.exit_code == 1
    assert "NO_SPEECH: nothing was said" in result.output


def test_a_server_that_is_full(server, half_second: Path) -> None:
    async def full(line) -> None:
        await line.send(Error(code=ErrorCode.SERVER_FULL, message="come back later"))
        await line.socket.close(1013)

    server.on_open = full
    result = avatar("talk", half_second, "--url", server.url)
    assert result.exit_code == 3
    assert "SERVER_FULL" in result.output


def test_a_server_that_vanishes(server, half_second: Path) -> None:
    async def vanish(line, _utterance) -> None:
        await line.socket.close(1011, "engine fell over")

    server.on_turn = vanish
    result = avatar("talk", half_second, "--url", server.url)
    assert result.exit_code == 3
    assert "engine fell over" in result.output


def test_a_silent_server(server, half_second: Path) -> None:
    async def nothing(_line, _utterance) -> None:
        return

    server.on_turn = nothing
    assert avatar("talk", half_second, "--url", server.url, "--timeout", 0.3).exit_code == 4


def test_nobody_there(half_second: Path) -> None:
    result = avatar("talk", half_second, "--url", "http://127.0.0.1:9")
    assert result.exit_code == 3
    assert "avatar up" in result.output


@pytest.mark.parametrize("content", [b"", b"RIFF\0\0\0\0WAVE", b"ID3 not a wav at all"])
def test_unusable_files(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    assert avatar("talk", path).exit_code == 2
    assert avatar("talk", tmp_path / "absent.wav").exit_code == 2


def test_unknown_language(half_second: Path) -> None:
    assert avatar("talk", half_second, "--language", "fr").exit_code == 2


def test_chat_says_one(server, tmp_path: Path) -> None:
    result = avatar("chat", "--say", "hi", "--url", server.url, "-o", tmp_path / "a.wav")
    assert result.exit_code == 0
    assert "AVATAR   Yes, indeed." in result.output
    assert server.of(Text)[0].text == "hi"
    assert (tmp_path / "a.wav").is_file()


def test_chat_reads_a_pipe(server) -> None:
    result = runner.invoke(
        app, ["chat", "--url", server.url, "--json"], input="one\n\ntwo\n/quit\nthree\n"
    )
    assert [t.text for t in server.of(Text)] == ["one", "two"]
    assert len(json.loads(result.stdout)["turns"]) == 2


def test_addresses() -> None:
    assert socket_url("http://h:1") == "ws://h:1/ws/chat"
    assert socket_url("https://h/") == "wss://h/ws/chat"
    assert socket_url("h:8000") == "ws://h:8000/ws/chat"
    assert socket_url("ws://h/ws/chat") == "ws://h/ws/chat"


def test_binary_sound_of_a_turn() -> None:
    turn = Turn(uuid4(), turn_id=uuid4(), turn_number=3)
    turn.take(AudioResponse(turn_id=turn.turn_id, sample_rate=24_000, text="a"), 1)
    assert turn.is_mine(AudioFrame(3, 9, b"\0\0"))
    assert not turn.is_mine(AudioFrame(4, 9, b"\0\0"))
    turn.take(AudioFrame(3, 9, bytes(4800)), 2)
    assert turn.audio_ms == 100
    assert turn.marks["first_audio"] == 2


def test_timeline_in_chinese() -> None:
    turn = Turn(uuid4())
    for name, at in (("end_of_speech", 100), ("first_audio", 300), ("last_token", 250)):
        turn.mark(name, at)
    turn.take(TurnDone(turn_id=uuid4(), timings={"llm": 9}), 400)
    lines = show.timeline(turn, Tongue("zh"))
    assert "第一個聲音比最後一個字晚 50 毫秒" in "\n".join(lines)


@pytest.mark.parametrize(("status", "words"), [(401, "--key"), (404, "is it AVATAR"), (403, "403")])
def test_a_closed_door(server, half_second: Path, status: int, words: str) -> None:
    server.refuse = status
    result = avatar("talk", half_second, "--url", server.url)
    assert result.exit_code == 3
    assert words in result.output
