"""Turns are kept, whatever storage does: through the real spool on a real disk."""

from __future__ import annotations

import asyncio


async def test_turn_done_comes_when_the_record_is_on_disk(stack, chat) -> None:
    stack.archive.down = True
    await chat.full_turn()
    assert stack.factory.spool.pending == 1
    (kept,) = stack.factory.spool._file.pending()
    assert kept.record.state == "closed"
    stack.archive.down = False


async def test_nobody_notices_that_storage_is_away_and_all_is_delivered_in_order(
    stack, chat
) -> None:
    stack.archive.down = True
    for _ in range(5):
        told = await chat.full_turn()
        assert not [m for m in told if m["type"] in {"error", "notice"}]
    assert not stack.archive.records
    stack.archive.down = False
    await stack.factory.spool.flush(10)
    numbers = [record.turn_number for record in stack.archive.records.values()]
    assert numbers == [1, 2, 3, 4, 5]
    assert len(stack.archive.sound) == 5


async def test_the_reply_can_be_replayed_when_it_is_delivered(stack, chat) -> None:
    stack.archive.down = True
    told = await chat.full_turn()
    assert "tts_ready" not in [m["type"] for m in told]
    stack.archive.down = False
    ready = await chat.until("tts_ready")
    assert ready["duration_ms"] == 500.0


async def test_an_interruption_waits_for_the_disk_too(stack, chat) -> None:
    """`flush` at once; `turn_done`, then what follows, when the record is kept."""
    stack.model.answer_text = "One is here. " * 20
    await chat.send(type="text", text="count")
    await chat.until("audio_response")
    asked, release = asyncio.Event(), asyncio.Event()
    write = stack.factory.spool._write

    async def slow() -> None:
        asked.set()
        await release.wait()
        await write()

    stack.factory.spool._write = slow
    await chat.send(type="text", text="stop")
    await chat.until("playback_control", action="flush")
    await asked.wait()
    release.set()
    kinds = []
    while "accepted" not in kinds:
        kinds.append((await chat.next())["type"])
    assert kinds.index("turn_done") < kinds.index("accepted")
    await chat.until("turn_done")
