"""The command `avatar`, as the README tells people to use it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from avatar_contract.audio import read_wav

Avatar = Callable[..., Any]


def test_talk_prints_the_words_and_writes_the_answer(
    avatar: Avatar, stack: Any, speech: Path, tmp_path: Path, recognise: Any
) -> None:
    answer = tmp_path / "answer.wav"
    done = avatar(stack, "talk", str(speech / "hello.wav"), "-o", str(answer))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "hello how are you today" in done.stdout.lower()
    pcm, rate, channels = read_wav(answer.read_bytes())
    assert channels == 1
    assert len(recognise(pcm, rate)) > 3


def test_hands_free_talk(avatar: Avatar, stack: Any, speech: Path, tmp_path: Path) -> None:
    answer = tmp_path / "answer.wav"
    done = avatar(stack, "talk", "--hands-free", str(speech / "time.wav"), "-o", str(answer))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "what time is it" in done.stdout.lower()
    assert len(read_wav(answer.read_bytes())[0]) > 10_000


def test_chat_in_chinese_is_answered_in_chinese(avatar: Avatar, stack: Any) -> None:
    done = avatar(stack, "chat", stdin="你好，你是誰？\n")
    assert done.returncode == 0, done.stdout + done.stderr
    chinese = [letter for letter in done.stdout if "\u4e00" <= letter <= "\u9fff"]
    assert len(chinese) > 20


def test_doctor_finds_the_running_copy(avatar: Avatar, stack: Any) -> None:
    done = avatar(stack, "doctor")
    assert str(stack.port) in done.stdout
    assert "Traceback" not in done.stderr


def test_the_health_of_the_whole(stack: Any) -> None:
    health = httpx.get(f"{stack.url}/health", timeout=5)
    assert health.status_code == 200
    assert health.json()["status"] in {"ok", "ready"}
    json.dumps(health.json())
