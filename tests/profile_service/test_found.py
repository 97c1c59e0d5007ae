"""What a query finds, kind by kind: `found.tsv`, a line for each.

A line says kind, query, text and whether the text is found (yes, no), with tabs between them;
``\\u`` and four digits stand for a character that can't be seen.
"""

import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import opencc
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from turn_steps import put

from avatar_contract.records import TurnRecord
from profile_service import folding, textsearch
from profile_service.api.common import Parts
from profile_service.housekeeping import Housekeeper, Retention
from profile_service.reindex import refold
from profile_service.repository import search
from profile_service.tables import search_entries

Records = Callable[..., TurnRecord]

ESCAPED = re.compile(r"\\u([0-9a-f]{4})")
LINES = Path(__file__).with_name("found.tsv").read_text("utf-8").splitlines()
CASES = [
    tuple(ESCAPED.sub(lambda found: chr(int(found[1], 16)), field) for field in line.split("\t"))
    for line in LINES
    if line and not line.startswith("#")
]

HAN = [chr(code) for code in (*range(0x3400, 0xA000), *range(0xF900, 0xFB00))]


def test_every_kind_has_what_is_found_and_what_is_not() -> None:
    counted = Counter((kind, found) for kind, _, _, found in CASES)
    for kind in {kind for kind, *_ in CASES}:
        assert counted[kind, "yes"] >= 3, kind
        assert counted[kind, "no"] >= 1, kind
    assert {found for *_, found in CASES} == {"yes", "no"}


async def test_every_line(parts: Parts, make_record: Records) -> None:
    sessions = {}
    for said in {text for _, _, text, _ in CASES}:
        record = make_record(recognised_text=said, ai_text="", heard_text="")
        await put(parts, record)
        sessions[said] = record.session_id
    wrong = []
    for _, query, text, expected in CASES:
        page = await parts.conversations.page("local", 200, None, query)
        hits = {item.id: item.hit for item in page.items}
        hit = hits.get(sessions[text])
        if (hit is not None) != (expected == "yes"):
            wrong.append((query, text, expected))
        elif hit is not None:
            # As it was said, not as it is compared.
            assert hit.before + hit.match + hit.after == text
            assert folding.fold(hit.match).startswith(folding.fold(query).split()[0][:1])
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "query", "before", "match", "after"),
    [
        ("我住在臺北市。", "台北", "我住在", "臺北", "市。"),
        ("Le cafe\u0301 est ouvert", "CAFÉ", "Le ", "cafe\u0301", " est ouvert"),
        ("重５㎏半", "5kg", "重", "５㎏", "半"),
        ("a ﬁne day", "fine", "a ", "ﬁne", " day"),
        ("台\u200b北的ｶﾞｽ代", "ガス", "台\u200b北的", "ｶﾞｽ", "代"),
        ("Straße 5", "strasse", "", "Straße", " 5"),
        ("\u1112\u1161\u11ab글 말", "한글", "", "\u1112\u1161\u11ab글", " 말"),
    ],
)
def test_the_mark_is_the_text_as_it_was_said(
    text: str, query: str, before: str, match: str, after: str
) -> None:
    parsed = textsearch.parse(query)
    assert parsed is not None
    assert textsearch.mark(text, parsed) == textsearch.Mark(before, match, after)


@given(st.text(max_size=80))
def test_folded_text_is_traced_to_the_whole_original(text: str) -> None:
    folded = folding.traced(text)
    assert folded.text == folding.fold(text)
    assert len(folded.places) == len(folded.text)
    assert folded.places == sorted(folded.places)
    assert all(0 <= start < end <= len(text) for start, end in folded.places)


def test_a_chinese_character_is_folded_to_the_end() -> None:
    """麼 becomes 么, and 么 is a variant itself: all of them must meet."""
    for character in HAN:
        once = folding.fold(character)
        assert folding.fold(once) == once, character


@pytest.mark.parametrize("standard", ["s2t", "t2s", "t2tw", "tw2t", "t2hk", "hk2t"])
def test_what_opencc_turns_into_each_other_meets(standard: str) -> None:
    convert = opencc.OpenCC(standard).convert
    pairs = [(character, convert(character)) for character in HAN]
    apart = [(c, v) for c, v in pairs if len(v) == 1 and folding.fold(c) != folding.fold(v)]
    assert apart == []


def test_a_heap_of_marks_is_folded_in_time() -> None:
    text = "a" + "\u0301\u0323" * 25_000
    assert folding.fold(text) == "a"


async def _make_old(parts: Parts) -> None:
    """All entries as a release before folding wrote them."""
    async with parts.database.write() as connection:
        norm = sa.func.replace(search_entries.c.norm, "台", "臺")
        terms = sa.func.replace(search_entries.c.terms, "台", "臺")
        await connection.execute(
            sa.update(search_entries).values(norm=norm, terms=terms, folding="")
        )


async def test_entries_of_an_older_release_are_folded_anew(
    parts: Parts, make_record: Records
) -> None:
    records = [make_record(recognised_text=f"我住在臺北 {n}") for n in range(120)]
    for record in records:
        await put(parts, record)
    await parts.conversations.rename("local", records[0].session_id, "臺東")
    await _make_old(parts)

    async def found(text: str) -> int:
        return len((await parts.conversations.page("local", 200, None, text)).items)

    housekeeper = Housekeeper(parts.database, parts.vault, Retention())
    await housekeeper.round(datetime.now(UTC))
    for text in ("台北", "臺北"):
        assert await found(text) == 120
    assert await found("台東") == 1
    assert await refold(parts.database) == 0


async def test_an_entry_that_was_replaced_meanwhile_is_left_alone(
    parts: Parts, make_record: Records
) -> None:
    record = make_record(recognised_text="hello")
    await put(parts, record)
    await parts.conversations.rename("local", record.session_id, "臺東")
    await _make_old(parts)
    async with parts.database.read() as connection:
        rows = await search.outdated(connection, 10)
    stale = {row["entry_id"]: textsearch.indexed("臺東") for row in rows}
    await parts.conversations.rename("local", record.session_id, "高雄")
    async with parts.database.write() as connection:
        await search.refold(connection, stale)

    async def found(text: str) -> int:
        return len((await parts.conversations.page("local", 10, None, text)).items)

    assert await found("高雄") == 1
