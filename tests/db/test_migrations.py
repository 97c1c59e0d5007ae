"""Migrations go up and down on both databases, also with data, and make what tables.py says."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect
from sqlalchemy.engine import Connection

from avatar_contract.records import TurnRecord
from profile_service import migrate
from profile_service.app import running
from profile_service.database import create_engine
from profile_service.settings import Settings
from profile_service.tables import metadata, turns
from profile_service.turns import Wavs

OUTSIDE_THE_METADATA = {"search_index", "ix_search_entries_vector", "vector"}


def differences(connection: Connection) -> list[object]:
    def ours(thing: object, name: str | None, *_: object) -> bool:
        return not any((name or "").startswith(known) for known in OUTSIDE_THE_METADATA)

    context = MigrationContext.configure(
        connection, opts={"include_object": ours, "compare_type": True}
    )
    return compare_metadata(context, metadata)


async def test_the_schema_is_what_the_tables_say(new_database: Callable[..., str]) -> None:
    engine = create_engine(new_database(migrated=False))
    await migrate.upgrade(engine)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    assert await migrate.current(engine) == migrate.newest()
    await engine.dispose()


async def test_up_and_down_with_data(
    new_database: Callable[..., str],
    tmp_path: Path,
    make_record: Callable[..., TurnRecord],
    make_wav: Callable[..., bytes],
) -> None:
    url = new_database(migrated=False)
    settings = Settings(database_url=url, home=tmp_path, min_free_mib=0, reserve_mib=0)
    record = make_record()
    async with running(settings) as parts:
        await parts.turns.put("local", record.turn_id, record, Wavs(user=make_wav()))
        await parts.conversations.rename("local", record.session_id, "A title")

    engine = create_engine(url)
    await migrate.downgrade(engine, "base")
    async with engine.connect() as connection:
        left = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    assert left == ["alembic_version"]
    await migrate.upgrade(engine)
    assert await migrate.current(engine) == migrate.newest()
    await engine.dispose()

    async with running(settings) as parts:
        await parts.vault.mend()
        again = await parts.turns.put("local", record.turn_id, record, Wavs(user=make_wav()))
        assert again.turn_number == 1


async def test_data_survives_every_step_down_to_the_first_and_up_again(
    new_database: Callable[..., str],
    tmp_path: Path,
    make_record: Callable[..., TurnRecord],
    make_wav: Callable[..., bytes],
) -> None:
    url = new_database(migrated=False)
    settings = Settings(database_url=url, home=tmp_path, min_free_mib=0, reserve_mib=0)
    record = make_record(recognised_text="今天天氣", ai_text="It is fine.")
    async with running(settings) as parts:
        written = await parts.turns.put("local", record.turn_id, record, Wavs(user=make_wav()))

    engine = create_engine(url)
    steps = []
    while await migrate.current(engine) != "0001":
        steps.append(await migrate.current(engine))
        await migrate.downgrade(engine, "-1")
    for step in reversed(steps):
        await migrate.upgrade(engine, "+1")
        assert await migrate.current(engine) == step
    await engine.dispose()
    assert steps[0] == migrate.newest()

    async with running(settings) as parts:
        assert await parts.turns.get("local", record.turn_id) == written
        for text in ("天氣", "fine"):
            assert len((await parts.conversations.page("local", 9, None, text)).items) == 1


async def test_an_utterance_of_two_conversations_becomes_one_turns(
    new_database: Callable[..., str], tmp_path: Path, make_record: Callable[..., TurnRecord]
) -> None:
    """Before 0003 a repeated utterance could have a turn in each conversation: no words go."""
    url = new_database(migrated=False)
    settings = Settings(database_url=url, home=tmp_path, min_free_mib=0, reserve_mib=0)
    noon = datetime(2026, 5, 4, 12, tzinfo=UTC)
    records = [make_record(created_at=noon - timedelta(hours=n)) for n in range(3)]
    async with running(settings) as parts:
        for record in records:
            await parts.turns.put("local", record.turn_id, record, Wavs())
    engine = create_engine(url)
    await migrate.downgrade(engine, "0002")
    async with engine.begin() as connection:
        same = sa.update(turns).values(utterance_id=records[0].utterance_id)
        await connection.execute(same)
    await migrate.upgrade(engine)
    await engine.dispose()
    async with running(settings) as parts:
        found = await parts.turns.of_utterance("local", records[0].utterance_id)
        assert found.turn_id == records[2].turn_id, "the oldest"
        for record in records:
            view = await parts.turns.get("local", record.turn_id)
            assert view.recognised_text == record.recognised_text
        for record in records[:2]:
            assert (await parts.turns.of_utterance("local", record.turn_id)).turn_id


async def test_two_that_start_at_once_wait_for_each_other(new_database: Callable[..., str]) -> None:
    engines = [create_engine(url) for url in [new_database(migrated=False)] * 3]
    await asyncio.gather(*(migrate.upgrade(engine) for engine in engines))
    for engine in engines:
        assert await migrate.current(engine) == migrate.newest()
        await engine.dispose()


async def test_a_schema_that_is_not_ours_is_refused(
    new_database: Callable[..., str], tmp_path: Path
) -> None:
    url = new_database(migrated=False)
    settings = Settings(database_url=url, home=tmp_path, min_free_mib=0, reserve_mib=0)
    with pytest.raises(migrate.UnknownRevision, match="run `python"):
        async with running(settings.model_copy(update={"migrate": False})):
            pass
    async with running(settings):
        pass
    engine = create_engine(url)
    async with engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    await engine.dispose()
    with pytest.raises(migrate.UnknownRevision, match="newer"):
        async with running(settings):
            pass


@pytest.mark.parametrize("action", ["up", "show"])
def test_the_command(new_database: Callable[..., str], tmp_path: Path, action: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "profile_service.migrate", action],
        env=os.environ
        | {"PROFILE_DATABASE_URL": new_database(migrated=False), "AVATAR_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    state = migrate.newest() if action == "up" else "empty"
    assert run.stdout == f"schema: {state} (newest: {migrate.newest()})\n"
