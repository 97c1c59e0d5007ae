"""A conversation outlives its socket and its page; where it does not, the page says so."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from playwright.sync_api import BrowserContext, Page, WebSocketRoute, expect

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
TURN_MS = 30_000
AUDIBLE = 0.02
LONG = "Repeat after me: the first of three, a little longer. The second of them. And the last one."
"""Its answer takes some seconds to say, in several clauses."""

Open = Callable[..., Any]


def relay(context: BrowserContext, sockets: list[WebSocketRoute]) -> None:
    """Put the page's sockets into `sockets`, so that a test can break them."""

    def route(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        sockets.append(socket)

    context.route_web_socket("**/ws/chat", route)


def ready(page: Page) -> None:
    expect(page.get_by_text("Ready", exact=True)).to_be_visible(timeout=TURN_MS)


def ask(page: Page, text: str) -> None:
    page.get_by_label("Type a message").fill(text)
    page.keyboard.press("Enter")


def answered(page: Page, turn: int, words: str) -> None:
    """Wait until a turn was answered with `words`, heard, and kept."""
    this = page.locator(f'[data-turn="{turn}"]')
    expect(this.locator("[data-answer]")).to_contain_text(words, timeout=TURN_MS)
    replay = this.get_by_role("button", name="Play the answer again")
    expect(replay).to_be_visible(timeout=TURN_MS)


def kept(page: Page) -> dict[str, Any]:
    """What the tab remembers of its conversation."""
    return dict(json.loads(page.evaluate("sessionStorage['avatar.conversation']")))


def stored(url: str, page: Page) -> list[dict[str, Any]]:
    """The turns of the tab's conversation, as the store has them."""
    answer = httpx.get(f"{url}/api/conversation/{kept(page)['sessionId']}")
    return list(answer.json()["turns"]) if answer.status_code == 200 else []


def told(page: Page, notice: dict[str, Any], sockets: list[WebSocketRoute]) -> None:
    """The server says something that is no part of its numbered messages."""
    sockets[-1].send(json.dumps({"type": "notice", "seq": 0, "message": "", **notice}))


def everybody_can_use(page: Page) -> None:
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run().then(result => result.violations)")
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


def test_a_cut_in_the_middle_of_an_answer_is_not_heard(open_tab: Open, avatar_url: str) -> None:
    sockets: list[WebSocketRoute] = []
    tab = open_tab(prepare=lambda context: relay(context, sockets))
    ready(tab.page)
    before = kept(tab.page)["sessionId"]
    ask(tab.page, LONG)
    tab.until(lambda: bool(tab.loudest() > AUDIBLE))
    sockets[0].close(code=1012)
    answered(tab.page, 1, ".")
    assert len(sockets) > 1
    assert kept(tab.page)["sessionId"] == before
    expect(tab.page.locator("[data-interrupted]")).to_have_count(0)
    expect(tab.page.locator("[data-turn]")).to_have_count(1)
    tab.until(lambda: len(stored(avatar_url, tab.page)) == 1)
    turn = stored(avatar_url, tab.page)[0]
    assert not turn["interrupted"]
    assert turn["heard_text"] == turn["ai_text"]


def test_a_turn_is_done_once_whatever_is_cut(open_tab: Open, avatar_url: str) -> None:
    """The connection breaks as soon as anything was said, three times over."""
    sockets: list[WebSocketRoute] = []
    tab = open_tab(prepare=lambda context: relay(context, sockets))
    ready(tab.page)
    for number, text in enumerate(("My name is Ada.", "What is 12 times 7?", "What is my name?")):
        ask(tab.page, text)
        sockets[-1].close(code=1006 if number == 1 else 1012)
        answered(tab.page, number + 1, ("Ada", "84", "Ada")[number])
    tab.until(lambda: len(stored(avatar_url, tab.page)) == 3)
    assert [turn["turn_number"] for turn in stored(avatar_url, tab.page)] == [1, 2, 3]


def test_a_reload_keeps_the_conversation_and_its_memory(open_tab: Open) -> None:
    tab = open_tab()
    ask(tab.page, "My name is Ada.")
    answered(tab.page, 1, "Ada")
    before = kept(tab.page)["sessionId"]
    tab.page.reload()
    expect(tab.page.locator('[data-turn="1"] [data-said]')).to_have_text("My name is Ada.")
    ready(tab.page)
    ask(tab.page, "What is my name?")
    answered(tab.page, 2, "Ada")
    assert kept(tab.page)["sessionId"] == before
    tab.page.get_by_role("button", name="New conversation").click()
    ask(tab.page, "What is my name?")
    expect(tab.page.locator('[data-turn="1"] [data-answer]')).to_be_visible(timeout=TURN_MS)
    expect(tab.page.locator('[data-turn="1"] [data-answer]')).not_to_contain_text("Ada")
    assert kept(tab.page)["sessionId"] != before


def test_a_reload_goes_on_with_the_answer_under_way(open_tab: Open, avatar_url: str) -> None:
    tab = open_tab()
    ask(tab.page, LONG)
    tab.until(lambda: bool(tab.loudest() > AUDIBLE))
    tab.until(lambda: (kept(tab.page).get("heard") or {}).get("playedMs", 0) > 500)
    tab.page.reload()
    ready(tab.page)
    tab.page.get_by_label("Type a message").click()
    tab.until(lambda: len(stored(avatar_url, tab.page)) == 1)
    said = tab.page.locator('[data-turn="1"] [data-said]')
    expect(said).to_have_text(LONG)
    expect(said).to_have_count(1)
    whole = stored(avatar_url, tab.page)[0]["ai_text"]
    expect(tab.page.locator('[data-turn="1"] [data-answer]')).to_have_text(whole)


def gateway_of(url: str) -> psutil.Process:
    """The process that listens at `url`."""
    port = urlsplit(url).port
    listening = (c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN)
    return psutil.Process(next(c.pid for c in listening if getattr(c.laddr, "port", 0) == port))


def test_a_killed_gateway_is_come_back_to(open_tab: Open, start_avatar: Callable[..., str]) -> None:
    url = start_avatar()
    tab = open_tab(url=url)
    ask(tab.page, "My name is Ada.")
    answered(tab.page, 1, "Ada")
    before = kept(tab.page)["sessionId"]
    gateway_of(url).kill()
    expect(tab.page.get_by_text("Connection lost")).to_be_visible()
    ask(tab.page, "What is my name?")
    answered(tab.page, 2, "Ada")
    assert kept(tab.page)["sessionId"] == before
    assert [turn["turn_number"] for turn in stored(url, tab.page)] == [1, 2]
    # A browser writes an error down for every connection that nobody takes.
    assert [line for line in tab.complaints if "ERR_CONNECTION" not in line] == []
    tab.complaints.clear()


def test_history_goes_on_with_an_old_conversation(open_tab: Open) -> None:
    tab = open_tab()
    ask(tab.page, "My name is Persimmon.")
    answered(tab.page, 1, "Persimmon")
    before = kept(tab.page)["sessionId"]
    tab.page.get_by_role("button", name="New conversation").click()
    ready(tab.page)
    tab.until(lambda: kept(tab.page)["sessionId"] != before)
    tab.page.goto(f"/history/{before}")
    tab.page.get_by_role("button", name="Continue").click()
    expect(tab.page.locator('[data-turn="1"] [data-said]')).to_have_text("My name is Persimmon.")
    ready(tab.page)
    ask(tab.page, "What is my name?")
    answered(tab.page, 2, "Persimmon")
    assert kept(tab.page)["sessionId"] == before


@pytest.mark.parametrize(
    ("locale", "words", "label"),
    [
        ("en", "This is a new conversation.", "Type a message"),
        ("zh-TW", "這是新的對話。", "輸入訊息"),
    ],
)
def test_that_it_can_not_go_on_is_said(open_tab: Open, locale: str, words: str, label: str) -> None:
    tab = open_tab(settings=json.dumps({"locale": locale}))
    tab.page.get_by_label(label).fill("Hello")
    tab.page.keyboard.press("Enter")
    expect(tab.page.locator("[data-turn] details").first).to_be_visible(timeout=TURN_MS)
    before = kept(tab.page)
    tab.until(lambda: bool(tab.page.locator("[data-turn] button").count()))
    forgotten = json.dumps({**before, "token": "a-token-that-nobody-made"})
    tab.page.evaluate(f"sessionStorage['avatar.conversation'] = {json.dumps(forgotten)}")
    tab.page.reload()
    note = tab.page.locator("[data-lost=true]")
    expect(note).to_contain_text(words, timeout=TURN_MS)
    expect(note.get_by_role("link")).to_have_attribute("href", f"/history/{before['sessionId']}")
    expect(tab.page.locator("[data-said]")).to_have_text("Hello")
    expect(tab.page.locator("[data-divider]")).to_be_visible()
    everybody_can_use(tab.page)
    assert kept(tab.page)["sessionId"] != before["sessionId"]


def test_another_tab_has_a_conversation_of_its_own(open_tab: Open) -> None:
    tab = open_tab()
    ready(tab.page)
    with tab.page.expect_popup() as opened:
        tab.page.evaluate("void window.open('/chat')")
    copy = opened.value
    ready(copy)
    assert kept(copy)["sessionId"] != kept(tab.page)["sessionId"]
    ask(tab.page, "What is 12 times 7?")
    answered(tab.page, 1, "84")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_is_away_is_told_to_everybody(open_tab: Open, theme: str) -> None:
    sockets: list[WebSocketRoute] = []
    tab = open_tab(
        settings=json.dumps({"locale": "en", "theme": theme}),
        prepare=lambda context: relay(context, sockets),
    )
    ready(tab.page)
    for stage in ("stt", "llm", "tts_fast", "profile"):
        told(tab.page, {"code": "ENGINE_AWAY", "stage": stage}, sockets)
    told(tab.page, {"code": "GOING_AWAY"}, sockets)
    note = tab.page.locator("[data-away]")
    expect(note).to_have_attribute("data-away", "answers hearing voice store")
    for words in ("no answers for now", "Typing works", "shown, not spoken", "kept on the server"):
        expect(note).to_contain_text(words)
    expect(tab.page.get_by_text("Ready", exact=True)).to_have_count(0)
    everybody_can_use(tab.page)
    for stage in ("stt", "llm", "tts_fast", "profile"):
        told(tab.page, {"code": "ENGINE_BACK", "stage": stage}, sockets)
    expect(note).to_be_empty()
    ready(tab.page)
