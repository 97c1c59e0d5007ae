"""Sessions: kept with the turns, claimed by a token, one holder after the other."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from turn_steps import put

from avatar_contract.errors import Conflict, NotFound
from avatar_contract.records import (
    ClaimedSession,
    SessionClaim,
    SessionState,
    SessionToken,
    TurnRecord,
)
from profile_service.api.common import Parts
from profile_service.housekeeping import Housekeeper, Retention
from profile_service.tables import session_tokens, sessions

Records = Callable[..., TurnRecord]

NOW = datetime.now(UTC)
SOON, LATER = NOW + timedelta(hours=1), NOW + timedelta(hours=9)
CONFIG = {"language": "zh-TW", "mode": "hq", "voice": {"profile": None}, "instructions": "short"}


def state(token: str = "a", expires_at: datetime = SOON, **config: Any) -> SessionState:
    return SessionState(token_hash=token * 64, expires_at=expires_at, config=config or CONFIG)


async def claim(parts: Parts, token: str = "a", owner: str = "local") -> ClaimedSession:
    return await parts.sessions.claim(owner, SessionClaim(token_hash=token * 64, expires_at=LATER))


async def rows(parts: Parts, table: sa.Table) -> list[Any]:
    async with parts.database.read() as connection:
        return list((await connection.execute(sa.select(table))).mappings().all())


async def test_a_session_is_claimed_as_it_was(
    client: httpx.AsyncClient, parts: Parts, make_record: Records
) -> None:
    session = uuid4()
    done = make_record(session, session=state())
    going = make_record(
        session, turn_number=4, state="open", recognised_text=None, ai_text="", heard_text=""
    )
    for record in (done, going):
        await put(parts, record)
    answer = await client.post(
        "/v1/sessions/claim",
        json={"token_hash": "a" * 64, "expires_at": LATER.isoformat()},
    )
    assert answer.status_code == 200
    assert answer.json() == {
        "session_id": str(session),
        "epoch": 2,
        "config": CONFIG,
        "turns": [
            (await client.get(f"/v1/turns/{record.turn_id}")).json() for record in (done, going)
        ],
        "next_turn_number": 5,
    }
    assert (await claim(parts)).epoch == 3
    [token] = await rows(parts, session_tokens)
    assert token["expires_at"] == LATER


async def test_two_claims_at_once_get_different_epochs(parts: Parts, make_record: Records) -> None:
    await put(parts, make_record(session=state()))
    claims = await asyncio.gather(*(claim(parts) for _ in range(6)))
    assert sorted(claimed.epoch for claimed in claims) == [2, 3, 4, 5, 6, 7]


async def test_what_is_no_session_of_yours_looks_all_the_same(
    client: httpx.AsyncClient, parts: Parts, make_record: Records
) -> None:
    await put(parts, make_record(session=state("a")), owner="ann")
    await put(parts, make_record(session=state("b", NOW - timedelta(seconds=1))))
    gone = make_record(session=state("c"))
    await put(parts, gone)
    await parts.conversations.delete("local", gone.session_id)
    answers = [
        await client.post(
            "/v1/sessions/claim", json={"token_hash": token * 64, "expires_at": str(LATER)}
        )
        for token in "abcd"
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert answers[0].json()["code"] == "NOT_FOUND"
    assert all(answer.json() == answers[0].json() for answer in answers)
    malformed = await client.post("/v1/sessions/claim", json={"token_hash": "x"})
    assert malformed.json()["code"] == "BAD_MESSAGE"
    assert (await claim(parts, owner="ann")).epoch == 2


async def test_a_token_that_has_ended_opens_nothing(parts: Parts, make_record: Records) -> None:
    await put(parts, make_record(session=state()))
    async with parts.database.write() as connection:
        await connection.execute(sa.update(session_tokens).values(expires_at=NOW))
    with pytest.raises(NotFound):
        await claim(parts)
    housekeeper = Housekeeper(parts.database, parts.vault, Retention())
    await housekeeper.round(datetime.now(UTC))
    assert await rows(parts, session_tokens) == []
    assert len(await rows(parts, sessions)) == 1


async def test_only_the_newest_turns_come(parts: Parts, make_record: Records) -> None:
    session = uuid4()
    for n in range(1, 204):
        await put(parts, make_record(session, turn_number=n, session=state() if n == 1 else None))
    claimed = await claim(parts)
    assert [turn.turn_number for turn in claimed.turns] == list(range(4, 204))
    assert claimed.next_turn_number == 204


async def config_of(parts: Parts) -> tuple[int, dict[str, Any]]:
    [row] = await rows(parts, sessions)
    return row["epoch"], row["config"]


async def test_the_newest_configuration_holds(parts: Parts, make_record: Records) -> None:
    session = uuid4()

    async def say(minutes: int, epoch: int, **config: Any) -> None:
        record = make_record(
            session,
            created_at=NOW + timedelta(minutes=minutes),
            epoch=epoch,
            session=state(**config),
        )
        await put(parts, record)

    await say(2, 1, language="en")
    assert await config_of(parts) == (1, {"language": "en"})
    await say(1, 1, language="of an earlier turn")
    assert await config_of(parts) == (1, {"language": "en"})
    await claim(parts)
    await say(3, 1, language="of an older gateway")
    assert await config_of(parts) == (2, {"language": "en"})
    await say(0, 2, language="zh-TW")
    assert await config_of(parts) == (2, {"language": "en"}), "its clock says: an earlier turn"
    await say(4, 2, language="zh-TW")
    assert await config_of(parts) == (2, {"language": "zh-TW"})
    await say(0, 5, language="after a restore")
    assert await config_of(parts) == (5, {"language": "after a restore"})
    assert (await claim(parts)).epoch == 6


async def test_a_late_record_does_not_shorten_a_token(parts: Parts, make_record: Records) -> None:
    record = make_record(state="open", session=state(expires_at=LATER))
    await put(parts, record)
    await put(parts, record.model_copy(update={"session": state(expires_at=SOON)}))
    [token] = await rows(parts, session_tokens)
    assert token["expires_at"] == LATER


async def test_a_refused_record_says_nothing_of_its_session(
    parts: Parts, make_record: Records
) -> None:
    record = make_record(state="open", epoch=2)
    await put(parts, record)
    with pytest.raises(Conflict):
        await put(parts, record.model_copy(update={"epoch": 1, "session": state()}))
    assert await rows(parts, sessions) == []


async def test_a_token_of_another_session_is_left_alone(parts: Parts, make_record: Records) -> None:
    first, other = make_record(session=state()), make_record(session=state())
    for record in (first, other):
        await put(parts, record)
    assert (await claim(parts)).session_id == first.session_id
    token = SessionToken(token_hash="a" * 64, expires_at=SOON)
    with pytest.raises(Conflict):
        await parts.sessions.add_token("local", other.session_id, token)
    stolen = make_record(session=state())
    await put(parts, stolen, owner="eve")
    with pytest.raises(NotFound):
        await claim(parts, owner="eve")


async def grant(client: httpx.AsyncClient, session_id: UUID, owner: str = "local") -> int:
    answer = await client.put(
        f"/v1/sessions/{session_id}/token",
        json={"token_hash": "e" * 64, "expires_at": SOON.isoformat()},
        headers={"Avatar-Owner": owner},
    )
    return answer.status_code


async def test_an_old_conversation_gets_a_token(
    client: httpx.AsyncClient, parts: Parts, make_record: Records
) -> None:
    old = make_record(epoch=3)
    await put(parts, old)
    assert [await grant(client, old.session_id) for _ in range(2)] == [204, 204]
    assert await grant(client, old.session_id, "ann") == 404
    assert await grant(client, uuid4()) == 404
    claimed = await claim(parts, "e")
    assert (claimed.session_id, claimed.epoch, claimed.config) == (old.session_id, 4, {})
    assert [turn.turn_id for turn in claimed.turns] == [old.turn_id]
    assert await grant(client, old.session_id) == 204
    assert (await claim(parts, "e")).epoch == 5


async def test_deleting_takes_session_and_tokens(parts: Parts, make_record: Records) -> None:
    by_turn, by_conversation = make_record(session=state("a")), make_record(session=state("b"))
    for record in (by_turn, by_conversation):
        await put(parts, record)
    await parts.turns.delete("local", by_turn.turn_id)
    await parts.conversations.delete("local", by_conversation.session_id)
    assert await rows(parts, sessions) == await rows(parts, session_tokens) == []


async def test_claiming_while_it_is_deleted(parts: Parts, make_record: Records) -> None:
    for n in range(6):
        record = make_record(session=state(str(n)))
        await put(parts, record)
        results = await asyncio.gather(
            *(claim(parts, str(n)) for _ in range(3)),
            parts.conversations.delete("local", record.session_id),
            return_exceptions=True,
        )
        assert all(isinstance(r, ClaimedSession | NotFound | None) for r in results), results


async def test_a_turn_completed_elsewhere_makes_no_conversation(
    parts: Parts, make_record: Records
) -> None:
    there = make_record(state="open")
    await put(parts, there)
    here = make_record(utterance_id=there.utterance_id, session=state())
    await put(parts, here.model_copy(update={"turn_id": there.turn_id}))
    assert await rows(parts, sessions) == []
    with pytest.raises(NotFound):
        await parts.conversations.get("local", here.session_id)
