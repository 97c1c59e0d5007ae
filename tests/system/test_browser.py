"""A real browser whose microphone is a wav file: it speaks, and the answer is seen and heard."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright, expect

import ensure_chromium
from avatar_contract.audio import read_wav, wav_bytes

WORDS = "hello how are you today"
FLAGS = (
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
# Listens beside the loudspeaker: whatever is connected to an AudioContext's destination.
TAP = """
window.loudest = 0;
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (target, ...rest) {
  if (target instanceof AudioDestinationNode && !(this instanceof AnalyserNode)) {
    const ear = this.context.createAnalyser();
    connect.call(this, ear);
    const samples = new Float32Array(ear.fftSize);
    setInterval(() => {
      ear.getFloatTimeDomainData(samples);
      window.loudest = Math.max(window.loudest, ...samples.map(Math.abs));
    }, 20);
  }
  return connect.call(this, target, ...rest);
};
"""

Open = Callable[[Path], Any]


@pytest.fixture(scope="session")
def chromium() -> str:
    """A Chromium that starts: `make test` has fetched one where there was none."""
    found = ensure_chromium.find()
    assert found, ensure_chromium.ADVICE
    return found


@pytest.fixture
async def open_page(chromium: str, stack: Any) -> AsyncIterator[Open]:
    """Open the page with a wav file as microphone."""
    async with async_playwright() as playwright:
        browsers: list[Browser] = []
        complaints: list[str] = []

        def note(message: ConsoleMessage) -> None:
            if message.type == "error":
                complaints.append(message.text)

        async def _open(microphone: Path) -> Page:
            browser = await playwright.chromium.launch(
                executable_path=chromium,
                args=[*FLAGS, f"--use-file-for-fake-audio-capture={microphone}%noloop"],
            )
            browsers.append(browser)
            context = await browser.new_context(locale="en-US", permissions=["microphone"])
            page = await context.new_page()
            page.on("console", note)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            await page.add_init_script(TAP)
            await page.goto(f"{stack.url}/chat")
            return page

        yield _open
        for browser in browsers:
            await browser.close()
        assert complaints == []


@pytest.fixture
def microphone(speech: Path, tmp_path: Path) -> Callable[[str], Path]:
    """A clip with silence before it: opening the microphone takes the browser a moment."""

    def padded(name: str) -> Path:
        pcm, rate, channels = read_wav((speech / f"{name}.wav").read_bytes())
        assert channels == 1
        file = tmp_path / f"{name}.wav"
        file.write_bytes(wav_bytes(bytes(2 * rate) + pcm + bytes(2 * rate), rate))
        return file

    return padded


async def hears_something(page: Page, timeout_s: float = 20) -> float:
    """The loudest sample that was played, once there is one; 0 when there was none in time."""
    for _ in range(int(timeout_s / 0.1)):
        loudest = float(await page.evaluate("window.loudest"))
        if loudest > 0.02:
            return loudest
        await asyncio.sleep(0.1)
    return 0.0


async def test_push_to_talk(open_page: Open, microphone: Any, stack: Any) -> None:
    page = await open_page(microphone("hello"))
    button = page.locator("[data-talk]")
    await expect(button).to_be_enabled(timeout=20_000)
    await button.hover()
    await page.mouse.down()
    await expect(page.get_by_text("hello", exact=False).first).to_be_visible(timeout=20_000)
    await asyncio.sleep(2.5)  # the rest of the sentence is being spoken
    await page.mouse.up()
    await expect(page.get_by_text(WORDS, exact=False).first).to_be_visible(timeout=20_000)
    assert await hears_something(page) > 0
    done = page.get_by_text("I am fine", exact=False).first
    await expect(done).to_be_visible(timeout=20_000)
    for _ in range(100):
        if httpx.get(f"{stack.url}/api/conversations", timeout=5).json()["items"]:
            break
        await asyncio.sleep(0.1)
    assert httpx.get(f"{stack.url}/api/conversations", timeout=5).json()["items"]


async def test_typing_chinese(open_page: Open, microphone: Any) -> None:
    page = await open_page(microphone("stop"))
    field = page.get_by_role("textbox")
    await expect(field).to_be_enabled(timeout=20_000)
    await field.fill("你好，你是誰？")
    await field.press("Enter")
    await expect(page.get_by_text("你好，你是誰？").first).to_be_visible(timeout=20_000)
    assert await hears_something(page) > 0


async def test_hands_free(open_page: Open, microphone: Any) -> None:
    page = await open_page(microphone("hello"))
    switch = page.get_by_role("switch").first
    await expect(switch).to_be_enabled(timeout=20_000)
    await switch.click()
    await expect(page.get_by_text(WORDS, exact=False).first).to_be_visible(timeout=20_000)
    assert await hears_something(page) > 0


@pytest.mark.parametrize("route", ["voice-profiles", "history", "status", "settings"])
async def test_every_page_opens(open_page: Open, microphone: Any, stack: Any, route: str) -> None:
    page = await open_page(microphone("stop"))
    await page.goto(f"{stack.url}/{route}")
    await expect(page.get_by_role("heading").first).to_be_visible(timeout=20_000)
