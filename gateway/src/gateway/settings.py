"""The gateway's settings, read once from the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import SettingsConfigDict

from avatar_contract.service import ServiceSettings
from avatar_contract.transcription import MAX_RECORDING_S
from gateway.edge.guard import AuthMode


class Settings(ServiceSettings):
    """No prefix: these are the product's own."""

    model_config = SettingsConfigDict(env_prefix="", env_parse_none_str="")

    host: str = Field("127.0.0.1", validation_alias=AliasChoices("AVATAR_HOST", "host"))
    """Address to listen on. With AUTH=none only a loopback address is taken."""

    port: int = Field(8000, validation_alias=AliasChoices("AVATAR_PORT", "port"))
    """Port of the page and of the whole API."""

    auth: AuthMode = AuthMode.NONE
    """`none`: everybody on this machine may use it. `api_key`: whoever shows AVATAR_API_KEY."""

    api_key: SecretStr | None = Field(
        None, validation_alias=AliasChoices("AVATAR_API_KEY", "api_key")
    )
    """The key of AUTH=api_key; a long random text."""

    published_on_loopback: bool = False
    """In a container: its port is published on 127.0.0.1 only, so AUTH=none is safe."""

    allowed_hosts: str = ""
    """Names by which the page may be asked for besides this machine's own, with commas between."""

    allowed_origins: str = ""
    """Pages that may call besides the one served here, as `https://name:port`, with commas."""

    requests_per_s: float = Field(50, gt=0)
    """HTTP requests a second that one address may make for long; six times as many at once."""

    sockets_per_s: float = Field(5, gt=0)
    """Sockets a second that one address may open for long; twenty times as many at once."""

    max_sessions: int = Field(5, ge=1)
    """Conversations at the same time; one more is told SERVER_FULL."""

    max_waiting: int = Field(0, ge=0)
    """How many may wait for a place instead."""

    resume_ttl_s: float = Field(24 * 3600, gt=0)
    """Seconds after its last use for which a conversation can be resumed with its token."""

    detached_s: float = Field(60, ge=0)
    """Seconds for which a conversation is held as it is when its connection breaks."""

    drain_s: float = Field(5, ge=0)
    """Seconds that turns under way may take to end when the gateway is told to stop."""

    spool_max_mib: int = Field(512, ge=1)
    """MiB of sound that may wait on this disk while profile-service is away; beyond it, words."""

    max_payload_bytes: int = Field(10 * 2**20, ge=1)
    """Bytes of microphone payload that one utterance may have."""

    max_chunks: int = Field(1000, ge=1)
    """JSON chunks that one utterance may have."""

    chunk_timeout_s: float = Field(60, gt=0)
    """Seconds without a chunk while an utterance is open, after which it is dropped."""

    max_binary_s: float = Field(120, gt=0)
    """Seconds of audio that one utterance may have in binary frames."""

    max_text_chars: int = Field(8000, ge=1)
    """Characters of a typed turn."""

    instructions: str = ""
    """What the model is told about its task; empty: AVATAR's own words."""

    vocabulary: str = Field("", max_length=2000)
    """Names and jargon that are likely to be said: the recogniser is told to expect them."""

    token_budget: int = Field(3000, ge=200)
    """Tokens of instructions, earlier turns and question together."""

    stt_url: str = "http://127.0.0.1:8010"
    """Address of stt-service."""

    stt_api_key: SecretStr | None = None
    """Its key."""

    stt_max_file_s: float = Field(MAX_RECORDING_S, gt=0)
    """Longest recording to transcribe, s. stt-service reads it too: set it for both."""

    llm_url: str = "http://127.0.0.1:8020"
    """Address of the model server, before `/v1`: the demo, vLLM, llama.cpp, or any such server."""

    llm_api_key: SecretStr | None = None
    """Its key."""

    llm_model: str = ""
    """The model's name there; empty: the first that it lists."""

    llm_max_tokens: int = Field(512, ge=1)
    """Tokens that an answer may have."""

    llm_temperature: float = Field(0.7, ge=0, le=2)
    """How freely the model chooses its words."""

    llm_timeout_s: float = Field(30, gt=0)
    """Seconds without a token after which the model counts as stalled."""

    llm_licence: str = ""
    """Licence of the model's weights, as the page shows it."""

    llm_thinking_opened: bool = False
    """Whether the model's template opens its thinking itself: then answers begin with it, and
    nothing is shown or spoken before `</think>`."""

    llm_busy_requests: int = Field(4, ge=1)
    """Answers under way at once above which nothing is begun on a guess."""

    tts_fast_url: str = "http://127.0.0.1:8030"
    """Address of the tts-service for `tts_mode fast`."""

    tts_hq_url: str = "http://127.0.0.1:8030"
    """Address of the tts-service for `tts_mode hq`."""

    tts_timeout_s: float = Field(20, gt=0)
    """Seconds without sound after which a voice engine counts as stalled."""

    tts_api_key: SecretStr | None = None
    """Their key."""

    profile_url: str = "http://127.0.0.1:8040"
    """Address of profile-service."""

    profile_api_key: SecretStr | None = None
    """Its key."""

    allow_public_engines: bool = False
    """Whether engines may be outside private networks. Then the page says so."""

    web_dist: Path = Path("web/dist")
    """The built web client."""
