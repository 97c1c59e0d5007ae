"""Alembic's environment. `profile_service.migrate` hands in the connection, in a transaction.

The tables are all that is known here of the service: where the database is, and how two that start
at once wait for each other, is its business.
"""

from alembic import context
from sqlalchemy import Connection

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


handed_in: Connection | None = context.config.attributes.get("connection")
if handed_in is None:
    raise SystemExit("Migrate with `python -m profile_service.migrate`, not with alembic itself.")
run(handed_in)
