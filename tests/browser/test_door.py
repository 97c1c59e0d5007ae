"""A house with a key and one chair: the page asks for the one and waits for the other."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

READY_MS = 30_000
KEY = "a-key-for-this-test-only-0123456789"

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def door(start_avatar: Callable[..., str]) -> str:
    return start_avatar(AUTH="api_key", AVATAR_API_KEY=KEY, MAX_SESSIONS="1")


def show_key(page: Page, key: str) -> None:
    expect(page.get_by_role("heading", name="AVATAR is locked")).to_be_visible(timeout=READY_MS)
    page.get_by_label("Access key").fill(key)
    page.keyboard.press("Enter")


def is_ready(page: Page) -> None:
    expect(page.get_by_text("Ready", exact=True)).to_be_visible(timeout=READY_MS)


def forgive_refusals(tab: Any) -> None:
    """A browser writes an error down for every refusal, however expected."""
    refusals = [line for line in tab.complaints if "401" in line or "WebSocket" in line]
    assert tab.complaints == refusals
    tab.complaints.clear()


def test_the_key_is_asked_for_once(door: str, open_tab: Open) -> None:
    tab = open_tab(url=door)
    show_key(tab.page, "not the key")
    expect(tab.page.get_by_role("alert")).to_contain_text("You need a key")
    show_key(tab.page, KEY)
    is_ready(tab.page)
    tab.page.reload()
    is_ready(tab.page)
    assert KEY not in tab.page.evaluate("document.cookie + JSON.stringify(localStorage)")
    forgive_refusals(tab)


def test_the_next_one_waits_for_a_place(door: str, open_tab: Open) -> None:
    first = open_tab(url=door)
    show_key(first.page, KEY)
    is_ready(first.page)
    second = open_tab(url=door)
    show_key(second.page, KEY)
    full = second.page.get_by_text("All places are taken.")
    expect(full).to_be_visible(timeout=READY_MS)
    first.page.close()
    is_ready(second.page)
    expect(full).to_be_hidden()
    forgive_refusals(first)
    forgive_refusals(second)
