"""What is needed to keep an utterance one turn: deletions by utterance, and open turns by age."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

DELETED = "ix_deleted_turns_owner_utterance_id"
OPEN = "ix_turns_open"
IS_OPEN = sa.text("state = 'open'")


def upgrade() -> None:
    op.add_column("deleted_turns", sa.Column("utterance_id", sa.Uuid))
    op.create_index(DELETED, "deleted_turns", ["owner", "utterance_id"])
    op.create_index(OPEN, "turns", ["updated_at"], sqlite_where=IS_OPEN, postgresql_where=IS_OPEN)


def downgrade() -> None:
    op.execute("UPDATE turns SET state = 'open' WHERE state = 'left'")
    op.drop_index(OPEN, "turns")
    op.drop_index(DELETED, "deleted_turns")
    op.drop_column("deleted_turns", "utterance_id")
