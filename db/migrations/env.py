"""Alembic's environment. The connection is handed in by ``profile_service.migrate``, which holds
the transaction; ``alembic -c db/alembic.ini …`` by hand goes through the same function."""

import asyncio

from alembic import context
from sqlalchemy import Connection

from profile_service.database import create_engine
from profile_service.settings import Settings
from profile_service.tables import metadata


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        transactional_ddl=True,
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def run_by_hand() -> None:
    engine = create_engine(Settings().resolved_database_url())
    try:
        async with engine.begin() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()


handed_in: Connection | None = context.config.attributes.get("connection")
if handed_in is None:
    asyncio.run(run_by_hand())
else:
    run(handed_in)
