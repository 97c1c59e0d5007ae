"""The base of every service's settings: read once, from the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """A service subclasses this, and sets its prefix and port::

    class SttSettings(ServiceSettings):
        model_config = SettingsConfigDict(env_prefix="STT_")
        port: int = 8010
    """

    model_config = SettingsConfigDict(
        extra="ignore", use_attribute_docstrings=True, env_ignore_empty=True, populate_by_name=True
    )

    host: str = "127.0.0.1"
    """Address to listen on."""

    port: int = 0
    """Port to listen on."""

    api_key: SecretStr | None = None
    """When set, every call but `/health` and `/metrics` must carry it (`Authorization: Bearer`)."""

    home: Path = Field(Path("var"), validation_alias=AliasChoices("AVATAR_HOME", "home"))
    """Where all state is kept."""

    log_level: str = Field("INFO", validation_alias=AliasChoices("LOG_LEVEL", "log_level"))
    """DEBUG, INFO, WARNING or ERROR."""

    stop_s: float = Field(5.0, ge=0, le=600, validation_alias=AliasChoices("STOP_S", "stop_s"))
    """Told to stop, a service gives what is under way so long to finish, s."""

    idle_s: float = Field(15.0, gt=0, validation_alias=AliasChoices("IDLE_S", "idle_s"))
    """A connection without a request, or with half the head of one, is closed after this, s."""

    ping_s: float = Field(20.0, gt=0, validation_alias=AliasChoices("PING_S", "ping_s"))
    """WebSockets are pinged this often, and closed when no answer comes in as long, s."""
