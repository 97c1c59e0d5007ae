"""JSON logs, one object a line: ``timestamp level trace_id event duration_ms mode`` and fields.

What people said never enters a log: fields that could carry it are refused by name.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime

from avatar_contract.service import trace

_SPOKEN = frozenset(
    {"text", "input", "content", "prompt", "transcript", "messages", "token", "answer"}
)
_FIELDS = "avatar_fields"


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        now = trace.current()
        line: dict[str, object] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat("T", "milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "trace_id": now.trace_id if now else None,
            "event": record.getMessage(),
            "logger": record.name,
        }
        line.update(getattr(record, _FIELDS, {}))
        if record.exc_info:
            line["error"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(line, ensure_ascii=False, default=str)


class EventLogger:
    """Logs events with fields: ``log.info("turn.closed", duration_ms=812, mode="fast")``."""

    def __init__(self, name: str) -> None:
        self._log = logging.getLogger(name)

    def debug(self, event: str, **fields: object) -> None:
        self._emit(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: object) -> None:
        self._emit(logging.INFO, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        self._emit(logging.WARNING, event, fields)

    def error(self, event: str, *, exc: BaseException | None = None, **fields: object) -> None:
        """An event at level error; `exc` adds its traceback."""
        self._emit(logging.ERROR, event, fields, exc)

    def _emit(
        self, level: int, event: str, fields: dict[str, object], exc: BaseException | None = None
    ) -> None:
        spoken = _SPOKEN & fields.keys()
        if spoken:
            raise ValueError(f"log fields may carry what people said: {sorted(spoken)}")
        if self._log.isEnabledFor(level):
            self._log.log(level, event, extra={_FIELDS: fields}, exc_info=exc)


def get_logger(name: str) -> EventLogger:
    """The logger of a module: ``log = get_logger(__name__)``."""
    return EventLogger(name)


def configure(service: str, level: str) -> None:
    """Sends all logs of this process to standard output as JSON lines."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(service))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for chatty in ("httpx", "httpcore", "websockets", "uvicorn.access", "alembic", "aiosqlite"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLogger().level))
