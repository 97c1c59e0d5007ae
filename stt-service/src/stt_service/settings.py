"""The service's settings, read once from the environment (prefix ``STT_``)."""

from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import SettingsConfigDict

from avatar_contract import devices
from avatar_contract.audio import pcm_bytes
from avatar_contract.service import ServiceSettings
from avatar_contract.transcription import MAX_RECORDING_S
from stt_service.hearing.endpoint import Tuning
from stt_service.hearing.patience import Patience
from stt_service.listening.policy import Policy
from stt_service.listening.scribe import Pace

_HEADER_BYTES = 64 * 1024


class SttSettings(ServiceSettings):
    """Everything that can be set about recognition."""

    model_config = SettingsConfigDict(env_prefix="STT_")

    port: int = 8010
    """Port to listen on."""

    backend: str = "pocketsphinx"
    """The recogniser: `pocketsphinx`, `faster_whisper` or `openai`."""

    workers: int = Field(5, ge=1, le=64)
    """Recogniser processes at most (pocketsphinx): as many people can speak at once. About 145 MB
    each; they are started when needed and end when idle."""

    warm_workers: int = Field(1, ge=0, le=64)
    """Recogniser processes kept ready (pocketsphinx)."""

    silence_ms: float = Field(450, ge=130, le=5000)
    """Hands-free: silence that ends an utterance whose words sound finished,
    ms at patience 0.5."""

    unfinished_silence_ms: float = Field(1400, ge=130, le=10_000)
    """Hands-free: silence that ends an utterance whose words sound unfinished,
    ms at patience 0.5."""

    pause_ms: float = Field(64, ge=32, le=2000)
    """Hands-free: silence after which provisional words are reported, ms."""

    prefix_padding_ms: float = Field(300, ge=0, le=1000)
    """Audio kept from before the first sound of an utterance, ms."""

    voice_threshold: float = Field(0.5, gt=0, lt=1)
    """Hands-free: probability of speech that counts as voice."""

    partial_every_ms: float = Field(400, ge=100, le=5000)
    """Audio between two updates of the words, ms."""

    rolling_ms: float = Field(0, ge=0, le=400)
    """Hands-free with waits under 300 ms (an eager `patience`, or a short `STT_SILENCE_MS`): audio
    between two looks at the words that overlap while somebody speaks, ms; 0: none do. The answer
    starts about 70 ms sooner, for up to 31 recogniser calls a second and speaker: for an engine
    with room (`STT_PARALLEL` or `STT_OPENAI_CONCURRENCY` of at least 4)."""

    max_utterance_s: float = Field(120, gt=0, le=600)
    """Longest utterance, s."""

    vad_tick_ms: float = Field(10, ge=0, le=30)
    """Voice activity of all sessions is judged together, this often, ms."""

    max_file_bytes: int = Field(25 * 2**20, gt=0)
    """Largest file to transcribe, bytes; one of `STT_MAX_FILE_S` as plain sound is taken anyway."""

    max_file_s: float = Field(MAX_RECORDING_S, gt=0)
    """Longest recording to transcribe, s. The gateway reads it too: set it for both."""

    openai_url: str = "http://127.0.0.1:8100/v1"
    """Backend `openai`: base address of a server with `/audio/transcriptions`."""

    openai_model: str = "whisper-1"
    """Backend `openai`: the model to ask for."""

    openai_api_key: SecretStr | None = None
    """Backend `openai`: its key."""

    openai_languages: list[str] = Field(default=["zh", "en"])
    """Backend `openai`: languages the model knows, as ISO 639-1 codes."""

    openai_concurrency: int = Field(8, ge=1)
    """Backend `openai`: calls at once."""

    openai_timeout_s: float = Field(30, gt=0)
    """Backend `openai`: seconds to wait for an answer."""

    model: str = "base"
    """Backend `faster_whisper`: the model's folder, or its name below `AVATAR_HOME/models`."""

    compute_type: str = "auto"
    """Backend `faster_whisper`: `auto` is int8 on a CPU and float16 on a GPU."""

    beam: int = Field(5, ge=1, le=10)
    """Backend `faster_whisper`: beam width of the final words."""

    languages: list[str] = Field(default=["zh", "en"])
    """Backend `faster_whisper`: where the language is guessed, the ones it may be, as ISO 639-1
    codes; `[]`: any. Short utterances are often guessed wrong otherwise."""

    hotwords: str = ""
    """Names and jargon that are often said, separated by spaces."""

    queue: int = Field(16, ge=1)
    """Backend `faster_whisper`: calls that may wait; one more is refused."""

    parallel: int = Field(1, ge=1, le=16)
    """Backend `faster_whisper`: calls decoded at once."""

    threads: int = Field(0, ge=0)
    """Backend `faster_whisper`: processor threads of a call; 0 lets the library choose."""

    no_speech_threshold: float = Field(0.6, gt=0, le=1)
    """Backend `faster_whisper`: a segment that is less likely speech than this is dropped."""

    window_s: float = Field(8, ge=4, le=30)
    """Backend `faster_whisper`: the shortest window that is looked at, s. A look takes the sound
    and 3 s more, at least this much; 30: all that Whisper was trained with, at several times
    the cost."""

    tai: Literal["台", "臺"] = "台"
    """How 台 is written in Traditional Chinese: 台 as most people write it, or 臺 as in
    documents."""

    device: str = Field(
        "auto",
        validation_alias=AliasChoices("STT_DEVICE", "DEVICE", "device"),
        pattern=devices.PATTERN,
    )
    """`auto` (a GPU where there is one that works, else the CPU), `cpu`, or `cuda` or `cuda:N`: a
    GPU that is absent is refused then."""

    allow_public_engines: bool = Field(
        False, validation_alias=AliasChoices("ALLOW_PUBLIC_ENGINES", "allow_public_engines")
    )
    """Whether a backend may be outside private networks."""

    @property
    def largest_file(self) -> int:
        """Bytes that a file may have: the gateway sends recordings as they are heard, 16 kHz."""
        return max(self.max_file_bytes, pcm_bytes(self.max_file_s * 1000) + _HEADER_BYTES)

    @property
    def models_dir(self) -> Path:
        """Where downloaded models are."""
        return self.home / "models"

    def policy(self) -> Policy:
        """How to listen."""
        return Policy(
            tuning=Tuning(
                voice_on=self.voice_threshold,
                voice_off=0.7 * self.voice_threshold,
                prefix_ms=self.prefix_padding_ms,
            ),
            patience=Patience(
                finished_ms=self.silence_ms,
                unfinished_ms=max(self.unfinished_silence_ms, self.silence_ms),
                pause_ms=self.pause_ms,
            ),
            pace=Pace(self.partial_every_ms, self.rolling_ms),
            longest_ms=self.max_utterance_s * 1000,
            tai=self.tai,
        )
