"""The one schema, on SQLite and on Postgres.

::

    conversations 1 ──< turns            a conversation's turns; deleting it deletes them
    conversations 1 ──  sessions 1 ──< session_tokens   what a gateway needs to go on with it
    turns         1 ──  search_entries   the words of a turn, cut for searching (and edited titles)
    turns, voice_profiles ──> audio_files   what each file is; the bytes lie in the audio store
    audio_trash      files whose rows are gone and which still have to be removed
    deleted_turns    turns that were deleted and must not come back from a gateway's spool

Alembic migrations in ``db/`` make the same tables (a test compares the two) and, besides, what
SQLAlchemy has no words for: the index over ``search_entries.terms``, a column
``vector`` with GIN on Postgres, the FTS5 table ``search_index`` on SQLite.
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

OWNER_CHARS = 64
KEY_CHARS = 200
TITLE_CHARS = 200


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """A moment. Stored in UTC; comes back with its zone also from SQLite, which keeps none."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A moment without its zone can't be stored.")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

conversations = sa.Table(
    "conversations",
    metadata,
    sa.Column("session_id", sa.Uuid, primary_key=True),
    sa.Column("owner", sa.String(OWNER_CHARS), nullable=False),
    sa.Column("title", sa.String(TITLE_CHARS), nullable=False),
    sa.Column("title_edited", sa.Boolean, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Index(None, "owner", "created_at", "session_id"),
)

audio_files = sa.Table(
    "audio_files",
    metadata,
    sa.Column("key", sa.String(KEY_CHARS), primary_key=True),
    sa.Column("owner", sa.String(OWNER_CHARS), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("content_type", sa.String(64), nullable=False),
    sa.Column("duration_ms", sa.Float, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Index(None, "kind", "created_at"),
)

turns = sa.Table(
    "turns",
    metadata,
    sa.Column("turn_id", sa.Uuid, primary_key=True),
    sa.Column("owner", sa.String(OWNER_CHARS), nullable=False),
    sa.Column(
        "session_id",
        sa.Uuid,
        sa.ForeignKey("conversations.session_id", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("turn_number", sa.Integer, nullable=False),
    sa.Column("utterance_id", sa.Uuid, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False, server_default="1"),
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
    sa.Column("user_audio_key", sa.ForeignKey("audio_files.key", ondelete="SET NULL")),
    sa.Column("user_audio_ms", sa.Float),
    sa.Column("ai_audio_key", sa.ForeignKey("audio_files.key", ondelete="SET NULL")),
    sa.Column("ai_audio_ms", sa.Float),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("session_id", "turn_number"),
    sa.UniqueConstraint("owner", "utterance_id"),
    sa.Index(None, "owner", "created_at"),
    sa.Index(
        "ix_turns_open",
        "updated_at",
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    ),
    sa.Index(None, "user_audio_key", unique=True),
    sa.Index(None, "ai_audio_key", unique=True),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column(
        "session_id",
        sa.Uuid,
        sa.ForeignKey("conversations.session_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("owner", sa.String(OWNER_CHARS), nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("config", sa.JSON, nullable=False),
    # When the turn began that said the configuration: a late record must not bring an older one.
    sa.Column("said_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)

session_tokens = sa.Table(
    "session_tokens",
    metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    sa.Column("owner", sa.String(OWNER_CHARS), nullable=False),
    sa.Column(
        "session_id",
        sa.Uuid,
        sa.ForeignKey("sessions.session_id", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Index(None, "session_id"),
    sa.Index(None, "expires_at"),
)

search_entries = sa.Table(
    "search_entries",
    metadata,
    sa.Column(
        "id",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    sa.Column("owner", sa.String(OWNER_CHARS), nullable=False),
    sa.Column(
        "session_id",
        sa.Uuid,
        sa.ForeignKey("conversations.session_id", ondelete="CASCADE"),
        nullable=False,
    ),
    # Absent: the words are those of the conversation's title.
    sa.Column("turn_id", sa.Uuid, sa.ForeignKey("turns.turn_id", ondelete="CASCADE")),
    sa.Column("norm", sa.Text, nullable=False),
    sa.Column("terms", sa.Text, nullable=False),
    # By which rules it was folded; see `folding.FOLDING`. Empty: before that was noted.
    sa.Column("folding", sa.String(64), nullable=False, server_default=""),
    sa.Index(None, "folding", "id"),
    sa.Index(None, "session_id"),
    sa.Index(None, "turn_id", unique=True),
)

voice_profiles = sa.Table(
    "voice_profiles",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("owner", sa.String(OWNER_CHARS), nullable=False),
    sa.Column("name", sa.String(400), nullable=False),
    # The name as it is compared: two names that look the same have the same key.
    sa.Column("name_key", sa.String(400), nullable=False),
    sa.Column("audio_key", sa.ForeignKey("audio_files.key"), nullable=False),
    sa.Column("text_key", sa.ForeignKey("audio_files.key")),
    sa.Column("reference_text", sa.Text, nullable=False),
    # 256 little-endian float32.
    sa.Column("embedding", sa.LargeBinary(1024)),
    sa.Column("duration", sa.Float, nullable=False),
    sa.Column("quality", sa.JSON, nullable=False),
    sa.Column("peaks", sa.JSON, nullable=False),
    sa.Column("etag", sa.String(64), nullable=False),
    sa.Column("consent_by", sa.Text, nullable=False),
    sa.Column("consent_at", UtcDateTime, nullable=False),
    sa.Column("consent_text", sa.Text, nullable=False),
    sa.Column("is_default", sa.Boolean, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("owner", "name_key"),
    sa.Index(None, "owner", "created_at"),
    sa.Index(
        "uq_voice_profiles_default",
        "owner",
        unique=True,
        sqlite_where=sa.text("is_default"),
        postgresql_where=sa.text("is_default"),
    ),
)

audio_trash = sa.Table(
    "audio_trash",
    metadata,
    sa.Column("key", sa.String(KEY_CHARS), primary_key=True),
    sa.Column("removed_at", UtcDateTime, nullable=False),
)

deleted_turns = sa.Table(
    "deleted_turns",
    metadata,
    sa.Column("turn_id", sa.Uuid, primary_key=True),
    sa.Column("owner", sa.String(OWNER_CHARS), nullable=False),
    sa.Column("deleted_at", UtcDateTime, nullable=False),
    # Absent: deleted before it was noted.
    sa.Column("utterance_id", sa.Uuid),
    sa.Index(None, "deleted_at"),
    sa.Index(None, "owner", "utterance_id"),
)
