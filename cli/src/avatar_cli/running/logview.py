"""JSON log lines of services: made readable for a terminal, and kept in files."""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

MAX_BYTES = 10 * 2**20
OLDER_FILES = 3
_DATA_CHARS = 80

_SHOWN_APART = frozenset(
    {"timestamp", "level", "service", "trace_id", "event", "logger", "duration_ms", "error"}
)
_LEVEL_COLOURS = {"warning": "33", "error": "31", "critical": "31"}


def parse(line: str) -> dict[str, Any] | None:
    """The fields of a JSON log line; None when it is something else (a traceback, a print)."""
    if not line.startswith("{"):
        return None
    try:
        fields = json.loads(line)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) and "event" in fields else None


def own_line(text: str) -> str:
    """A line of the supervisor's own, in the form of the services'."""
    now = datetime.now(UTC).isoformat("T", "milliseconds")
    line = {"timestamp": now, "level": "info", "service": "avatar", "event": text}
    return json.dumps(line, ensure_ascii=False)


def is_chatter(fields: Mapping[str, Any]) -> bool:
    """What a web server says of itself at every start; kept in the file, not shown."""
    return fields.get("logger") == "uvicorn.error" and fields.get("level") == "info"


def render(fields: Mapping[str, Any], colour: bool = False) -> str:
    """`level event duration key=value …`, and the last line of an error under it."""
    level = str(fields.get("level", "info"))
    words = [f"{level:<7}", str(fields["event"])]
    if fields.get("duration_ms") is not None:
        words.append(f"{float(fields['duration_ms']):.0f} ms")
    words += [
        f"{key}={_short(value)}"
        for key, value in fields.items()
        if key not in _SHOWN_APART and value is not None
    ]
    text = " ".join(words)
    error = str(fields.get("error") or "").rstrip()
    if error:
        text += "\n" + error
    code = _LEVEL_COLOURS.get(level)
    return f"\033[{code}m{text}\033[0m" if colour and code else text


def local_time(fields: Mapping[str, Any]) -> str | None:
    """Clock time of a line where the reader is, HH:MM:SS."""
    try:
        moment = datetime.fromisoformat(str(fields["timestamp"]))
    except (KeyError, ValueError):
        return None
    return moment.astimezone().strftime("%H:%M:%S")


def _short(value: object) -> str:
    """`value` on the line: sentences whole, because their end is what to do; data shortened."""
    if isinstance(value, str) and " " in value:
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _DATA_CHARS else text[: _DATA_CHARS - 1] + "…"


class LogFiles:
    """`<folder>/<service>.jsonl`, each turned over at 10 MiB, three older ones kept."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._handlers: dict[str, RotatingFileHandler] = {}

    def write(self, name: str, line: str) -> None:
        """Adds one line to the file of `name`."""
        handler = self._handlers.get(name)
        if handler is None:
            handler = RotatingFileHandler(
                self._folder / f"{name}.jsonl",
                maxBytes=MAX_BYTES,
                backupCount=OLDER_FILES,
                encoding="utf-8",
            )
            self._handlers[name] = handler
        handler.emit(logging.makeLogRecord({"msg": line, "args": None}))

    def close(self) -> None:
        """Closes all files."""
        for handler in self._handlers.values():
            handler.close()
