"""The registry of engines: an engine is one file beside this one, and one line below."""

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tts_service.backends.base import Backend
    from tts_service.settings import TtsSettings

ENGINES = {
    "espeak": "tts_service.backends.espeak",
    "kokoro": "tts_service.backends.kokoro",
    "piper": "tts_service.backends.piper",
    "f5": "tts_service.backends.f5",
    "cosyvoice": "tts_service.backends.cosyvoice",
    "openai": "tts_service.backends.openai",
}
"""The value of ``TTS_ENGINE`` and the module that has its ``build(settings)``."""


def build(settings: "TtsSettings") -> "Backend":
    """The engine that the settings name; not started yet."""
    module = importlib.import_module(ENGINES[settings.engine])
    make: Callable[[TtsSettings], Backend] = module.build
    return make(settings)
