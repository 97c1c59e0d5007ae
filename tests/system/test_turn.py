"""One turn through all services: what comes, in which order, and what is kept of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

Recognise = Callable[[bytes, int], list[str]]


def words_of(speech: Path, name: str) -> str:
    """What a clip says."""
    clips = json.loads((speech / "clips.json").read_text(encoding="utf-8"))
    return str(next(clip["text"] for clip in clips if clip["file"] == f"{name}.wav"))


CONTRACTIONS = {"i'm": "i am", "it's": "it is", "don't": "do not", "can't": "can not"}


def words(text: str) -> list[str]:
    """Words in lower case, contractions written out: a recogniser can't tell which was said."""
    plain = [word.strip('.,:;!?"').lower() for word in text.split()]
    return " ".join(CONTRACTIONS.get(word, word) for word in plain).split()


def share_heard(said: str, heard: list[str]) -> float:
    """How much of what was said is in what was heard, as a share of words."""
    wanted, left = words(said), words(" ".join(heard))
    found = 0
    for word in wanted:
        if word in left:
            left.remove(word)
            found += 1
    return found / len(wanted)


@pytest.fixture
async def spoken(caller: Any, speech: Path) -> Any:
    """A caller whose spoken turn is done."""
    await caller.send(type="configure", language="en", locale="en")
    await caller.say(speech / "hello.wav")
    await caller.until("turn_done")
    return caller


async def test_spoken_words_are_recognised(spoken: Any, speech: Path) -> None:
    final = [message for message in spoken.of("transcription") if message.is_final]
    assert [message.text.lower().strip(" .?!") for message in final] == [words_of(speech, "hello")]


async def test_answer_is_audible_speech(spoken: Any, recognise: Recognise) -> None:
    [answer] = spoken.of("llm_response")
    heard = recognise(bytes(spoken.sound), spoken.rate)
    assert share_heard(answer.text, heard) >= 0.7, f"{answer.text!r} was heard as {heard}"


async def test_sound_begins_before_the_last_token(caller: Any) -> None:
    await caller.send(type="configure", language="en", locale="en")
    await caller.send(type="text", text="What can you do?")
    await caller.until("turn_done")
    assert len(caller.of("llm_token")) > 5
    assert caller.when("audio_response") < caller.when("llm_token", last=True)


async def test_every_message_is_numbered_and_of_its_turn(spoken: Any) -> None:
    numbers = [message.seq for message in spoken.messages]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    [turn] = {message.turn_id for message in spoken.of("accepted")}
    kinds = ("transcription", "llm_token", "llm_response", "audio_response", "turn_done")
    assert {message.turn_id for kind in kinds for message in spoken.of(kind)} == {turn}
    ends = [message for message in spoken.of("audio_response") if message.is_final]
    assert len(ends) == 1
    assert not ends[0].data


async def test_the_turn_is_kept_with_both_sounds(
    spoken: Any, stack: Any, speech: Path, recognise: Recognise
) -> None:
    session = spoken.of("session")[0].session_id
    async with httpx.AsyncClient(base_url=stack.url, timeout=10) as http:
        kept = (await http.get(f"/api/conversation/{session}")).raise_for_status().json()
        [turn] = kept["turns"]
        assert turn["recognised_text"].lower().strip(" .?!") == words_of(speech, "hello")
        assert turn["ai_text"] == spoken.of("llm_response")[0].text
        assert turn["heard_text"] == turn["ai_text"]
        assert turn["turn_number"] == 1
        assert not turn["interrupted"]
        for side, least_ms in (("user", 1500), ("ai", 500)):
            answer = await http.get(f"/api/turn/{turn['turn_id']}/audio/{side}")
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("audio/")
            assert len(answer.content) > least_ms  # Opus: more than a kilobyte a second
            part = await http.get(
                f"/api/turn/{turn['turn_id']}/audio/{side}", headers={"range": "bytes=0-99"}
            )
            assert part.status_code == 206
            assert part.content == answer.content[:100]


async def spoken_as(stack: Any, text: str) -> dict[str, Any]:
    """The voice and the phonemes with which tts-service says a text."""
    async with httpx.AsyncClient(base_url=stack.service_url("tts"), timeout=10) as http:
        answer = await http.post("/v1/audio/phonemes", json={"input": text})
    return dict(answer.raise_for_status().json())


async def test_chinese_is_answered_in_mandarin(caller: Any, stack: Any) -> None:
    await caller.send(type="configure", language="zh", locale="zh-TW")
    await caller.send(type="text", text="你好，你是誰？")
    await caller.until("turn_done")
    [answer] = caller.of("llm_response")
    chinese = [letter for letter in answer.text if "\u4e00" <= letter <= "\u9fff"]
    assert len(chinese) > len(answer.text) / 2
    clauses = [message.text for message in caller.of("audio_response") if message.text]
    said = await spoken_as(stack, clauses[0])
    assert "cmn" in said["voice"]
    # espeak-ng writes Mandarin's tones as digits; English has none.
    mandarin = [run["phonemes"] for run in said["runs"] if run["language"] == "zh"]
    assert mandarin
    assert all(any(sign.isdigit() for sign in phonemes) for phonemes in mandarin)
    assert len(caller.sound) > caller.rate


async def test_a_repeated_utterance_is_the_same_turn(caller: Any) -> None:
    utterance = "0b4a1c4e-35a9-4c5e-9a55-0a7c4c0b9d11"
    await caller.send(type="text", text="Hello!", utterance_id=utterance)
    first = await caller.until("turn_done")
    answers = len(caller.of("llm_response"))
    await caller.send(type="text", text="Hello!", utterance_id=utterance)
    second = await caller.until("turn_done")
    assert second.turn_id == first.turn_id
    assert len(caller.of("llm_response")) in {answers, answers + 1}
    assert {message.turn_number for message in caller.of("accepted")} == {1}
