"""Settings of llm-service, read from the environment once."""

from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from avatar_contract.service import ServiceSettings


class Settings(ServiceSettings):
    """Environment names begin with ``LLM_``."""

    model_config = SettingsConfigDict(env_prefix="LLM_")

    port: int = 8020
    """TCP port of the HTTP server."""

    backend: str = "demo"
    """Which backend answers; the names are in ``backends/registry.py``."""

    model: str = "avatar-demo"
    """The model's name as `/v1/models` lists it."""

    token_ms: float = Field(15, ge=0, le=1000)
    """Pause before each token of a streamed answer, ms, so that it arrives like a model's."""

    max_tokens: int = Field(512, ge=1)
    """Longest answer in tokens when a request names none."""

    default_language: Literal["zh", "en"] = "zh"
    """Language of an answer to a conversation that has shown none, such as a bare "3 + 5"."""

    timezone: str = ""
    """IANA name of the time zone for the time and date; empty: the machine's own."""
