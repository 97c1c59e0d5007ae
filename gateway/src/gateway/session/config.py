"""What a client has configured; a turn keeps the configuration it opened with."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from uuid import UUID

from avatar_contract.audio import AudioFormat
from avatar_contract.listen import ListenConfigure
from avatar_contract.wire import AudioOut, Configure, Language, Locale, TtsMode, TurnDetection


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

    def changed(self, change: Configure) -> SessionConfig:
        """This configuration with what `change` gives; what it leaves out stays."""
        known = {known.name for known in fields(self)}
        nullable = {"voice_profile_id", "instructions"}
        given = {name: getattr(change, name) for name in change.model_fields_set if name in known}
        return replace(self, **{n: v for n, v in given.items() if v is not None or n in nullable})

    def listen(self, prompt: str) -> ListenConfigure:
        """What stt should know of it."""
        return ListenConfigure(
            language=self.language,
            locale=self.locale,
            prompt=prompt,
            turn_detection=self.turn_detection,
            patience=self.patience,
        )
