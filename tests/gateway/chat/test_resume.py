"""A conversation outlives its socket, and the gateway that held it."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from avatar_contract.terms import Stage
from gateway.live.engines import engine_notice


def last_seq(chat) -> int:
    return max(message.get("seq", 0) for message in chat.seen)


def resume_of(chat, **fields: Any) -> dict[str, Any]:
    session = [m for m in chat.seen if m["type"] == "session"][-1]
    token = session["resume_token"]
    return {"type": "resume", "resume_token": token, "last_seq": last_seq(chat), **fields}


async def test_the_same_conversation_goes_on_with_its_memory(stack) -> None:
    async with stack.cut() as first:
        await first.full_turn()
    await stack.client_is_away()
    async with stack.client() as second:
        await second.send(**resume_of(first))
        session = await second.until("session", resumed=True)
        assert session["session_id"] == first.seen[0]["session_id"]
        assert session["seq"] == last_seq(first)
        await second.full_turn()
    assert [m.content for m in stack.model.asked[-1]][1:] == [
        "are you there",
        "I am fine. Thank you.",
        "are you there",
    ]
    assert sorted(r.turn_number for r in stack.archive.records.values()) == [1, 2]


async def test_what_was_missed_comes_once_and_in_order(stack) -> None:
    stack.model.answer_text = "One is here. Two is here. Three is here."
    async with stack.cut() as first:
        await first.send(type="text", text="count")
        await first.until("audio_response")
    await stack.client_is_away()
    async with stack.client() as second:
        await second.send(**resume_of(first))
        session = await second.until("session", resumed=True)
        await second.until("turn_done")
    numbers = [m["seq"] for m in second.seen[second.seen.index(session) + 1 :]]
    assert numbers == list(range(last_seq(first) + 1, last_seq(first) + 1 + len(numbers)))
    told = [m.get("text") for m in [*first.seen, *second.seen] if m["type"] == "audio_response"]
    assert [text for text in told if text] == ["One is here.", "Two is here.", "Three is here."]
    assert len(stack.model.asked) == 1


async def test_sound_waits_while_nobody_listens_and_goes_on_where_it_was_heard(stack) -> None:
    stack.model.answer_text = "One is here. " * 8
    async with stack.cut() as first:
        await first.send(type="text", text="count")
        sound = await first.until("audio_response")
    await stack.client_is_away()
    turn = {"turn_id": sound["turn_id"], "revision": 0}
    async with stack.client() as second:
        await second.send(**resume_of(first, **turn, played_ms=100))
        await second.until("session", resumed=True)
        await second.send(type="interrupt", **turn, played_ms=120)
        done = await second.until("turn_done")
        assert done["interrupted"]
        assert len(done["heard_text"]) < 13


async def test_a_reload_is_told_the_turn_anew_from_where_it_was_heard(stack) -> None:
    stack.model.answer_text = "One is here. Two is here. Three is here."
    async with stack.cut() as first:
        await first.send(type="text", text="count")
        await first.until("audio_response", text="Two is here.")
        turn = first.seen[-1]["turn_id"]
    await stack.client_is_away()
    async with stack.client() as second:
        message = resume_of(first, turn_id=turn, revision=0, played_ms=250)
        await second.send(**message | {"last_seq": 0})
        session = await second.until("session", resumed=True)
        assert session["seq"] > last_seq(first)
        accepted = await second.until("accepted")
        assert accepted["turn_id"] == turn
        assert (await second.until("transcription"))["text"] == "count"
        done = await second.until("turn_done")
        assert done["heard_text"] == "One is here. Two is here. Three is here."
    clauses = [m["text"] for m in second.seen if m["type"] == "audio_response" and m.get("text")]
    assert clauses == ["Two is here.", "Three is here."]


async def test_an_utterance_goes_on_from_its_offset(stack) -> None:
    utterance = str(uuid4())
    piece = b"\x10\x00" * 1600
    async with stack.cut() as first:
        await first.send(type="audio_start", utterance_id=utterance, sample=0)
        await first.chunk(piece, utterance_id=utterance)
        await first.until("accepted")
    await stack.client_is_away()
    async with stack.client() as second:
        await second.send(**resume_of(first))
        session = await second.until("session", resumed=True)
        again = await second.until("accepted")
        assert session["offset"] == again["offset"] == 1600
        await second.send(type="audio_start", utterance_id=utterance, sample=800)
        await second.chunk(piece, utterance_id=utterance)
        await second.send(type="audio_end", utterance_id=utterance)
        await second.until("turn_done")
    assert len(stack.recogniser.audio) == 2 * (800 + 1600)
    assert len(stack.archive.records) == 1


async def test_a_new_socket_displaces_the_old(stack) -> None:
    async with stack.client() as first:
        await first.full_turn()
        async with stack.client() as second:
            await second.send(**resume_of(first))
            await second.until("session", resumed=True)
            await first.socket.wait_closed()
            assert first.socket.close_code == 4001
            await second.full_turn()
            assert stack.admission.held == 1


async def test_an_unknown_token_leaves_a_new_conversation(stack) -> None:
    async with stack.client() as chat:
        await chat.send(type="resume", resume_token="x" * 32, last_seq=4)
        assert await chat.error() == "NOT_FOUND"
        await chat.full_turn()


async def test_storage_that_is_away_is_said_and_a_later_try_succeeds(stack) -> None:
    async with stack.client() as first:
        await first.full_turn()
    await stack.settled()
    stack.archive.down = True
    async with stack.client() as second:
        await second.send(**resume_of(first))
        error = await second.until("error")
        assert (error["code"], error["retryable"]) == ("PROFILE_UNAVAILABLE", True)
        stack.archive.down = False
        await second.send(**resume_of(first))
        session = await second.until("session", resumed=True)
        assert session["session_id"] == first.seen[0]["session_id"]


async def test_a_full_gateway_keeps_the_place_of_its_own(stack) -> None:
    stack.admission.max_sessions = 1
    async with stack.cut() as first:
        await first.full_turn()
    await stack.client_is_away()
    async with stack.client(read_session=False) as second:
        await second.send(**resume_of(first))
        assert (await second.next())["resumed"]
        await second.full_turn()


async def test_who_comes_to_a_full_gateway_takes_the_place_of_one_who_is_away(stack) -> None:
    stack.admission.max_sessions = 1
    async with stack.cut() as first:
        await first.full_turn()
    await stack.client_is_away()
    async with stack.client() as second:
        await second.full_turn()
        await second.socket.close()
    await stack.settled()
    async with stack.client() as third:
        await third.send(**resume_of(first))
        session = await third.until("session", resumed=True)
        assert session["session_id"] == first.seen[0]["session_id"]


async def test_a_first_turn_that_is_still_looked_up_is_worth_coming_back_to(stack) -> None:
    looked_up = asyncio.Event()

    async def find(utterance_id: object) -> None:
        await looked_up.wait()

    stack.archive.find = find
    utterance = str(uuid4())
    async with stack.cut() as first:
        await first.send(type="text", utterance_id=utterance, text="hello")
        await first.until("status", state="idle")
        async with asyncio.timeout(5):
            while stack.sessions.sessions[0].conversation.typed is None:
                await asyncio.sleep(0)
    await stack.client_is_away()
    async with stack.client() as second:
        await second.send(**resume_of(first))
        await second.until("session", resumed=True)
        looked_up.set()
        await second.until("turn_done")


async def test_a_session_that_nobody_comes_back_to_ends(stack) -> None:
    stack.sessions._detached_s = 0.05
    async with stack.cut() as first:
        await first.full_turn()
    await stack.settled()
    assert stack.sessions.sessions == []


async def test_another_gateway_takes_over_with_memory_and_configuration(stack) -> None:
    async with stack.cut() as first:
        await first.send(type="configure", locale="en", instructions="Be brief.")
        await first.full_turn()
    await stack.client_is_away()
    async with stack.another() as other, other.client() as second:
        await second.send(**resume_of(first))
        session = await second.until("session", resumed=True)
        assert session["session_id"] == first.seen[0]["session_id"]
        assert session["seq"] > last_seq(first)
        await second.full_turn()
    asked = [m.content for m in stack.model.asked[-1]]
    assert asked[0].endswith("Be brief.")
    assert asked[1:3] == ["are you there", "I am fine. Thank you."]
    assert sorted(r.turn_number for r in stack.archive.records.values()) == [1, 2]


async def test_a_gateway_that_held_it_before_goes_on_with_what_the_other_one_did(stack) -> None:
    """There and back: the first one's own session, which it still holds, is out of date."""
    async with stack.cut() as first:
        await first.full_turn()
    await stack.client_is_away()
    async with stack.another() as other:
        async with other.cut() as second:
            await second.send(**resume_of(first))
            await second.until("session", resumed=True)
            await second.full_turn()
        await other.factory.spool.flush(5)
        async with stack.client() as third:
            await third.send(**resume_of(second))
            session = await third.until("session", resumed=True)
            assert session["seq"] > last_seq(second)
            await third.full_turn()
    question, answer = "are you there", "I am fine. Thank you."
    asked = [m.content for m in stack.model.asked[-1]]
    assert asked[1:] == [question, answer, question, answer, question]
    assert sorted(r.turn_number for r in stack.archive.records.values()) == [1, 2, 3]


@pytest.mark.parametrize("answered", [False, True])
async def test_a_turn_left_open_is_done_again_once(stack, answered: bool) -> None:
    """The first gateway hangs with the turn: its record is open, its late one is refused."""
    stack.model.mode = "fine" if answered else "stalls"
    stack.voice.mode = "stalls"
    utterance = str(uuid4())
    async with stack.client() as first:
        await first.send(type="text", utterance_id=utterance, text="hello")
        kind = "audio_response" if answered else "llm_token"
        turn = (await first.until(kind))["turn_id"]
        if answered:
            await first.until("llm_response")
        async with asyncio.timeout(5):
            while stack.factory.spool.pending:
                await asyncio.sleep(0.01)
        stack.model.mode = stack.voice.mode = "fine"
        async with stack.another() as other, other.client() as second:
            await second.send(**resume_of(first, turn_id=turn, revision=0))
            await second.until("session", resumed=True)
            assert (await second.until("accepted"))["turn_id"] == turn
            await second.send(type="text", utterance_id=utterance, text="hello")
            done = await second.until("turn_done")
            assert done["heard_text"] == "I am fine. Thank you."
            await second.full_turn()
            await other.factory.spool.flush(5)
        asked = len(stack.model.asked)
        await first.send(type="interrupt")
        await first.until("turn_done")
    assert asked == (2 if answered else 3)
    await stack.settled()
    record = next(r for r in stack.archive.records.values() if str(r.turn_id) == turn)
    assert (record.state, record.epoch, record.interrupted) == ("closed", 2, False)
    assert len(stack.archive.records) == 2


async def test_a_repeated_id_with_an_open_record_is_finished_not_replayed(stack) -> None:
    """The client could not resume; its utterance, sent again, is the turn that was open."""
    utterance = str(uuid4())
    stack.model.mode = "stalls"
    async with stack.cut() as first:
        await first.send(type="text", utterance_id=utterance, text="hello")
        turn = (await first.until("llm_token"))["turn_id"]
    await stack.client_is_away()
    await stack.sessions.discard(stack.sessions.sessions[0])
    stack.model.mode = "fine"
    async with stack.client() as second:
        await second.send(type="text", utterance_id=utterance, text="hello")
        done = await second.until("turn_done")
        assert (done["turn_id"], done["interrupted"]) == (turn, False)
        assert done["heard_text"] == "I am fine. Thank you."
    await stack.settled()
    (record,) = stack.archive.records.values()
    assert (record.state, str(record.session_id)) == ("closed", first.seen[0]["session_id"])


async def test_a_restart_lets_turns_finish_and_tells_clients_to_come_back(stack) -> None:
    """SIGTERM: the one at rest goes at once, the one who is being answered when that is over."""
    stack.model.answer_text = "One is here. Two is here."
    async with stack.client() as resting, stack.client() as talking:
        await talking.send(type="text", text="count")
        await talking.until("audio_response")
        drained = asyncio.ensure_future(stack.sessions.drain())
        await resting.until("notice", code="GOING_AWAY")
        await resting.socket.wait_closed()
        assert resting.socket.close_code == 1012
        done = await talking.until("turn_done")
        assert not done["interrupted"]
        await talking.socket.wait_closed()
        assert talking.socket.close_code == 1012
        await asyncio.wait_for(drained, 5)
        async with stack.client(read_session=False) as late:
            await late.socket.wait_closed()
            assert late.socket.close_code == 1012
        stack.sessions.draining = False


async def test_an_engine_that_goes_away_is_said_to_those_who_are_there(stack, chat) -> None:
    stack.sessions.tell_all(engine_notice(Stage.STT, away=True))
    notice = await chat.until("notice", code="ENGINE_AWAY")
    assert notice["stage"] == "stt"
    stack.factory.notices = lambda: [engine_notice(Stage.TTS_FAST, away=True)]
    async with stack.client() as late:
        assert (await late.until("notice"))["stage"] == "tts_fast"
        await late.send(**resume_of(chat))
        await late.until("session", resumed=True)
        assert (await late.until("notice"))["stage"] == "tts_fast"


async def test_a_conversation_whose_record_is_on_its_way_is_waited_for(stack) -> None:
    stack.archive.down = True
    async with stack.cut() as first:
        await first.full_turn()
    await stack.client_is_away()
    async with stack.another() as other, other.client() as second:
        stack.archive.down = False
        await second.send(**resume_of(first))
        session = await second.until("session", resumed=True)
        assert session["session_id"] == first.seen[0]["session_id"]
