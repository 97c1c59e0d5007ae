"""Conversations, turns, voice profiles, audio files and the search over what was said."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

OWNER = sa.String(64)
KEY = sa.String(200)
MOMENT = sa.DateTime(timezone=True)

SEARCH_INDEX = {
    "postgresql": (
        "CREATE INDEX ix_search_entries_terms ON search_entries USING gin "
        "(array_to_tsvector(string_to_array(terms, ' '))) WITH (fastupdate = off)",
    ),
    "sqlite": (
        "CREATE VIRTUAL TABLE search_index USING fts5(terms, content='search_entries', "
        "content_rowid='id', detail='none', "
        "tokenize=\"unicode61 remove_diacritics 0 categories 'L* M* N* P* S* C*'\")",
        "CREATE TRIGGER search_entries_added AFTER INSERT ON search_entries BEGIN "
        "INSERT INTO search_index(rowid, terms) VALUES (new.id, new.terms); END",
        "CREATE TRIGGER search_entries_removed AFTER DELETE ON search_entries BEGIN "
        "INSERT INTO search_index(search_index, rowid, terms) "
        "VALUES ('delete', old.id, old.terms); END",
        "CREATE TRIGGER search_entries_changed AFTER UPDATE ON search_entries BEGIN "
        "INSERT INTO search_index(search_index, rowid, terms) "
        "VALUES ('delete', old.id, old.terms); "
        "INSERT INTO search_index(rowid, terms) VALUES (new.id, new.terms); END",
    ),
}


def upgrade() -> None:
    _conversations()
    _audio_files()
    _turns()
    _search_entries()
    _voice_profiles()
    _leftovers()
    for statement in SEARCH_INDEX[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE search_index")
    for table in (
        "deleted_turns",
        "audio_trash",
        "search_entries",
        "voice_profiles",
        "turns",
        "audio_files",
        "conversations",
    ):
        op.drop_table(table)


def _conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("session_id", sa.Uuid, nullable=False),
        sa.Column("owner", OWNER, nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("title_edited", sa.Boolean, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("session_id", name="pk_conversations"),
    )
    op.create_index(
        "ix_conversations_owner_created_at_session_id",
        "conversations",
        ["owner", "created_at", "session_id"],
    )


def _audio_files() -> None:
    op.create_table(
        "audio_files",
        sa.Column("key", KEY, nullable=False),
        sa.Column("owner", OWNER, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("content_type", sa.String(64), nullable=False),
        sa.Column("duration_ms", sa.Float, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_audio_files"),
    )
    op.create_index("ix_audio_files_kind_created_at", "audio_files", ["kind", "created_at"])


def _turns() -> None:
    op.create_table(
        "turns",
        sa.Column("turn_id", sa.Uuid, nullable=False),
        sa.Column("owner", OWNER, nullable=False),
        sa.Column("session_id", sa.Uuid, nullable=False),
        sa.Column("turn_number", sa.Integer, nullable=False),
        sa.Column("utterance_id", sa.Uuid, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("typed", sa.Boolean, nullable=False),
        sa.Column("recognised_text", sa.Text),
        sa.Column("edited_text", sa.Text),
        sa.Column("ai_text", sa.Text, nullable=False),
        sa.Column("heard_text", sa.Text, nullable=False),
        sa.Column("interrupted", sa.Boolean, nullable=False),
        sa.Column("language", sa.String(35)),
        sa.Column("mode", sa.String(8), nullable=False),
        sa.Column("timings", sa.JSON, nullable=False),
        sa.Column("voice_profile_id", sa.Uuid),
        sa.Column("error", sa.String(40)),
        sa.Column("user_audio_key", KEY),
        sa.Column("user_audio_ms", sa.Float),
        sa.Column("ai_audio_key", KEY),
        sa.Column("ai_audio_ms", sa.Float),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("turn_id", name="pk_turns"),
        sa.UniqueConstraint("session_id", "turn_number", name="uq_turns_session_id_turn_number"),
        sa.UniqueConstraint(
            "owner", "session_id", "utterance_id", name="uq_turns_owner_session_id_utterance_id"
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["conversations.session_id"],
            name="fk_turns_session_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_audio_key"],
            ["audio_files.key"],
            name="fk_turns_user_audio_key",
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["ai_audio_key"], ["audio_files.key"], name="fk_turns_ai_audio_key", ondelete="SET NULL"
        ),
    )
    op.create_index("ix_turns_owner_utterance_id", "turns", ["owner", "utterance_id"])
    op.create_index("ix_turns_owner_created_at", "turns", ["owner", "created_at"])
    op.create_index("ix_turns_user_audio_key", "turns", ["user_audio_key"], unique=True)
    op.create_index("ix_turns_ai_audio_key", "turns", ["ai_audio_key"], unique=True)


def _search_entries() -> None:
    op.create_table(
        "search_entries",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("owner", OWNER, nullable=False),
        sa.Column("session_id", sa.Uuid, nullable=False),
        sa.Column("turn_id", sa.Uuid),
        sa.Column("norm", sa.Text, nullable=False),
        sa.Column("terms", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_search_entries"),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["conversations.session_id"],
            name="fk_search_entries_session_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["turn_id"], ["turns.turn_id"], name="fk_search_entries_turn_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_search_entries_session_id", "search_entries", ["session_id"])
    op.create_index("ix_search_entries_turn_id", "search_entries", ["turn_id"], unique=True)


def _voice_profiles() -> None:
    op.create_table(
        "voice_profiles",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("owner", OWNER, nullable=False),
        sa.Column("name", sa.String(400), nullable=False),
        sa.Column("name_key", sa.String(400), nullable=False),
        sa.Column("audio_key", KEY, nullable=False),
        sa.Column("text_key", KEY),
        sa.Column("reference_text", sa.Text, nullable=False),
        sa.Column("embedding", sa.LargeBinary(1024)),
        sa.Column("duration", sa.Float, nullable=False),
        sa.Column("quality", sa.JSON, nullable=False),
        sa.Column("peaks", sa.JSON, nullable=False),
        sa.Column("etag", sa.String(64), nullable=False),
        sa.Column("consent_by", sa.Text, nullable=False),
        sa.Column("consent_at", MOMENT, nullable=False),
        sa.Column("consent_text", sa.Text, nullable=False),
        sa.Column("is_default", sa.Boolean, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_voice_profiles"),
        sa.UniqueConstraint("owner", "name_key", name="uq_voice_profiles_owner_name_key"),
        sa.ForeignKeyConstraint(
            ["audio_key"], ["audio_files.key"], name="fk_voice_profiles_audio_key"
        ),
        sa.ForeignKeyConstraint(
            ["text_key"], ["audio_files.key"], name="fk_voice_profiles_text_key"
        ),
    )
    op.create_index("ix_voice_profiles_owner_created_at", "voice_profiles", ["owner", "created_at"])
    op.create_index(
        "uq_voice_profiles_default",
        "voice_profiles",
        ["owner"],
        unique=True,
        sqlite_where=sa.text("is_default"),
        postgresql_where=sa.text("is_default"),
    )


def _leftovers() -> None:
    op.create_table(
        "audio_trash",
        sa.Column("key", KEY, nullable=False),
        sa.Column("removed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_audio_trash"),
    )
    op.create_table(
        "deleted_turns",
        sa.Column("turn_id", sa.Uuid, nullable=False),
        sa.Column("owner", OWNER, nullable=False),
        sa.Column("deleted_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("turn_id", name="pk_deleted_turns"),
    )
    op.create_index("ix_deleted_turns_deleted_at", "deleted_turns", ["deleted_at"])
