"""Names of the backends. A new one is a file beside this and a line here.

A real model needs no backend: vLLM, llama.cpp and others speak the same API themselves, and the
gateway is pointed at them.
"""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from llm_service.backends.base import ChatBackend
from llm_service.backends.demo import DemoBackend
from llm_service.settings import Settings


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError) as cause:
        raise ValueError(f"LLM_TIMEZONE={name!r}: use a name like Asia/Taipei.") from cause


def _demo(settings: Settings) -> ChatBackend:
    zone = _zone(settings.timezone)

    def now() -> datetime:
        return datetime.now(zone).astimezone(zone)

    return DemoBackend(now, settings.token_ms, settings.default_language)


BACKENDS: dict[str, Callable[[Settings], ChatBackend]] = {"demo": _demo}


def build(settings: Settings) -> ChatBackend:
    """The backend that the settings name.

    Raises:
        ValueError: unknown name, or a time zone that the machine doesn't know.
    """
    if settings.backend not in BACKENDS:
        raise ValueError(
            f"LLM_BACKEND={settings.backend!r} is unknown; use one of {list(BACKENDS)}."
        )
    return BACKENDS[settings.backend](settings)
