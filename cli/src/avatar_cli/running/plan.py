"""Which services one copy consists of, and the environment that each starts with."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from avatar_contract.service import SUPERVISOR_ENV


@dataclass(frozen=True)
class Part:
    """A service as it is installed: what to run, and which settings carry its address."""

    name: str
    module: str
    port_setting: str
    url_settings: tuple[str, ...] = ()
    """Settings of the gateway with its address. When the first is set, it is not started."""


PARTS = (
    Part("profile", "profile_service", "PROFILE_PORT", ("PROFILE_URL",)),
    Part("stt", "stt_service", "STT_PORT", ("STT_URL",)),
    Part("llm", "llm_service", "LLM_PORT", ("LLM_URL",)),
    Part("tts", "tts_service", "TTS_PORT", ("TTS_FAST_URL", "TTS_HQ_URL")),
    Part("gateway", "gateway", "AVATAR_PORT"),
)


@dataclass(frozen=True)
class Service:
    """One process to be started."""

    name: str
    command: tuple[str, ...]
    port: int
    environment: dict[str, str] = field(repr=False)

    @property
    def url(self) -> str:
        """Its address on this machine."""
        return f"http://127.0.0.1:{self.port}"


def page_folder(environment: Mapping[str, str]) -> Path:
    """The built web client: WEB_DIST, else `web/dist` here, else that of the source tree."""
    own = environment.get("WEB_DIST")
    if own:
        return Path(own).resolve()
    trees = (Path.cwd(), *Path(__file__).resolve().parents)
    found = (tree / "web" / "dist" for tree in trees)
    return next((f for f in found if (f / "index.html").is_file()), Path.cwd() / "web" / "dist")


def to_start(environment: Mapping[str, str]) -> list[Part]:
    """All parts but those whose address the environment names."""
    return [p for p in PARTS if not (p.url_settings and environment.get(p.url_settings[0]))]


def plan(
    environment: Mapping[str, str],
    home: Path,
    ports: Mapping[str, int],
    supervisor: str,
    model_server: Callable[[int], tuple[str, ...]] | None = None,
) -> list[Service]:
    """The processes of one copy.

    Args:
        environment: what the user set; addresses in it are kept.
        home: absolute path of AVATAR_HOME.
        ports: a port for every part of `to_start(environment)`, by name.
        supervisor: tag of the process whose end ends them all (`supervisor_tag`).
        model_server: makes the command that is started in place of the demo responder.
    """
    shared = {
        **environment,
        "AVATAR_HOME": str(home),
        "WEB_DIST": str(page_folder(environment)),
        "PYTHONUNBUFFERED": "1",
        SUPERVISOR_ENV: supervisor,
    }
    parts = to_start(environment)
    for part in parts:
        for setting in part.url_settings:
            shared.setdefault(setting, f"http://127.0.0.1:{ports[part.name]}")
    return [
        Service(
            name=part.name,
            command=_command(part, ports[part.name], model_server),
            port=ports[part.name],
            environment={**shared, part.port_setting: str(ports[part.name])},
        )
        for part in parts
    ]


def _command(
    part: Part, port: int, model_server: Callable[[int], tuple[str, ...]] | None
) -> tuple[str, ...]:
    if part.name == "llm" and model_server is not None:
        return model_server(port)
    return (sys.executable, "-m", part.module)
