"""`avatar models` against a hub on loopback that speaks Hugging Face's addresses.

It has not been run against the real hub.
"""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from avatar_cli.main import app
from avatar_cli.models import catalogue
from avatar_cli.models import hub as hub_module
from avatar_cli.models.catalogue import Catalogue

BIG = bytes(range(256)) * 4000
SMALL = b"{}"


@dataclass
class FakeHub:
    """Files by path, and what goes wrong."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    cut_after: int | None = None
    status: int | None = None
    wrong_etag: bool = False


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: FakeHub

    def do_GET(self) -> None:
        ranged = self.headers.get("Range")
        if "/cdn" not in self.path:
            self.redirect()
            return
        path = self.path.removeprefix("/cdn")
        self.hub.requests.append((path, ranged))
        body = self.hub.files.get(path)
        if self.hub.status or body is None:
            self.answer(self.hub.status or 404, b"")
            return
        start = int(ranged.removeprefix("bytes=").rstrip("-")) if ranged else 0
        self.answer(206 if ranged else 200, body[start:])

    def redirect(self) -> None:
        body = self.hub.files.get(self.path, b"")
        digest = "0" * 64 if self.hub.wrong_etag else hashlib.sha256(body).hexdigest()
        self.send_response(302)
        self.send_header("Location", "/cdn" + self.path)
        self.send_header("X-Linked-Etag", f'"{digest}"')
        self.send_header("X-Repo-Commit", "c0ffee")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.hub.cut_after is not None and len(body) > self.hub.cut_after:
            self.wfile.write(body[: self.hub.cut_after])
            self.hub.cut_after = None
            self.close_connection = True
            return
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    made = FakeHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("H", (Handler,), {"hub": made}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    base = "/us/ears/resolve/main/"
    made.files = {base + "sub/big.bin": BIG, base + "config.json": SMALL}
    monkeypatch.setenv("HF_ENDPOINT", made.url)
    monkeypatch.setenv("AVATAR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AVATAR_LANG", "en")
    monkeypatch.setattr(catalogue, "load", small_catalogue)
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def small_catalogue() -> Catalogue:
    ears = {
        "id": "ears",
        "stage": "stt",
        "title": "ears",
        "languages": ["en"],
        "repository": "us/ears",
        "revision": "main",
        "licence": "MIT",
        "non_commercial": False,
        "megabytes": 1,
        "folder": "ears",
        "settings": {"STT_MODEL": "ears"},
        "files": [{"path": "sub/big.bin"}, {"path": "config.json", "save_as": "c.json"}],
    }
    free = {**ears, "id": "nc", "non_commercial": True, "licence": "CC-BY-NC-4.0", "folder": "nc"}
    return Catalogue.model_validate({"bundles": {"all": ["ears", "nc"]}, "models": [ears, free]})


def avatar(*arguments: object, say: str = ""):
    return CliRunner().invoke(app, ["models", *map(str, arguments)], input=say)


def folder(tmp_path: Path) -> Path:
    return tmp_path / "home" / "models" / "ears"


def test_download_verify_list(hub: FakeHub, tmp_path: Path) -> None:
    result = avatar("download", "ears", "--yes")
    assert result.exit_code == 0, result.output
    assert "STT_MODEL=ears avatar up" in result.output
    assert (folder(tmp_path) / "big.bin").read_bytes() == BIG
    assert (folder(tmp_path) / "c.json").read_bytes() == SMALL
    assert '"revision": "c0ffee"' in (folder(tmp_path) / ".ears.json").read_text()
    assert avatar("verify").output == "ears: ok\n"
    assert "ears                 here" in avatar("list").output
    assert "already" in avatar("download", "ears", "--yes").output
    assert len(hub.requests) == 2


def test_a_cut_connection_is_resumed(hub: FakeHub, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(hub_module, "PAUSE_S", 0.0)
    hub.cut_after = 300_000
    assert avatar("download", "ears", "--yes").exit_code == 0
    ranges = [r for p, r in hub.requests if p.endswith("big.bin")]
    assert ranges[0] is None
    assert ranges[1] is not None
    assert (folder(tmp_path) / "big.bin").read_bytes() == BIG


def test_a_later_run_goes_on(hub: FakeHub, tmp_path: Path) -> None:
    folder(tmp_path).mkdir(parents=True)
    (folder(tmp_path) / "big.bin.part").write_bytes(BIG[:1000])
    assert avatar("download", "ears", "--yes").exit_code == 0
    assert hub.requests[0][1] == "bytes=1000-"
    assert (folder(tmp_path) / "big.bin").read_bytes() == BIG


def test_wrong_contents_are_removed(hub: FakeHub, tmp_path: Path) -> None:
    hub.wrong_etag = True
    result = avatar("download", "ears", "--yes")
    assert result.exit_code == 1
    assert "is not what it should be" in result.output
    assert list(folder(tmp_path).iterdir()) == []


@pytest.mark.parametrize(
    ("status", "words"), [(404, "not there"), (403, "HF_TOKEN"), (410, "status 410")]
)
def test_refusals(hub: FakeHub, status: int, words: str) -> None:
    hub.status = status
    result = avatar("download", "ears", "--yes")
    assert result.exit_code == 1
    assert words in result.output


def test_unreachable_hub(hub: FakeHub, monkeypatch) -> None:
    monkeypatch.setattr(hub_module, "PAUSE_S", 0.0)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    result = avatar("download", "ears", "--yes")
    assert result.exit_code == 1
    assert "mirror" in result.output


def test_licence_must_be_accepted(hub: FakeHub) -> None:
    hub.files |= {k.replace("ears", "nc"): v for k, v in hub.files.items()}
    refused = avatar("download", "nc", say="y\nn\n")
    assert refused.exit_code == 1
    assert "CC-BY-NC-4.0: no commercial use" in refused.output
    assert hub.requests == []
    assert avatar("download", "nc", say="y\ny\n").exit_code == 0


def test_broken_files_are_named(hub: FakeHub, tmp_path: Path) -> None:
    avatar("download", "ears", "--yes")
    (folder(tmp_path) / "big.bin").write_bytes(BIG[:-1] + b"x")
    (folder(tmp_path) / "c.json").unlink()
    result = avatar("verify")
    assert result.exit_code == 1
    assert "contents have changed" in result.output
    assert "c.json: missing" in result.output


def test_carried_to_another_machine(hub: FakeHub, tmp_path: Path, monkeypatch) -> None:
    avatar("download", "ears", "--yes")
    stick = tmp_path / "stick"
    assert avatar("export", "ears", stick).exit_code == 0
    monkeypatch.setenv("AVATAR_HOME", str(tmp_path / "elsewhere"))
    assert avatar("import", stick).exit_code == 0
    assert avatar("verify").output == "ears: ok\n"
    (stick / "ears" / "big.bin").write_bytes(BIG[:10])
    monkeypatch.setenv("AVATAR_HOME", str(tmp_path / "third"))
    broken = avatar("import", stick)
    assert broken.exit_code == 1
    assert "instead of" in broken.output
    assert avatar("verify").output == "No models are there.\n"


def test_unknown_names(hub: FakeHub, tmp_path: Path) -> None:
    assert "no model" in avatar("download", "nothing", "--yes").output
    assert "avatar models download ears" in avatar("verify", "ears").output
    (tmp_path / "empty").mkdir()
    assert avatar("import", tmp_path / "empty").exit_code == 1


def test_the_real_catalogue() -> None:
    known = catalogue.Catalogue.model_validate_json(
        Path(catalogue.__file__).with_name("catalogue.json").read_text()
    )
    for bundle in ("cpu", "gpu"):
        assert {m.stage for m in known.resolve([bundle])} == {"stt", "llm", "tts"}
    # Where nothing is fetched, the demo responder answers.
    assert {m.stage for m in known.resolve(["embedded"])} == {"stt", "tts"}
    assert len({m.id for m in known.models}) == len(known.models)
    assert [m.id for m in known.models if m.non_commercial] == ["f5-tts"]
