"""What an engine is to this service."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from avatar_contract.health import ModelHealth
from avatar_contract.speech import SpokenNotice, Voice
from avatar_contract.terms import EngineInfo
from tts_service.utterance import Utterance
from tts_service.voices import VoiceSample


@dataclass(frozen=True)
class VoiceAnswer:
    """What an engine says of a reference it took."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    """Its measurements; they travel with the voice."""
    embedding: list[float] | None = None
    """256-dimension speaker embedding, where it computes one."""


@dataclass(frozen=True)
class BackendHealth:
    """How an engine is, for ``/health``."""

    model: ModelHealth
    load: dict[str, float] = field(default_factory=dict)
    gpu: dict[str, float | str] | None = None
    """Name, and memory used and whole after loading, MiB."""
    degraded: bool = False
    """Whether it works, but not as was meant: on the CPU for want of a GPU."""


class Backend(Protocol):
    """An engine. Its PCM is mono ``pcm_s16le`` at ``engine.SPEECH_RATE``."""

    info: EngineInfo
    own_voices: tuple[Voice, ...]
    """Its own voices that a request may name."""

    async def start(self) -> None:
        """Begins to load; `health` says when it is done."""

    async def close(self) -> None:
        """Ends everything it started."""

    def health(self) -> BackendHealth:
        """The state at this moment."""

    def label(self, utterance: Utterance, voice: VoiceSample | None) -> str:
        """The engine's name of the voices that will speak, for ``Avatar-Voice``."""

    def notice(self, utterance: Utterance, voice: VoiceSample | None) -> SpokenNotice | None:
        """What a listener should know beforehand."""

    def speak(self, utterance: Utterance, voice: VoiceSample | None) -> AsyncGenerator[bytes, None]:
        """PCM as it is made; closing the generator stops the engine.

        Raises:
            TtsUnavailable: the engine is busy, dead or stalled.
            UnsupportedLanguage: it can't do a run's language.
        """

    async def add_voice(self, voice: VoiceSample) -> VoiceAnswer:
        """Checks and prepares a reference. Raises BadAudio, saying what to record instead."""

    def drop_voice(self, voice_id: str) -> None:
        """Forgets a reference."""

    async def phonemes(self, utterance: Utterance) -> list[str]:
        """Each run in IPA, as the engine will say it. Raises BadMessage where it can't tell."""
