"""Settings of profile-service, read once from the environment."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from avatar_contract.service.settings import ServiceSettings
from profile_service.database import sqlite_url

MIB = 2**20


class Settings(ServiceSettings):
    """Everything that can be set; names in the environment begin with ``PROFILE_``."""

    model_config = SettingsConfigDict(env_prefix="PROFILE_")

    port: int = 8040
    """Port to listen on."""

    niceness: int = Field(5, ge=0, le=19)
    """How far the service stands back from the conversation on a busy processor (Unix)."""

    database_url: str | None = None
    """`sqlite:///path` or `postgresql://user:password@host/name`. Empty: a SQLite file in
    AVATAR_HOME."""

    migrate: bool = True
    """Bring the database to the newest schema at start. Compose sets it to false and runs
    `python -m profile_service.migrate` as a job of its own."""

    database_timeout_s: float = Field(4, gt=0)
    """How long a request waits for a database that is slow, locked or away, s; it ends within 2 s
    more."""

    pulse_s: float = Field(2, gt=0)
    """Time between two looks at the database and the disk, for `/health`, s."""

    audio_store: str = "folder"
    """Where audio is kept: a name of the registry in `backends/`."""

    workers: int = Field(2, ge=1, le=32)
    """Threads that encode and write audio, and at most so many uploads being decoded."""

    max_turn_mib: int = Field(64, ge=1)
    """Largest turn that is taken, with both sounds, MiB."""

    max_upload_mib: int = Field(20, ge=1)
    """Largest voice recording that is taken, MiB."""

    quota_mib: int = Field(0, ge=0)
    """All audio together may take so much, MiB; beyond it turns are kept without sound, and new
    voices are refused. 0: no quota."""

    min_free_mib: int = Field(64, ge=0)
    """Turns are kept without sound, and new voices are refused, when the disk has less than this
    left, MiB."""

    reserve_mib: int = Field(4, ge=0)
    """Held back on the disk of a SQLite file, MiB: it gives way to words when the disk is full, and
    as much again to deleting. 0: nothing is held back."""

    audio_days: float = Field(0, ge=0)
    """Audio of turns is removed when it is older, days; the words stay. 0: kept for ever."""

    audio_mib: int = Field(0, ge=0)
    """Audio of turns beyond this is removed, the oldest first, MiB. 0: no limit."""

    turn_days: float = Field(0, ge=0)
    """Turns are removed wholly when they are older, days. 0: kept for ever."""

    housekeeping_s: float = Field(600, gt=0)
    """Time between two rounds of retention and checks, s."""

    def resolved_database_url(self) -> str:
        """`database_url`, or the SQLite file under `home`."""
        return self.database_url or sqlite_url(self.home.resolve() / "avatar.sqlite3")
