"""Turns that are written while they go on, by one gateway and then by another."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from turn_steps import but, listed, put, send

from avatar_contract.errors import Conflict
from avatar_contract.records import TurnRecord
from profile_service.api.common import Parts
from profile_service.settings import Settings

Records = Callable[..., TurnRecord]
Waves = Callable[..., bytes]

NOTHING: dict[str, Any] = {
    "state": "open",
    "recognised_text": None,
    "ai_text": "",
    "heard_text": "",
    "timings": {},
}
"""What a turn has to say when it has just been accepted."""


async def test_a_turn_grows_until_it_is_closed(
    parts: Parts, make_record: Records, make_wav: Waves
) -> None:
    closed = make_record(recognised_text="今天天氣", ai_text="很好。")
    view = await put(parts, but(closed, **NOTHING))
    assert (view.state, view.user_text, view.turn_number) == ("open", "", 1)
    session = closed.session_id
    assert await listed(parts) == []
    assert (await parts.conversations.get("local", session)).turns == []

    view = await put(parts, but(closed, state="open", ai_text=""), user=make_wav())
    assert view == await parts.turns.of_utterance("local", closed.utterance_id)
    assert await listed(parts) == await listed(parts, "天氣") == [(session, "今天天氣", 1)]
    assert await listed(parts, "很好") == []
    assert [t.state for t in (await parts.conversations.get("local", session)).turns] == ["open"]

    view = await put(parts, closed, ai=make_wav(1.0))
    assert (view.state, view.ai_text) == ("closed", "很好。")
    assert (view.user_audio_ms, view.ai_audio_ms) == (400, 1000)
    assert await listed(parts, "很好") == [(session, "今天天氣", 1)]
    late = await put(parts, but(closed, state="open", ai_text=""))
    assert late == view


async def test_a_turn_whose_words_go_again_is_not_found_by_them(
    parts: Parts, make_record: Records
) -> None:
    record = make_record(state="open", recognised_text="wrongly heard", ai_text="")
    await put(parts, record)
    await put(parts, but(record, recognised_text=None))
    assert await listed(parts, "wrongly") == []
    assert (await parts.conversations.get("local", record.session_id)).title == ""


async def test_an_open_turn_without_words_is_no_entry(
    client: httpx.AsyncClient, parts: Parts, make_record: Records
) -> None:
    spoken = make_record()
    opened = make_record(spoken.session_id, turn_number=2, **NOTHING)
    for record in (spoken, opened):
        await put(parts, record)
    assert await listed(parts) == [(spoken.session_id, "What is the weather like?", 1)]
    path = f"/v1/conversations/{spoken.session_id}/export"
    assert len((await client.get(path)).json()["turns"]) == 1
    markdown = (await client.get(path, params={"format": "md"})).text
    assert markdown.count("## ") == 1
    zipped = await client.get(path, params={"format": "zip"})
    with zipfile.ZipFile(io.BytesIO(zipped.content)) as archive:
        assert archive.read("conversation.md").decode() == markdown
    view = await client.get("/v1/turns", params={"utterance_id": str(opened.utterance_id)})
    assert (view.status_code, view.json()["state"]) == (200, "open")


async def test_pages_pass_over_what_is_not_shown(parts: Parts, make_record: Records) -> None:
    shown = []
    for n in range(9):
        record = await put(parts, make_record(**({} if n % 3 == 0 else NOTHING)))
        if n % 3 == 0:
            shown.append(record.session_id)
    seen, cursor = [], None
    for _ in range(3):
        page = await parts.conversations.page("local", 1, cursor, None)
        seen += [item.id for item in page.items]
        cursor = page.next_cursor
    assert cursor is None
    assert seen == shown[::-1]


async def test_a_late_record_of_a_gateway_that_lost_the_session(
    parts: Parts, make_record: Records, make_wav: Waves
) -> None:
    first = make_record(ai_text="by the first")
    late = await put(parts, first)
    assert late.state == "closed", "taken where no newer gateway has touched the turn"

    touched = make_record(first.session_id, ai_text="by the second", epoch=2, state="open")
    await put(parts, touched)
    for state in ("open", "closed"):
        with pytest.raises(Conflict, match="too late"):
            await put(parts, but(touched, epoch=1, state=state), ai=make_wav())
    done = await put(parts, but(touched, state="closed"))
    assert done.ai_text == "by the second"
    again = await put(parts, but(touched, epoch=1, state="closed", ai_text="x"), ai=make_wav())
    assert again == done, "closed is closed: nothing is left to do"
    assert (await parts.turns.get("local", done.turn_id)).ai_audio_ms is None
    with pytest.raises(Conflict):
        await put(parts, but(touched, epoch=1, state="closed", revision=1))


async def test_the_next_gateway_does_an_open_turn_again(
    parts: Parts, make_record: Records, make_wav: Waves, settings: Settings, files_of: Callable
) -> None:
    first = make_record(state="open", ai_text="by the first", revision=1)
    await put(parts, first, user=make_wav(), ai=make_wav())
    view = await put(parts, but(first, ai_text="", epoch=2))
    assert (view.ai_text, view.user_audio_ms, view.ai_audio_ms) == ("", 400, None)
    assert len(files_of(settings.home)) == 1
    view = await put(parts, but(first, state="closed", ai_text="by the second", epoch=2))
    assert (view.state, view.ai_text) == ("closed", "by the second")
    assert await put(parts, but(first, state="closed", epoch=3)) == view


async def test_sound_that_was_missing_is_added_by_the_same_record_only(
    client: httpx.AsyncClient, make_record: Records, make_wav: Waves
) -> None:
    record = make_record()

    async def sent(record: TurnRecord, **wavs: bytes) -> tuple[int, Any, Any]:
        answer = await send(client, record, **wavs)
        view = answer.json()
        return answer.status_code, view["user_audio_ms"], view["ai_audio_ms"]

    wav = make_wav()
    assert await sent(record) == (200, None, None)
    assert await sent(but(record, store_audio=False), user_audio=wav) == (200, None, None)
    assert await sent(but(record, epoch=2), user_audio=wav) == (200, None, None)
    assert await sent(but(record, state="open"), user_audio=wav) == (200, None, None)
    assert await sent(but(record, ai_text="?"), user_audio=wav, ai_audio=wav) == (200, 400, None)
    assert await sent(record, user_audio=make_wav(1.0), ai_audio=wav) == (200, 400, 400)
    assert await sent(record, user_audio=make_wav(1.0), ai_audio=make_wav(1.0)) == (200, 400, 400)
