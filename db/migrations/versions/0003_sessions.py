"""Sessions that another gateway can go on with, and utterances that an owner has once.

Until now an utterance could have a turn in each of several conversations. The oldest keeps the
utterance's id; the others get their own turn's id in its place: their words stay, and a gateway
that asks for the utterance is told of one turn.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)

OF_A_CONVERSATION = "uq_turns_owner_session_id_utterance_id"
OF_AN_OWNER = "uq_turns_owner_utterance_id"
LOOKUP = "ix_turns_owner_utterance_id"

ONE_TURN_AN_UTTERANCE = """
    UPDATE turns SET utterance_id = turn_id WHERE EXISTS (
        SELECT 1 FROM turns AS older
        WHERE older.owner = turns.owner AND older.utterance_id = turns.utterance_id
        AND (older.created_at < turns.created_at
            OR older.created_at = turns.created_at AND older.turn_id < turns.turn_id)
    )
"""


def upgrade() -> None:
    op.execute(ONE_TURN_AN_UTTERANCE)
    op.drop_index(LOOKUP, "turns")
    with op.batch_alter_table("turns") as turns:
        turns.add_column(sa.Column("epoch", sa.Integer, nullable=False, server_default="1"))
        turns.drop_constraint(OF_A_CONVERSATION, type_="unique")
        turns.create_unique_constraint(OF_AN_OWNER, ["owner", "utterance_id"])
    _sessions()
    _session_tokens()


def downgrade() -> None:
    op.drop_table("session_tokens")
    op.drop_table("sessions")
    with op.batch_alter_table("turns") as turns:
        turns.drop_constraint(OF_AN_OWNER, type_="unique")
        turns.create_unique_constraint(OF_A_CONVERSATION, ["owner", "session_id", "utterance_id"])
        turns.drop_column("epoch")
    op.create_index(LOOKUP, "turns", ["owner", "utterance_id"])


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("session_id", sa.Uuid, nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("config", sa.JSON, nullable=False),
        sa.Column("said_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("session_id", name="pk_sessions"),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["conversations.session_id"],
            name="fk_sessions_session_id",
            ondelete="CASCADE",
        ),
    )


def _session_tokens() -> None:
    op.create_table(
        "session_tokens",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("session_id", sa.Uuid, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_session_tokens"),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["sessions.session_id"],
            name="fk_session_tokens_session_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_session_tokens_session_id", "session_tokens", ["session_id"])
    op.create_index("ix_session_tokens_expires_at", "session_tokens", ["expires_at"])
