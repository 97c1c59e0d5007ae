"""Conversations: listed by pages, searched in both languages, titled, exported, deleted."""

import asyncio
import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from turn_steps import put, send

from avatar_contract.errors import BadMessage, NotFound
from avatar_contract.records import ConversationPage, TurnRecord
from profile_service.api.common import Parts
from profile_service.settings import Settings

Records = Callable[..., TurnRecord]
Waves = Callable[..., bytes]

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


async def say(parts: Parts, record: TurnRecord, owner: str = "local", **wavs: bytes) -> TurnRecord:
    await put(parts, record, owner, **wavs)
    return record


async def search(parts: Parts, text: str | None, limit: int = 50) -> ConversationPage:
    return await parts.conversations.page("local", limit, None, text)


async def test_pages_hold_each_conversation_once(parts: Parts, make_record: Records) -> None:
    # Two of a time: the id decides.
    spoken = [
        await say(parts, make_record(created_at=NOON + timedelta(microseconds=n // 2)))
        for n in range(11)
    ]
    seen, cursor, sizes = [], None, []
    while True:
        page = await parts.conversations.page("local", 4, cursor, None)
        seen += page.items
        sizes.append(len(page.items))
        # One that comes while someone turns pages moves nothing.
        await say(parts, make_record(created_at=NOON + timedelta(days=1)))
        cursor = page.next_cursor
        if cursor is None:
            break
    assert sizes == [4, 4, 3]
    assert {item.id for item in seen} == {record.session_id for record in spoken}
    moments = [item.created_at for item in seen]
    assert moments == sorted(moments, reverse=True)


async def test_an_item_counts_turns_and_sound(
    parts: Parts, make_record: Records, make_wav: Waves
) -> None:
    session = uuid4()
    for _ in range(3):
        await say(parts, make_record(session), user=make_wav(0.5), ai=make_wav(1.0))
    await say(parts, make_record(session, typed=True))
    [item] = (await search(parts, None)).items
    assert (item.turns, item.duration_ms, item.title) == (4, 4500, "What is the weather like?")
    conversation = await parts.conversations.get("local", session)
    assert conversation.duration_ms == 4500
    assert [turn.turn_number for turn in conversation.turns] == [1, 2, 3, 4]


CURSORS = ["x", "AAAA", "=", "%00", "é", "a" * 400, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]


async def test_a_made_up_cursor_is_refused(client: httpx.AsyncClient) -> None:
    for path in ("/v1/conversations", "/v1/voice-profiles"):
        for cursor in CURSORS:
            answer = await client.get(path, params={"cursor": cursor})
            assert (answer.status_code, answer.json()["code"]) == (400, "BAD_MESSAGE"), cursor


async def test_a_cursor_of_another_search_or_owner_is_refused(
    parts: Parts, make_record: Records
) -> None:
    for _ in range(2):
        await say(parts, make_record())
    cursor = (await parts.conversations.page("local", 1, None, None)).next_cursor
    assert cursor is not None
    for owner, text in (("local", "weather"), ("other", None)):
        with pytest.raises(BadMessage):
            await parts.conversations.page(owner, 1, cursor, text)


SPOKEN = {
    "weather": ("今天天氣怎麼樣？", "今天是晴天，很適合 picnic。"),
    "money": ("How much is 100% of 50_000?", "It's $50,000, don't worry."),
    "mixed": ("請幫我打開 Spotify 播放周杰倫", "好的，正在播放。🎵"),
    "paths": (r"what does C:\temp\* mean", "It means 'every file' in c:\\temp."),
    "café": ("Où est le CAFÉ？", "ＡＢＣ fullwidth ｔｅｘｔ"),
}
FOUND = {
    "今": {"weather"},
    "氣": {"weather"},
    "樣": {"weather"},
    "天氣": {"weather"},
    "晴天": {"weather"},
    "天天": {"weather"},
    "播放": {"mixed"},
    "周杰倫": {"mixed"},
    "打開 播放": {"mixed"},
    "播放周杰": {"mixed"},
    "氣天": set(),
    "天晴": set(),
    "picnic": {"weather"},
    "PIC": {"weather"},
    "icnic": set(),
    "spotify 周": {"mixed"},
    "spotify 天氣": set(),
    "%": {"money"},
    "100%": {"money"},
    "1%": set(),
    "50_000": {"money"},
    "50x000": set(),
    "_": {"money"},
    "*": {"paths"},
    "\\": {"paths"},
    "\\temp": {"paths"},
    "temp*": set(),
    "\\*": {"paths"},
    "don't": {"money"},
    "'every file'": {"paths"},
    "'": {"money", "paths"},
    '"': set(),
    "🎵": {"mixed"},
    "cafe\u0301": {"café"},
    "abc": {"café"},
    "text": {"café"},
    "?": {"weather", "money", "café"},
    "a & b | !c:*": set(),
    "NEAR(a b)": set(),
    "\x1f": {"weather", "money", "mixed", "paths", "café"},
    "x" * 300: set(),
}


async def test_searching_in_both_languages(parts: Parts, make_record: Records) -> None:
    names = {}
    for name, (question, answer) in SPOKEN.items():
        record = await say(parts, make_record(recognised_text=question, ai_text=answer))
        names[record.session_id] = name
    found = {text: {names[item.id] for item in (await search(parts, text)).items} for text in FOUND}
    assert found == FOUND


async def test_the_hit_is_marked_on_its_side(parts: Parts, make_record: Records) -> None:
    session = uuid4()
    await say(parts, make_record(session, recognised_text="first words", ai_text="nothing"))
    question, answer = "b" * 50, "Über ＣＡＦＥ\u0301 前面的字" + "後" * 40
    second = await say(parts, make_record(session, recognised_text=question, ai_text=answer))
    [item] = (await search(parts, "café")).items
    assert item.hit is not None
    assert (item.hit.turn_id, item.hit.side) == (second.turn_id, "ai")
    assert (item.hit.before, item.hit.match) == ("Über ", "ＣＡＦＥ\u0301")
    assert item.hit.after == " 前面的字" + "後" * 25 + "…"


async def test_search_pages_and_follows_edits(parts: Parts, make_record: Records) -> None:
    records = [
        await say(parts, make_record(recognised_text=f"蘋果 {n}", created_at=NOON))
        for n in range(5)
    ]
    seen, cursor = set(), None
    for _ in range(3):
        page = await parts.conversations.page("local", 2, cursor, "蘋果")
        seen |= {item.id for item in page.items}
        cursor = page.next_cursor
    assert cursor is None
    assert seen == {record.session_id for record in records}
    await say(parts, records[0].model_copy(update={"revision": 1, "edited_text": "香蕉"}))
    assert len((await search(parts, "蘋果")).items) == 4
    assert len((await search(parts, "香蕉")).items) == 1


async def test_of_an_interrupted_answer_only_what_was_heard_is_found(
    parts: Parts, make_record: Records
) -> None:
    await say(parts, make_record(ai_text="one two three", heard_text="one two", interrupted=True))
    assert len((await search(parts, "two")).items) == 1
    assert (await search(parts, "three")).items == []


async def test_titles(client: httpx.AsyncClient, parts: Parts, make_record: Records) -> None:
    session = uuid4()
    first = await say(parts, make_record(session, state="open", recognised_text=None))
    assert (await parts.conversations.get("local", session)).title == ""
    await say(parts, make_record(session, turn_number=2, recognised_text="second  thing\nsaid"))
    assert (await parts.conversations.get("local", session)).title == "second thing said"
    await say(parts, first.model_copy(update={"state": "closed", "recognised_text": "字" * 60}))
    assert (await parts.conversations.get("local", session)).title == "字" * 40 + "…"

    path = f"/v1/conversations/{session}"
    answer = await client.put(path, json={"title": " 旅行\n計畫\x00 "})
    assert answer.json()["title"] == "旅行 計畫"
    await say(parts, make_record(session, turn_number=1))
    [item] = (await search(parts, "計畫")).items
    assert (item.title, item.hit.turn_id, item.hit.match) == ("旅行 計畫", None, "計畫")
    for title in ("", "  ", "\x00", "x" * 201):
        refused = await client.put(path, json={"title": title})
        assert refused.json()["code"] == "BAD_MESSAGE"
    missing = await client.put(f"/v1/conversations/{uuid4()}", json={"title": "x"})
    assert missing.status_code == 404


async def test_deleting_a_conversation_removes_everything(
    parts: Parts, make_record: Records, make_wav: Waves, settings: Settings, files_of: Callable
) -> None:
    session = uuid4()
    spoken = [await say(parts, make_record(session), user=make_wav()) for _ in range(3)]
    await parts.conversations.rename("local", session, "title")
    await parts.conversations.delete("local", session)
    assert files_of(settings.home) == set()
    assert (await search(parts, None)).items == []
    assert (await search(parts, "weather")).items == []
    with pytest.raises(NotFound):
        await say(parts, spoken[0])
    # The talk itself may go on.
    await say(parts, make_record(session, recognised_text="after"))
    assert (await parts.conversations.get("local", session)).title == "after"


async def test_deleting_while_a_turn_arrives(
    parts: Parts, make_record: Records, make_wav: Waves, settings: Settings, files_of: Callable
) -> None:
    session = uuid4()
    await say(parts, make_record(session))
    results = await asyncio.gather(
        *(say(parts, make_record(session), user=make_wav(0.1)) for _ in range(6)),
        parts.conversations.delete("local", session),
        return_exceptions=True,
    )
    assert all(not isinstance(result, BaseException) for result in results)
    left = [item.turns for item in (await search(parts, None)).items]
    assert len(files_of(settings.home)) == sum(left)
    assert await parts.vault.mend() == (0, 0)


async def test_export(client: httpx.AsyncClient, make_record: Records, make_wav: Waves) -> None:
    session = uuid4()
    said = ["*不是* [連結](x)", "two\nlines"]
    for text in said:
        record = make_record(session, recognised_text=text, edited_text=text + "!", turn_number=1)
        await send(client, record, user_audio=make_wav(), ai_audio=make_wav())
    path = f"/v1/conversations/{session}/export"
    view = (await client.get(f"/v1/conversations/{session}")).json()
    as_json = await client.get(path)
    assert json.loads(as_json.content) == view
    assert f'filename="{session}.json"' in as_json.headers["content-disposition"]
    markdown = (await client.get(path, params={"format": "md"})).text
    assert r"\*不是\* \[連結\](x)!" in markdown
    zipped = await client.get(path, params={"format": "zip"})
    with zipfile.ZipFile(io.BytesIO(zipped.content)) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == [
            "audio/0001-ai.ogg",
            "audio/0001-user.ogg",
            "audio/0002-ai.ogg",
            "audio/0002-user.ogg",
            "conversation.json",
            "conversation.md",
        ]
        assert archive.read("conversation.md").decode() == markdown
        turn = view["turns"][1]["turn_id"]
        stored = (await client.get(f"/v1/turns/{turn}/audio/ai")).content
        assert archive.read("audio/0002-ai.ogg") == stored
    assert (await client.get(path, params={"format": "exe"})).json()["code"] == "BAD_MESSAGE"
    missing = await client.get(f"/v1/conversations/{uuid4()}/export")
    assert missing.json()["code"] == "NOT_FOUND"


async def test_bad_questions(client: httpx.AsyncClient) -> None:
    for path, params in (
        ("/v1/conversations", {"limit": 0}),
        ("/v1/conversations", {"limit": 1000}),
        ("/v1/conversations/not-an-id", {}),
        ("/v1/turns", {"utterance_id": "x"}),
    ):
        assert (await client.get(path, params=params)).json()["code"] == "BAD_MESSAGE"
