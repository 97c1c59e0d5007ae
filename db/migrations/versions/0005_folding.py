"""By which rules each entry of the search was folded.

Entries that were folded by others than today's are made anew by the service while it runs, the
newest first. Going down leaves them as they are: an older program finds in them what both fold
alike.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INDEX = "ix_search_entries_folding_id"

CHANGED = (
    "CREATE TRIGGER search_entries_changed AFTER UPDATE{columns} ON search_entries BEGIN "
    "INSERT INTO search_index(search_index, rowid, terms) "
    "VALUES ('delete', old.id, old.terms); "
    "INSERT INTO search_index(rowid, terms) VALUES (new.id, new.terms); END"
)


def upgrade() -> None:
    op.add_column(
        "search_entries", sa.Column("folding", sa.String(64), nullable=False, server_default="")
    )
    op.create_index(INDEX, "search_entries", ["folding", "id"])
    _replace_trigger(" OF id, terms")


def downgrade() -> None:
    _replace_trigger("")
    op.drop_index(INDEX, "search_entries")
    op.drop_column("search_entries", "folding")


def _replace_trigger(columns: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER search_entries_changed")
        op.execute(CHANGED.format(columns=columns))
