"""Somebody speaks Mandarin to the page, and the default engines hear and speak it."""

import json
import re
from collections.abc import Callable
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

KOKORO = Path(__file__).resolve().parents[1] / "data" / "kokoro"
TURN_MS = 60_000
ALIKE = 0.7
"""Share of the characters that a small recogniser gets right at least."""

pytestmark = pytest.mark.real


def characters(text: str) -> str:
    """The Chinese characters alone, and the digits."""
    return re.sub(r"[^\u3400-\u9fff0-9]", "", text)


def alike(one: str, other: str) -> float:
    return SequenceMatcher(None, characters(one), characters(other)).ratio()


@pytest.mark.timeout(300)
def test_spoken_chinese_is_answered_in_spoken_chinese(
    open_tab: Callable[..., Any],
    start_avatar: Callable[..., str],
    spoken: Callable[..., Any],
) -> None:
    url = start_avatar(AVATAR_PROFILE="embedded")
    clip = spoken("zh-00", folder=KOKORO)
    settings = '{"processed": false, "locale": "zh-TW"}'
    tab = open_tab(microphone=clip, settings=settings, url=url)
    expect(tab.page.get_by_text("就緒", exact=True)).to_be_visible(timeout=TURN_MS)
    tab.page.get_by_role("button", name="按住說話").hover()
    tab.page.mouse.down()
    tab.speak(clip)
    tab.page.mouse.up()
    wanted = json.loads((KOKORO / "words.json").read_text("utf-8"))["zh-00"]
    assert alike(tab.understood(), wanted) >= ALIKE
    expect(tab.page.get_by_text("就緒", exact=True)).to_be_visible(timeout=TURN_MS)
    tab.until(lambda: bool(tab.loudest() > 0.02))

    turn = stored(tab, url)
    assert len(characters(turn["ai_text"])) > 4
    sound = httpx.get(f"{url}/api/turn/{turn['turn_id']}/audio/ai", timeout=30)
    heard = httpx.post(
        f"{url}/v1/audio/transcriptions",
        files={"file": ("answer.wav", sound.content)},
        data={"model": "whisper-1", "language": "zh"},
        timeout=60,
    )
    assert alike(heard.json()["text"], turn["ai_text"]) >= ALIKE


def stored(tab: Any, url: str) -> dict[str, Any]:
    """The turn as it was kept, with its sound."""
    found: list[dict[str, Any]] = []

    def kept() -> bool:
        items = httpx.get(f"{url}/api/conversations").json()["items"]
        if not items:
            return False
        turns = httpx.get(f"{url}/api/conversation/{items[0]['id']}").json()["turns"]
        found[:] = [turn for turn in turns if turn["ai_audio_ms"]]
        return bool(found)

    tab.until(kept)
    return found[0]
