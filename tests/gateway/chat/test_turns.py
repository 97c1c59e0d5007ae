"""Whole turns over the wire, in the order a client relies on."""

from __future__ import annotations

from base64 import b64decode
from uuid import uuid4

from avatar_contract.wire import unpack_audio


async def test_the_server_speaks_first(stack) -> None:
    async with stack.client(read_session=False) as chat:
        session = await chat.next()
        assert (session["type"], session["version"], session["seq"]) == ("session", 1, 1)
        assert session["audio_out"] == "json"
        assert session["limits"]["max_chunks"] == 1000


async def test_push_to_talk_with_json_audio(stack, chat) -> None:
    await chat.say()
    done = await chat.until("turn_done")
    kinds = [m["type"] for m in chat.seen if m["type"] != "status"]
    assert kinds.index("accepted") < kinds.index("transcription") < kinds.index("llm_token")
    assert kinds.count("accepted") == 2
    assert kinds.count("llm_response") == 1
    sound = [m for m in chat.seen if m["type"] == "audio_response"]
    assert sound[-1]["is_final"]
    assert "data" not in sound[-1]
    assert sum(len(b64decode(m["data"])) for m in sound if "data" in m) == 2 * 2 * 6000
    assert done["heard_text"] == "I am fine. Thank you."
    assert not done["interrupted"]
    states = [m["state"] for m in chat.seen if m["type"] == "status"]
    assert (
        states
        == ["idle", "listening", "transcribing", "thinking", "speaking", "idle"][: len(states)]
    )
    (record,) = stack.archive.records.values()
    assert (record.recognised_text, record.ai_text) == ("hello there", "I am fine. Thank you.")


async def test_seq_numbers_everything_and_binary_frames_carry_the_sound(chat) -> None:
    await chat.send(type="configure", audio_out="binary", audio_in={"sample_rate": 16000})
    await chat.socket.send(b"\x10\x00" * 3200)
    await chat.send(type="audio_end")
    await chat.until("turn_done")
    numbers = [
        unpack_audio(m["data"]).seq if m["type"] == "binary" else m["seq"] for m in chat.seen
    ]
    assert numbers == list(range(1, len(numbers) + 1))
    pcm = b"".join(unpack_audio(m["data"]).pcm for m in chat.seen if m["type"] == "binary")
    assert len(pcm) == 2 * 2 * 6000


async def test_audio_start_names_a_binary_utterance(chat) -> None:
    utterance = str(uuid4())
    await chat.send(type="audio_start", utterance_id=utterance, sample=0)
    await chat.socket.send(b"\x10\x00" * 1600)
    await chat.send(type="audio_end")
    assert (await chat.until("accepted"))["utterance_id"] == utterance
    await chat.until("turn_done")


async def test_samples_that_came_before_are_dropped(stack, chat) -> None:
    await chat.socket.send(b"\x10\x00" * 1600)
    await chat.send(type="audio_end")
    await chat.until("turn_done")
    heard = len(stack.recogniser.audio)
    await chat.send(type="audio_start", sample=800)
    await chat.socket.send(b"\x10\x00" * 1600)
    await chat.send(type="audio_end")
    accepted = await chat.until("accepted")
    await chat.until("turn_done")
    assert len(stack.recogniser.audio) - heard == 1600
    assert accepted["start"] == 800


async def test_any_rate_reaches_the_recogniser_at_16_khz(stack, chat) -> None:
    for rate in (8000, 44100, 48000):
        stack.recogniser.audio.clear()
        await chat.chunk(b"\x10\x00" * rate, sr=rate)
        await chat.send(type="audio_end")
        await chat.until("turn_done")
        assert abs(len(stack.recogniser.audio) // 2 - 16000) < 200


async def test_a_repeated_id_is_the_same_turn_also_from_another_socket(stack, chat) -> None:
    utterance = str(uuid4())
    await chat.send(type="text", utterance_id=utterance, text="hello")
    first = await chat.until("turn_done")
    await chat.send(type="text", utterance_id=utterance, text="hello")
    assert (await chat.until("turn_done"))["turn_id"] == first["turn_id"]
    async with stack.client() as other:
        await other.send(type="text", utterance_id=utterance, text="hello")
        assert (await other.until("turn_done"))["turn_id"] == first["turn_id"]
    assert len(stack.model.asked) == 1


async def test_interrupt_flushes_and_ends_the_turn(stack, chat) -> None:
    stack.model.answer_text = "One is here. " * 20
    await chat.send(type="text", text="tell me")
    sound = await chat.until("audio_response")
    await chat.send(type="interrupt", turn_id=sound["turn_id"], played_ms=100)
    await chat.until("playback_control", action="flush")
    done = await chat.until("turn_done")
    assert done["interrupted"]
    assert len(done["heard_text"]) < 40
    stack.model.answer_text = "Yes."
    await chat.full_turn()


async def test_an_edit_answers_the_corrected_words(stack, chat) -> None:
    await chat.say()
    done = await chat.until("turn_done")
    edit = {"turn_id": done["turn_id"], "revision": 1, "text": "hello dear"}
    await chat.send(type="edit_transcription", **edit)
    again = await chat.until("turn_done")
    assert (again["turn_id"], again["revision"]) == (done["turn_id"], 1)
    assert stack.model.asked[-1][-1].content == "hello dear"
    record = stack.archive.records[next(iter(stack.archive.records))]
    assert (record.recognised_text, record.edited_text) == ("hello there", "hello dear")


async def test_an_answer_in_the_persons_own_voice(stack) -> None:
    async with stack.client() as chat:
        await chat.say(2.0)
        await chat.until("turn_done")
        assert not any(stack.voice.own)
        await chat.send(type="configure", self_clone=True)
        await chat.say(2.0)
        await chat.until("turn_done")
        own = stack.voice.own[-1]
        assert own.text == "hello there"
        assert len(own.pcm) == 2 * 2 * 16000
    await stack.settled()
    assert stack.voice.forgotten == [own.voice_id]
