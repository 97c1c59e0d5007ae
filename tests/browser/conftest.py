"""A real browser before the real product: `avatar up`, Chromium, a wav file as its microphone."""

import contextlib
import difflib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    Playwright,
    expect,
    sync_playwright,
)

from avatar_contract.audio import read_wav, wav_bytes
from ensure_chromium import find

ROOT = Path(__file__).resolve().parents[2]
SPEECH = ROOT / "tests" / "data" / "speech"
AVATAR = Path(sys.executable).with_name("avatar")
READY_S = 90
STOP_S = 20
TURN_MS = 30_000

CHROMIUM_FLAGS = [
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

LOUDSPEAKER = """
window.loudest = 0;
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (target, ...rest) {
  if (target instanceof AudioDestinationNode) {
    const tap = this.context.createAnalyser();
    const samples = new Float32Array(tap.fftSize);
    connect.call(this, tap);
    setInterval(() => {
      tap.getFloatTimeDomainData(samples);
      for (const sample of samples) window.loudest = Math.max(window.loudest, Math.abs(sample));
    }, 20);
  }
  return connect.call(this, target, ...rest);
};
"""
"""Hears what reaches the loudspeaker, from outside of the page's own code."""

MICROPHONE = """
const open = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
if (open) {
  navigator.mediaDevices.getUserMedia = async (wish) => {
    const stream = await open(wish);
    document.documentElement.dataset.microphone = "open";
    return stream;
  };
}
"""
"""Marks the page when its microphone opened: only from then on does the file play."""

PLAIN_MICROPHONE = '{"processed": false, "locale": "en"}'
"""Settings of the page: echo cancellation off, so that what is spoken is what is sent."""


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(folder: Path, **settings: str) -> Iterator[str]:
    """A copy of the whole product with the small engines, for as long as it is needed."""
    url = f"http://127.0.0.1:{(port := _free_port())}"
    paths = {"AVATAR_PORT": str(port), "AVATAR_HOME": str(folder / "var")}
    paths["AVATAR_PROFILE"] = "small"
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [AVATAR, "up"],
            cwd=ROOT,
            env={**os.environ, **paths, **settings},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            end = time.monotonic() + READY_S
            while not _ready(url):
                if process.poll() is not None or time.monotonic() > end:
                    pytest.fail(f"avatar up is not ready:\n{(folder / 'up.log').read_text()}")
                time.sleep(0.2)
            yield url
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(STOP_S)


@pytest.fixture(scope="session")
def avatar_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a copy that most tests share."""
    with running(tmp_path_factory.mktemp("browser")) as url:
        yield url


@pytest.fixture(scope="module")
def start_avatar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Start copies with settings of their own; they end with the module."""
    with contextlib.ExitStack() as stack:

        def start(**settings: str) -> str:
            return stack.enter_context(running(tmp_path_factory.mktemp("own"), **settings))

        yield start


# Not for the session: while it runs, its event loop keeps asynchronous tests from running theirs.
@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> str:
    path = find()
    assert path, "no Chromium: run `python tools/ensure_chromium.py`, it says what to do"
    return path


@dataclass
class Clip:
    """What the microphone hears."""

    path: Path
    seconds: float


@pytest.fixture
def spoken(tmp_path: Path) -> Callable[..., Clip]:
    """Put clips after one another into one wav, with silence in between."""

    def join(
        *names: str, folder: Path = SPEECH, before_s: float = 0.8, between_s: float = 1.0
    ) -> Clip:
        rate = 0
        pcm = b""
        for name in names:
            speech, rate, _ = read_wav((folder / f"{name}.wav").read_bytes())
            pcm += bytes(2 * int(rate * (between_s if pcm else before_s))) + speech
        pcm += bytes(2 * rate)
        path = tmp_path / "microphone.wav"
        path.write_bytes(wav_bytes(pcm, rate))
        return Clip(path, len(pcm) / 2 / rate)

    return join


@dataclass
class Tab:
    """A page and what the browser complained about on it."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def loudest(self) -> float:
        """The loudest sample that reached the loudspeaker, 0 to 1."""
        return float(self.page.evaluate("window.loudest"))

    def speak(self, clip: Clip) -> None:
        """Let the microphone's file play to its end, which a busy machine may be slow to begin."""
        opened = self.page.locator("html")
        expect(opened).to_have_attribute("data-microphone", "open", timeout=TURN_MS)
        self.page.wait_for_timeout(1000 * clip.seconds)

    def hold(self, clip: Clip) -> None:
        """Hold the button while the microphone's file plays."""
        self.page.get_by_role("button", name="Hold to talk").hover()
        self.page.mouse.down()
        self.speak(clip)
        self.page.mouse.up()

    def understood(self, turn: int = 1) -> str:
        """The final words of a turn; a failure that the page shows fails the test."""
        shown = self.page.locator(f'[data-turn="{turn}"]')
        failed = shown.locator("[data-code]")
        final = shown.locator('[data-said][data-final="true"]')
        expect(final.or_(failed).first).to_be_attached(timeout=TURN_MS)
        assert failed.count() == 0, failed.first.text_content()
        return final.inner_text().strip()

    def expect_words(self, words: str, turn: int = 1) -> None:
        """Most of `words` are understood in a turn.

        On a busy machine the browser drops pieces of the file, and the small engine a word with
        them; what it understands of whole clips is tested without a browser.
        """
        understood = self.understood(turn)
        alike = difflib.SequenceMatcher(None, understood.split(), words.split()).ratio()
        assert alike >= 0.6, f"{understood!r} for {words!r}"

    def until(self, check: Callable[[], bool], seconds: float = 30) -> None:
        """Wait for `check`; playwright's own way evals, which the page's policy bars."""
        end = time.monotonic() + seconds
        while not check():
            assert time.monotonic() < end, "it did not come true in time"
            self.page.wait_for_timeout(50)


@pytest.fixture
def open_tab(
    playwright: Playwright, chromium: str, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Tab]]:
    """Open the page in a browser of its own; the browser may complain about nothing."""
    opened: list[tuple[Browser, Tab]] = []

    def _open(
        path: str = "/chat",
        *,
        microphone: Clip | None = None,
        settings: str = PLAIN_MICROPHONE,
        prepare: Callable[[BrowserContext], None] | None = None,
        url: str | None = None,
    ) -> Tab:
        flags = list(CHROMIUM_FLAGS)
        if microphone:
            flags.append(f"--use-file-for-fake-audio-capture={microphone.path}%noloop")
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        context = browser.new_context(
            base_url=url or request.getfixturevalue("avatar_url"), locale="en-US"
        )
        context.add_init_script(LOUDSPEAKER)
        context.add_init_script(MICROPHONE)
        context.add_init_script(f"localStorage['avatar.settings'] ??= '{settings}'")
        if prepare:
            prepare(context)
        tab = Tab(context.new_page())
        tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
        tab.page.on(
            "console",
            lambda line: tab.complaints.append(line.text) if line.type == "error" else None,
        )
        opened.append((browser, tab))
        tab.page.goto(path)
        return tab

    yield _open
    for browser, _ in opened:
        browser.close()
    assert [tab.complaints for _, tab in opened if tab.complaints] == []
