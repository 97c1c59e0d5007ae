"""An utterance that two gateways made turns of: one row, whichever record comes first."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import permutations
from uuid import uuid4

import pytest
import sqlalchemy as sa
from turn_steps import but, listed, put

from avatar_contract.errors import NotFound
from avatar_contract.ids import turn_id
from avatar_contract.records import SessionClaim, SessionState, TurnRecord
from profile_service import app as service
from profile_service.api.common import Parts
from profile_service.housekeeping import Housekeeper, Retention
from profile_service.settings import Settings
from profile_service.tables import turns
from profile_service.turn_rules import Writing, judge_elsewhere

Records = Callable[..., TurnRecord]
Waves = Callable[..., bytes]

NOW = datetime.now(UTC)
LATER = NOW + timedelta(seconds=3)
TOKEN = "ab" * 32


async def count(parts: Parts, table: str) -> int:
    async with parts.database.read() as connection:
        return await connection.scalar(sa.text(f"SELECT count(*) FROM {table}")) or 0


@pytest.fixture
def said_twice(make_record: Records) -> tuple[TurnRecord, TurnRecord]:
    """Open with the first gateway, which dies; closed by the second, in a new conversation."""
    first = make_record(state="open", ai_text="", heard_text="", created_at=NOW, epoch=3)
    second = make_record(utterance_id=first.utterance_id, ai_text="done here", created_at=LATER)
    assert first.turn_id != second.turn_id
    return first, second


@pytest.mark.parametrize("first_comes", ["before", "after"])
async def test_closed_replaces_open_of_another_conversation(
    parts: Parts, said_twice: tuple[TurnRecord, TurnRecord], make_wav: Waves, first_comes: str
) -> None:
    first, second = said_twice
    if first_comes == "before":
        assert (await put(parts, first)).turn_id == first.turn_id
    kept = await put(parts, second, user=make_wav(), ai=make_wav(1.0))
    assert (kept.session_id, kept.turn_id) == (second.session_id, second.turn_id)
    assert (kept.state, kept.ai_text) == ("closed", "done here")
    assert (kept.user_audio_ms, kept.ai_audio_ms) == (400, 1000)
    assert await put(parts, first) == kept
    assert await put(parts, but(first, state="closed", ai_text="late"), ai=make_wav()) == kept

    assert await parts.turns.of_utterance("local", first.utterance_id) == kept
    assert await listed(parts) == [(second.session_id, "What is the weather like?", 1)]
    assert await listed(parts, "done here") == await listed(parts)
    assert await listed(parts, "late") == []
    assert (await count(parts, "turns"), await count(parts, "conversations")) == (1, 1)
    assert await count(parts, "audio_files") == 2
    with pytest.raises(NotFound):
        await parts.turns.get("local", first.turn_id)


async def test_the_other_conversation_keeps_its_other_turns_and_its_title(
    parts: Parts, said_twice: tuple[TurnRecord, TurnRecord], make_record: Records
) -> None:
    first, second = said_twice
    session = first.session_id
    await put(parts, but(first, recognised_text="open words"))
    await put(parts, make_record(session, turn_number=2, recognised_text="another"))
    assert await listed(parts, "open words") != []
    await put(parts, second)
    assert sorted(await listed(parts)) == sorted(
        [(session, "another", 1), (second.session_id, "What is the weather like?", 1)]
    )
    assert await listed(parts, "open words") == []


async def test_of_two_open_ones_the_later_stays(
    parts: Parts, said_twice: tuple[TurnRecord, TurnRecord]
) -> None:
    first, second = said_twice[0], but(said_twice[1], state="open")
    for records in ((first, second), (second, first)):
        for record in records:
            await put(parts, record)
        view = await parts.turns.of_utterance("local", first.utterance_id)
        assert view.turn_id == second.turn_id
        assert await count(parts, "turns") == 1


async def test_of_two_closed_ones_the_first_stays_until_it_is_corrected(
    parts: Parts, said_twice: tuple[TurnRecord, TurnRecord]
) -> None:
    first, second = but(said_twice[0], state="closed", ai_text="told first"), said_twice[1]
    kept = await put(parts, first)
    assert await put(parts, second) == kept
    opened = but(second, revision=1, edited_text="corrected", state="open")
    assert await put(parts, opened) == kept
    corrected = await put(parts, but(opened, state="closed"))
    assert (corrected.turn_id, corrected.revision) == (second.turn_id, 1)
    assert await put(parts, first) == corrected
    again = await put(parts, but(second, revision=2, edited_text="again"))
    assert (again.revision, again.user_text) == (2, "again")
    assert await count(parts, "turns") == 1


async def test_sound_of_another_turn_is_not_added(
    parts: Parts, said_twice: tuple[TurnRecord, TurnRecord], make_wav: Waves
) -> None:
    first, second = but(said_twice[0], state="closed", epoch=1), said_twice[1]
    first = but(first, ai_text=second.ai_text, heard_text=second.heard_text)
    await put(parts, first)
    view = await put(parts, second, user=make_wav(), ai=make_wav())
    assert (view.turn_id, view.user_audio_ms, view.ai_audio_ms) == (first.turn_id, None, None)


async def test_another_owner_may_have_the_same_utterance(
    parts: Parts, said_twice: tuple[TurnRecord, TurnRecord]
) -> None:
    first, second = said_twice
    await put(parts, first)
    assert (await put(parts, second, "ann")).session_id == second.session_id
    assert (await parts.turns.get("local", first.turn_id)).state == "open"


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_every_order_ends_in_the_same_row(
    parts: Parts, said_twice: tuple[TurnRecord, TurnRecord], order: tuple[int, ...]
) -> None:
    first, second = said_twice
    records = [first, but(second, state="open"), second]
    for n in order:
        await put(parts, records[n])
    view = await parts.turns.of_utterance("local", first.utterance_id)
    assert (view.turn_id, view.state) == (second.turn_id, "closed")
    assert (await count(parts, "turns"), await count(parts, "conversations")) == (1, 1)


async def test_two_services_and_many_gateways_at_once(
    settings: Settings, make_record: Records
) -> None:
    """Both processes write the same database: each has connections of its own."""
    async with service.running(settings) as one, service.running(settings) as other:
        for _ in range(5):
            utterance = uuid4()
            opened = [
                make_record(utterance_id=utterance, state="open", ai_text="") for _ in range(6)
            ]
            closed = but(opened[0], state="closed", ai_text="done")
            puts = [put(parts, r) for r in (*opened, closed) for parts in (one, other)]
            views = await asyncio.gather(*puts)
            assert closed.turn_id in {view.turn_id for view in views}
            view = await one.turns.of_utterance("local", utterance)
            assert (view.turn_id, view.state) == (closed.turn_id, "closed")
        assert (await count(one, "turns"), await count(one, "conversations")) == (5, 5)


async def test_many_closed_ones_at_once_are_one(parts: Parts, make_record: Records) -> None:
    utterance = uuid4()
    records = [make_record(utterance_id=utterance) for _ in range(8)]
    views = await asyncio.gather(*(put(parts, record) for record in records))
    assert len({view.turn_id for view in views}) == 1
    assert [session for session, _, _ in await listed(parts)] == [views[0].session_id]
    assert await count(parts, "conversations") == 1, "nothing is left of those that came second"


async def test_a_deleted_utterance_does_not_come_back_as_another_turn(
    parts: Parts, said_twice: tuple[TurnRecord, TurnRecord]
) -> None:
    first, second = said_twice
    await put(parts, second)
    await parts.turns.delete("local", second.turn_id)
    for late in (first, but(first, state="closed"), second):
        with pytest.raises(NotFound, match="deleted"):
            await put(parts, late)
    mine = but(first, session_id=uuid4())
    mine = but(mine, turn_id=turn_id(mine.session_id, mine.utterance_id))
    assert (await put(parts, mine, "ann")).turn_id == mine.turn_id


async def test_a_turn_that_was_known_elsewhere_goes_on_there(
    parts: Parts, said_twice: tuple[TurnRecord, TurnRecord]
) -> None:
    first, second = said_twice
    await put(parts, first)
    done = await put(
        parts, but(second, turn_id=first.turn_id, session_id=first.session_id, epoch=3)
    )
    assert (done.session_id, done.turn_id, done.state) == (
        first.session_id,
        first.turn_id,
        "closed",
    )


@pytest.mark.parametrize("claimed", [False, True])
async def test_an_open_turn_of_a_dead_gateway_is_closed_in_the_end(
    parts: Parts, make_record: Records, claimed: bool
) -> None:
    session = SessionState(token_hash=TOKEN, expires_at=NOW + timedelta(days=1))
    record = make_record(
        state="open", session=session, ai_text="heard and not heard", heard_text="heard"
    )
    await put(parts, record)
    claim = SessionClaim(token_hash=TOKEN, expires_at=NOW + timedelta(days=1))
    if claimed:
        await parts.sessions.claim("local", claim)
    keeper = Housekeeper(parts.database, parts.vault, Retention())
    await keeper.round(NOW)
    assert (await parts.turns.get("local", record.turn_id)).state == "open"

    await age(parts, record)
    await keeper.round(NOW)
    view = await parts.turns.get("local", record.turn_id)
    assert (view.state, view.interrupted, view.heard_text) == ("closed", True, "heard")
    assert await listed(parts, "not heard") == []
    # Gateways may still go on with it, and what comes late replaces it.
    known = await parts.turns.of_utterance("local", record.utterance_id)
    assert known.state == "open"
    assert [t.state for t in (await parts.sessions.claim("local", claim)).turns] == ["open"]
    done = await put(parts, but(record, state="closed", ai_text="heard and not heard"))
    assert (done.state, done.interrupted) == ("closed", False)
    assert await listed(parts, "not heard") != []


async def age(parts: Parts, record: TurnRecord) -> None:
    async with parts.database.write() as connection:
        await connection.execute(
            sa.update(turns)
            .where(turns.c.turn_id == record.turn_id)
            .values(updated_at=NOW - timedelta(hours=2))
        )


async def test_what_was_given_up_without_words_is_no_entry(
    parts: Parts, make_record: Records
) -> None:
    record = make_record(state="open", recognised_text=None, ai_text="", heard_text="")
    await put(parts, record)
    await age(parts, record)
    await Housekeeper(parts.database, parts.vault, Retention()).round(NOW)
    assert await listed(parts) == []
    assert (await parts.turns.get("local", record.turn_id)).state == "closed"


@pytest.mark.parametrize(
    ("kept", "arriving", "later", "verdict"),
    [
        (Writing(0, "open", 9), Writing(0, "closed", 1), False, "replace"),
        (Writing(1, "open", 1), Writing(0, "closed", 1), False, "replace"),
        (Writing(0, "open", 1), Writing(0, "open", 1), True, "replace"),
        (Writing(0, "open", 1), Writing(5, "open", 5), False, "keep"),
        (Writing(0, "closed", 1), Writing(0, "closed", 9), True, "keep"),
        (Writing(0, "closed", 1), Writing(1, "open", 9), True, "keep"),
        (Writing(0, "closed", 9), Writing(1, "closed", 1), False, "replace"),
        (Writing(2, "closed", 1), Writing(1, "closed", 1), True, "keep"),
    ],
)
def test_the_rule(kept: Writing, arriving: Writing, later: bool, verdict: str) -> None:
    assert judge_elsewhere(kept, arriving, later=later) == verdict
