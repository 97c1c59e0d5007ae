"""The settings of tts-service."""

import os
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from avatar_contract import devices
from avatar_contract.service import ServiceSettings


def _workers() -> int:
    return max(1, min(4, os.cpu_count() or 1))


class TtsSettings(ServiceSettings):
    """Read once, from the environment; prefix ``TTS_``."""

    model_config = SettingsConfigDict(env_prefix="TTS_")

    port: int = 8030
    """Port to listen on."""

    engine: Literal["espeak", "kokoro", "piper", "f5", "cosyvoice", "openai"] = "espeak"
    """The engine of this process."""

    device: str = Field(
        "auto",
        validation_alias=AliasChoices("TTS_DEVICE", "DEVICE", "device"),
        pattern=devices.PATTERN,
    )
    """`auto` (a GPU where there is one that works, else the CPU), `cpu`, or `cuda` or `cuda:N`: a
    GPU that is absent is refused then."""

    language: Literal["zh", "en"] = "zh"
    """Language of a text without any letters, such as `2026`."""

    max_input_chars: int = Field(4096, ge=1)
    """Longest text of one request, characters."""

    max_reference_bytes: int = Field(8 * 2**20, ge=1)
    """Largest reference recording, bytes."""

    max_voices: int = Field(64, ge=1)
    """How many voices are kept in memory; the least recently used goes first."""

    max_voice_bytes: int = Field(256 * 2**20, ge=1)
    """How many bytes of recordings are kept in memory."""

    max_opening_bytes: int = Field(16 * 2**20, ge=0)
    """How many bytes of sound of replies' first clauses (`Sure,`) are kept in memory, to be spoken
    at once when they come again; 0 for none. A second has 48,000."""

    workers: int = Field(default_factory=_workers, ge=1, le=64)
    """Worker processes of an engine that runs on the CPU; left out: one a core, at most four, and
    for Kokoro one for `kokoro_threads` cores. F5-TTS always has one."""

    max_waiting: int = Field(32, ge=0)
    """How many requests may wait for a worker; one more is refused."""

    wait_timeout_s: float = Field(10.0, gt=0)
    """How long a request waits for a worker, seconds."""

    openai_url: str = ""
    """Engine `openai`: address of a server that speaks the OpenAI API, such as http://tts:8000/v1."""

    openai_key: SecretStr | None = None
    """Engine `openai`: its key."""

    openai_model: str = "tts-1"
    """Engine `openai`: its model."""

    openai_voice: str = "alloy"
    """Engine `openai`: its voice."""

    openai_timeout_s: float = Field(30.0, gt=0)
    """Engine `openai`: longest silence before it counts as stalled, seconds."""

    allow_public_engines: bool = Field(
        False, validation_alias=AliasChoices("ALLOW_PUBLIC_ENGINES", "allow_public_engines")
    )
    """Whether `openai_url` may lead outside private networks."""

    models_dir: Path | None = None
    """Where weights are; left out: `models` in AVATAR_HOME."""

    kokoro_model: str = "kokoro"
    """Engine `kokoro`: folder below `models_dir` with its graph and its voices."""

    kokoro_zh: str = "zf_xiaoxiao"
    """Engine `kokoro`: the voice of Chinese text; `GET /v1/voices` lists them."""

    kokoro_en: str = "af_heart"
    """Engine `kokoro`: the voice of English text."""

    kokoro_threads: int = Field(2, ge=1, le=64)
    """Engine `kokoro`: threads of a worker process."""

    piper_zh: str = "piper/zh_CN-huayan-medium.onnx"
    """Engine `piper`: the Chinese voice, below `models_dir`; `none` for none."""

    piper_en: str = "piper/en_US-ljspeech-medium.onnx"
    """Engine `piper`: the English voice, below `models_dir`; `none` for none."""

    engine_python: Path | None = None
    """Interpreter of the engine's own environment; left out: this process's own."""

    f5_model: str = "f5-tts"
    """Engine `f5`: folder below `models_dir` with `model.safetensors`, `vocab.txt` and `model.json`
    (left out: F5TTS_v1_Base). The published weights are CC-BY-NC: put others here for commerce."""

    f5_vocoder: str = "vocos"
    """Engine `f5`: folder below `models_dir` with Vocos's `config.yaml` and `pytorch_model.bin`."""

    f5_voice: str = "f5-tts/reference.wav"
    """Engine `f5`: the recording that speaks when there is no profile, below `models_dir`; its
    words are in a `.txt` beside it."""

    f5_steps_fast: int = Field(16, ge=1, le=128)
    """Engine `f5`: solver steps (NFE) of `fast`."""

    f5_steps_hq: int = Field(32, ge=1, le=128)
    """Engine `f5`: solver steps (NFE) of `hq`."""

    f5_seed: int = 20_250
    """Engine `f5`: seed; the same text and voice give the same sound."""

    cosyvoice_model: str = "cosyvoice2"
    """Engine `cosyvoice`: folder below `models_dir`."""

    cosyvoice_voice: str = "cosyvoice2/voice.wav"
    """Engine `cosyvoice`: the recording that speaks when there is no profile, below `models_dir`;
    its words are in a `.txt` beside it."""

    idle_unload_s: float = Field(600.0, gt=0)
    """Engine `cosyvoice`: it leaves memory after so many idle seconds."""

    @field_validator("piper_zh", "piper_en")
    @classmethod
    def _none(cls, name: str) -> str:
        # An empty variable counts as one that is not set, so a word has to say it.
        return "" if name.lower() == "none" else name

    @property
    def models(self) -> Path:
        """Where weights are."""
        return (self.models_dir or self.home / "models").resolve()
