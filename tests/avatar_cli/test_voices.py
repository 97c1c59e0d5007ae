"""`avatar voices` against a server of the product's voice routes, on loopback.

Embeddings come from a stand-in for resemblyzer: a real process, whose numbers are the wav's own.
"""

import json
import sys
import threading
from array import array
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from avatar_cli.main import app
from avatar_cli.voices import likeness, listening
from avatar_contract.audio import read_wav, wav_bytes

STAND_IN = """
import sys, types, wave
from array import array
import json
module = types.ModuleType("resemblyzer")
class VoiceEncoder:
    def __init__(self, *_, **__): pass
    def embed_utterance(self, samples):
        class Vector(list):
            def tolist(self): return list(self)
        return Vector([max(samples), -min(samples), 1.0])
module.VoiceEncoder = VoiceEncoder
module.preprocess_wav = lambda path: array("h", wave.open(str(path)).readframes(10**6))
sys.modules["resemblyzer"] = module
"""


def tone(top: int, bottom: int) -> bytes:
    return wav_bytes(array("h", [top, -bottom] * 4000).tobytes(), 16_000)


REFERENCES = {"1": tone(9000, 300), "2": tone(200, 8000)}
SPOKEN = tone(8000, 900)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/api/voice-profiles":
            items = [{"id": "1", "name": "小美"}]
            self.answer(json.dumps({"items": items, "next_cursor": "c"}).encode())
        elif self.path == "/api/voice-profiles?cursor=c":
            items = [{"id": "2", "name": "Bo"}]
            self.answer(json.dumps({"items": items, "next_cursor": None}).encode())
        else:
            self.answer(REFERENCES[self.path.split("/")[3]])

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.answer(SPOKEN if "/test" in self.path else REFERENCES["2"])

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("AVATAR_LANG", "en")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """An interpreter that finds the stand-in."""
    (tmp_path / "sitecustomize.py").write_text(STAND_IN)
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{tmp_path}" exec "{sys.executable}" "$@"\n')
    program.chmod(0o755)
    return program


def avatar(*arguments: object):
    return CliRunner().invoke(app, ["voices", *map(str, arguments)])


def test_compare(url: str, python: Path) -> None:
    result = avatar("compare", "小美", "--python", python, "--url", url, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["same"] == pytest.approx(1)
    assert found["others"][0] < 0.2
    assert found["synthesis"] > 0.9
    assert 0.9 < found["share"] < 1
    shown = avatar("compare", "1", "--python", python, "--url", url).output
    assert "another voice / reference" in shown


def test_no_resemblyzer(url: str) -> None:
    result = avatar("compare", "小美", "--python", sys.executable, "--url", url)
    assert result.exit_code == 1
    assert "pip install" in result.output


def test_unknown_profile_names_the_known(url: str, python: Path) -> None:
    result = avatar("compare", "nobody", "--python", python, "--url", url)
    assert "小美, Bo" in result.output


def test_nobody_there(python: Path) -> None:
    result = avatar("compare", "x", "--python", python, "--url", "http://127.0.0.1:9")
    assert result.exit_code == 1
    assert "avatar up" in result.output


def test_listening_page_is_blind(url: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert avatar("rate", "-o", page, "--url", url, "--seed", 4).exit_code == 0
    text = page.read_text()
    assert text.count('"sound"') == 8
    assert '"synthesis"' not in text
    assert "src=http" not in text


def test_scores_are_added_up(tmp_path: Path) -> None:
    answers = [
        {"voice": "小美", "kind": "synthesis", "score": 8},
        {"voice": "小美", "kind": "synthesis", "score": 7},
        {"voice": "小美", "kind": "other", "score": 2},
    ]
    path = tmp_path / "scores-a.json"
    path.write_text(json.dumps({"who": "a", "answers": answers}))
    result = avatar("rate", "--results", path)
    assert "小美: other 2.0, synthesis 7.5" in result.output
    path.write_text(json.dumps({"answers": [{"voice": "a", "kind": "x", "score": 5}]}))
    assert avatar("rate", "--results", path).exit_code == 1
    with pytest.raises(ValueError, match="no scores"):
        listening.scores([{}])


def test_halves_and_cosine() -> None:
    first, second = likeness.halves(tone(5, 5))
    assert len(read_wav(first)[0]) == len(read_wav(second)[0]) == 8000
    assert likeness.cosine([1, 0], [0, 2]) == 0
    with pytest.raises(ValueError, match="zeros"):
        likeness.cosine([0, 0], [1, 1])


def test_no_others_no_share() -> None:
    assert likeness.Likeness(0.5, 0.9, []).share is None
    assert likeness.Likeness(0.5, 0.1, [0.2]).share is None
