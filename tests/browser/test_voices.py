"""Somebody gives AVATAR a voice, hears it, and takes it away again."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

WORK_MS = 30_000
AUDIBLE = 0.02

Open = Callable[..., Any]
Spoken = Callable[..., Any]


def agree(page: Page, name: str) -> None:
    """Fill in who it is, with their consent, and add the voice."""
    page.get_by_label("Name").fill(name)
    page.get_by_label("Whose voice it is").fill("Test Speaker")
    page.get_by_label("agreed to its use here").check()
    page.get_by_role("button", name="Add the voice").click()


def test_a_voice_from_a_file(open_tab: Open, spoken: Spoken) -> None:
    clip = spoken("homework", "coffee", "weather", "hello", between_s=0.2)
    tab = open_tab("/voice-profiles")
    tab.page.get_by_label("Recording", exact=True).set_input_files(clip.path)
    agree(tab.page, "From a file")
    card = tab.page.locator("li", has_text="From a file")
    expect(card).to_be_visible(timeout=WORK_MS)
    card.get_by_role("button", name="Details").click()
    expect(card.get_by_text("Agreed to by Test Speaker")).to_be_visible()
    expect(card.get_by_role("group", name="The recording")).to_be_visible()
    card.get_by_label("Name").fill("Renamed")
    card.get_by_role("button", name="Save").click()
    card = tab.page.locator("li", has_text="Renamed")
    with tab.page.expect_response("**/test") as answered:
        card.get_by_role("button", name="Hear it").click()
    assert answered.value.ok
    tab.page.on("dialog", lambda dialog: dialog.accept())
    card.get_by_role("button", name="Delete").click()
    expect(card).to_have_count(0)


def test_a_voice_spoken_into_the_microphone(open_tab: Open, spoken: Spoken) -> None:
    clip = spoken("homework", "coffee", "weather", "hello", between_s=0.2)
    tab = open_tab("/voice-profiles", microphone=clip)
    tab.page.get_by_role("button", name="Record now").click()
    expect(tab.page.get_by_text("Recording: 7 s")).to_be_visible(timeout=WORK_MS)
    tab.page.get_by_role("button", name="Stop recording").click()
    expect(tab.page.get_by_text("Chosen: recording.webm")).to_be_visible()
    agree(tab.page, "Spoken")
    expect(tab.page.locator("li", has_text="Spoken")).to_be_visible(timeout=WORK_MS)
