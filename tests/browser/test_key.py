"""Where the operator asks for a key, the page asks for it, once."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

READY_MS = 30_000
KEY = "a-key-for-this-test-only-0123456789"

Open = Callable[..., Any]


def test_the_key_is_asked_for_and_kept(start_avatar: Callable[..., str], open_tab: Open) -> None:
    url = start_avatar(AUTH="api_key", AVATAR_API_KEY=KEY)
    tab = open_tab(url=url)
    expect(tab.page.get_by_role("heading", name="AVATAR is locked")).to_be_visible(timeout=READY_MS)
    field = tab.page.get_by_label("Access key")
    field.fill("not the key")
    tab.page.keyboard.press("Enter")
    expect(tab.page.get_by_role("alert")).to_contain_text("You need a key")
    field.fill(KEY)
    tab.page.keyboard.press("Enter")
    expect(tab.page.get_by_text("Ready", exact=True)).to_be_visible(timeout=READY_MS)
    tab.page.reload()
    expect(tab.page.get_by_text("Ready", exact=True)).to_be_visible(timeout=READY_MS)
    assert KEY not in tab.page.evaluate("document.cookie + JSON.stringify(localStorage)")
    refusals = [line for line in tab.complaints if "401" in line or "WebSocket" in line]
    assert tab.complaints == refusals
    tab.complaints.clear()
