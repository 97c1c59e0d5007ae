"""Log lines for people."""

import json
from pathlib import Path

from avatar_cli.running import logview


def test_a_remedy_is_shown_to_its_end_and_data_is_shortened() -> None:
    remedy = "model.bin is damaged: " + "remove it, then run `avatar models download base`. " * 3
    text = logview.render({"event": "x", "message": remedy, "ids": ["0123456789"] * 20})
    assert f"message={remedy}" in text
    assert text.endswith("…")
    assert len(text) < len(remedy) + 120


def test_event_with_fields() -> None:
    line = {
        "timestamp": "2026-11-21T08:00:00.000+00:00",
        "level": "info",
        "event": "turn.closed",
        "trace_id": "ab",
        "duration_ms": 811.7,
        "mode": "fast",
        "logger": "x",
    }
    fields = logview.parse(json.dumps(line))
    assert fields is not None
    assert logview.render(fields) == "info    turn.closed 812 ms mode=fast"


def test_error_shows_its_traceback() -> None:
    text = logview.render({"event": "x", "level": "error", "error": "Traceback\nKeyError: 1\n"})
    assert text == "error   x\nTraceback\nKeyError: 1"


def test_what_is_no_log_line() -> None:
    assert logview.parse("Traceback (most recent call last):") is None
    assert logview.parse("{not json") is None
    assert logview.parse('{"no": "event"}') is None


def test_files_turn_over(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(logview, "MAX_BYTES", 200)
    files = logview.LogFiles(tmp_path)
    for number in range(99):
        files.write("stt", f"{number} 100% 你好")
    files.close()
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["stt.jsonl", "stt.jsonl.1", "stt.jsonl.2", "stt.jsonl.3"]
    assert "98 100% 你好" in (tmp_path / "stt.jsonl").read_text()
