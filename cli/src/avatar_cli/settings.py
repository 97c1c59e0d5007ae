"""Settings of the command `avatar` that are not addresses or folders."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class UpSettings(BaseSettings):
    """How `avatar up` looks after the services it started."""

    model_config = SettingsConfigDict(
        env_prefix="AVATAR_", use_attribute_docstrings=True, env_ignore_empty=True, extra="ignore"
    )

    restart_limit: int = Field(6, ge=0)
    """`avatar up` stops all when one service has died so often within 2 minutes; 0 is never."""

    hang_s: float = Field(30.0, gt=0)
    """`avatar up` kills a service that answers nothing for so long, and starts it again, s."""
