"""What a client has configured; a turn keeps the configuration it opened with."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, TypedDict, cast
from uuid import UUID

from pydantic import TypeAdapter

from avatar_contract.audio import AudioFormat
from avatar_contract.listen import ListenConfigure
from avatar_contract.terms import AudioOut, Language, Locale, TtsMode, TurnDetection


class ConfigChange(TypedDict, total=False):
    """What a client changes; what is left out stays."""

    voice_profile_id: UUID | None
    tts_mode: TtsMode | None
    language: Language | None
    locale: Locale | None
    turn_detection: TurnDetection | None
    patience: float | None
    instructions: str | None
    self_clone: bool | None
    store_audio: bool | None
    audio_in: AudioFormat | None
    audio_out: AudioOut | None


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """DESIGN §3's defaults for a client that configures nothing."""

    voice_profile_id: UUID | None = None
    tts_mode: TtsMode = "fast"
    language: Language = "auto"
    locale: Locale = "zh-TW"
    turn_detection: TurnDetection = "none"
    patience: float = 0.5
    instructions: str | None = None
    self_clone: bool = False
    store_audio: bool = True
    audio_in: AudioFormat = field(default_factory=AudioFormat)
    audio_out: AudioOut = "json"

    @property
    def hands_free(self) -> bool:
        return self.turn_detection == "server_vad"

    def changed(self, change: ConfigChange) -> SessionConfig:
        """This configuration with what `change` gives; what it leaves out stays.

        None is the default of a voice and of instructions; elsewhere it changes nothing.
        """
        nullable = {"voice_profile_id", "instructions"}
        given = {n: v for n, v in change.items() if v is not None or n in nullable}
        return replace(self, **cast("dict[str, Any]", given))

    def to_json(self) -> dict[str, Any]:
        """For the record that another gateway reads."""
        return cast("dict[str, Any]", _adapter.dump_python(self, mode="json"))

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> SessionConfig:
        """What `to_json` made; a field that this version does not know is left out."""
        known = {name: value for name, value in data.items() if name in cls.__dataclass_fields__}
        return _adapter.validate_python(known)

    def listen(self, prompt: str) -> ListenConfigure:
        """What stt should know of it."""
        return ListenConfigure(
            language=self.language,
            locale=self.locale,
            prompt=prompt,
            turn_detection=self.turn_detection,
            patience=self.patience,
        )


_adapter: TypeAdapter[SessionConfig] = TypeAdapter(SessionConfig)
