"""Take the README's pictures of the page from a running AVATAR.

Usage: python web/scripts/screenshots.py http://127.0.0.1:8000
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from avatar_contract.audio import read_wav, wav_bytes

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
CLIP = ROOT / "tests" / "data" / "speech" / "weather.wav"

DESKTOP: dict[str, Any] = {"viewport": {"width": 1200, "height": 800}, "device_scale_factor": 1.5}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 780},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
LIGHT = {"color_scheme": "light"}
DARK = {"color_scheme": "dark"}


def microphone(folder: Path) -> Path:
    """The clip with a little silence around it, as people leave it."""
    pcm, rate, _ = read_wav(CLIP.read_bytes())
    path = folder / "microphone.wav"
    path.write_bytes(wav_bytes(bytes(rate) + pcm + bytes(2 * rate), rate))
    return path


def talk(page: Page) -> None:
    """Say the clip, and stop the answer in its middle."""
    page.locator("[data-talk]").hover()
    page.mouse.down()
    page.wait_for_timeout(2900)
    page.mouse.up()
    page.locator("[data-answer]").wait_for()
    page.wait_for_timeout(3000)
    page.get_by_role("button", name="Stop the answer").or_(
        page.get_by_role("button", name="停止回答")
    ).click()
    page.locator("[data-interrupted]").wait_for()


def ask(page: Page, text: str) -> None:
    """Type, and wait until the answer sounds."""
    page.locator("textarea").fill(text)
    page.keyboard.press("Enter")
    page.locator("li").nth(1).locator("[data-answer]").wait_for()
    page.wait_for_timeout(1800)
    page.mouse.move(0, 0)


def main(url: str) -> None:
    """All pictures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        flags = ["--no-sandbox", "--use-fake-device-for-media-stream"]
        flags += ["--use-fake-ui-for-media-stream"]
        flags += [f"--use-file-for-fake-audio-capture={microphone(Path(folder))}%noloop"]
        chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        looks: list[tuple[str, dict[str, Any], str]] = [
            ("talk-light", DESKTOP | LIGHT | {"locale": "en"}, "What can you do?"),
            ("talk-dark", DESKTOP | DARK | {"locale": "zh-TW"}, "你會做什麼？"),
            ("talk-phone", PHONE | LIGHT | {"locale": "zh-TW"}, "你會做什麼？"),
        ]
        for name, look, question in looks:
            page = browser.new_context(base_url=url, **look).new_page()
            page.goto("/chat")
            talk(page)
            ask(page, question)
            page.screenshot(path=IMAGES / f"{name}.png")
            page.close()
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
