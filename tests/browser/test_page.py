"""The page around the talking: routes, breaks, microphones that aren't there, access for all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, WebSocketRoute, expect

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
ROUTES = ["/chat", "/voice-profiles", "/history", "/status", "/settings"]
TURN_MS = 30_000
AUDIBLE = 0.02
FIRST_LOAD_BYTES = 165_000

Open = Callable[..., Any]
Spoken = Callable[..., Any]


def is_stored(page: Page) -> None:
    """Wait until the answer was heard and kept."""
    replay = page.get_by_role("button", name="Play the answer again")
    expect(replay).to_be_visible(timeout=TURN_MS)


def relay(context: BrowserContext, sockets: list[WebSocketRoute]) -> None:
    """Put the page's sockets into `sockets`, so that a test can break them."""

    def route(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        sockets.append(socket)

    context.route_web_socket("**/ws/chat", route)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_use_it(open_tab: Open, theme: str) -> None:
    tab = open_tab(settings=f'{{"locale": "en", "theme": "{theme}"}}')
    for route in ROUTES:
        tab.page.goto(route)
        tab.page.wait_for_load_state("networkidle")
        tab.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = tab.page.evaluate("axe.run().then(result => result.violations)")
        broken = [(one["id"], [node["html"] for node in one["nodes"]]) for one in found]
        assert broken == [], route


def test_the_first_load_is_small(open_tab: Open) -> None:
    tab = open_tab()
    expect(tab.page.get_by_text("Ready", exact=True)).to_be_visible(timeout=TURN_MS)
    tab.page.wait_for_load_state("networkidle")
    sizes = tab.page.evaluate(
        "performance.getEntries().filter(one => 'transferSize' in one)"
        ".map(one => [one.name, one.transferSize])"
    )
    assert sum(size for _, size in sizes) < FIRST_LOAD_BYTES, sizes


def test_a_break_is_mended_and_nothing_typed_is_lost(open_tab: Open) -> None:
    sockets: list[WebSocketRoute] = []

    tab = open_tab(prepare=lambda context: relay(context, sockets))
    expect(tab.page.get_by_text("Ready", exact=True)).to_be_visible(timeout=TURN_MS)
    sockets[0].close(code=1012)
    expect(tab.page.get_by_text("Connection lost")).to_be_visible()
    tab.page.get_by_label("Type a message").fill("What are you?")
    tab.page.keyboard.press("Enter")
    answer = tab.page.locator('[data-turn="1"] [data-answer]')
    expect(answer).to_contain_text("demo responder", timeout=TURN_MS)
    assert len(sockets) > 1


def test_a_break_in_the_middle_of_a_word_loses_none(open_tab: Open, spoken: Spoken) -> None:
    sockets: list[WebSocketRoute] = []
    clip = spoken("homework")
    tab = open_tab(microphone=clip, prepare=lambda context: relay(context, sockets))
    expect(tab.page.get_by_text("Ready", exact=True)).to_be_visible(timeout=TURN_MS)
    tab.page.get_by_role("button", name="Hold to talk").hover()
    tab.page.mouse.down()
    expect(tab.page.locator("html")).to_have_attribute("data-microphone", "open")
    tab.page.wait_for_timeout(1200)
    sockets[0].close(code=1012)
    tab.page.wait_for_timeout(1000 * clip.seconds - 1200)
    tab.page.mouse.up()
    tab.expect_words("can you help me with my homework")
    expect(tab.page.locator("[data-said]")).to_have_count(1)
    assert len(sockets) > 1


def test_a_correction_is_answered_and_both_texts_are_kept(
    open_tab: Open, spoken: Spoken, avatar_url: str
) -> None:
    clip = spoken("time")
    tab = open_tab(microphone=clip)
    expect(tab.page.get_by_text("Ready", exact=True)).to_be_visible(timeout=TURN_MS)
    tab.hold(clip)
    recognised = tab.understood()
    tab.page.get_by_role("button", name="Correct what was understood").click()
    tab.page.get_by_label("What you really said").fill("What is 30 plus 12?")
    tab.page.keyboard.press("Enter")
    expect(tab.page.locator("[data-answer]")).to_contain_text("42", timeout=TURN_MS)
    expect(tab.page.locator("[data-said]")).to_have_count(1)

    def kept() -> tuple[Any, Any]:
        listed = httpx.get(f"{avatar_url}/api/conversations").json()["items"]
        view = httpx.get(f"{avatar_url}/api/conversation/{listed[0]['id']}").json()
        turn = view["turns"][-1] if view["turns"] else {}
        return turn.get("recognised_text"), turn.get("edited_text")

    tab.until(lambda: kept() == (recognised, "What is 30 plus 12?"))


def test_an_answer_is_played_again(open_tab: Open) -> None:
    tab = open_tab()
    tab.page.get_by_label("Type a message").fill("What time is it?")
    tab.page.keyboard.press("Enter")
    tab.page.get_by_role("button", name="Play the answer again").click(timeout=TURN_MS)
    expect(tab.page.get_by_role("button", name="Stop playing")).to_be_visible()
    expect(tab.page.get_by_role("button", name="Play the answer again")).to_be_visible(
        timeout=TURN_MS
    )


def test_a_refused_microphone_is_explained(open_tab: Open) -> None:
    refuse = """navigator.mediaDevices.getUserMedia = () =>
        Promise.reject(new DOMException("no", "NotAllowedError"))"""
    tab = open_tab(prepare=lambda context: context.add_init_script(refuse))
    tab.page.get_by_role("button", name="Hold to talk").click()
    expect(tab.page.get_by_text("The browser was told not to let this page listen")).to_be_visible()


def test_engines_and_their_licences_are_told(open_tab: Open) -> None:
    tab = open_tab()
    tab.page.get_by_role("button", name="Built-in engines").click()
    dialog = tab.page.get_by_role("dialog")
    for words in ("pocketsphinx", "espeak-ng", "GPL", "What they can't do"):
        expect(dialog).to_contain_text(words)


def test_a_conversation_is_found_again(open_tab: Open) -> None:
    tab = open_tab()
    tab.page.get_by_label("Type a message").fill("Remember the persimmon")
    tab.page.keyboard.press("Enter")
    expect(tab.page.locator('[data-turn="1"] [data-answer]')).to_be_visible(timeout=TURN_MS)
    is_stored(tab.page)
    tab.page.get_by_role("link", name="History").click()
    tab.page.get_by_label("Search what was said").fill("persimmon")
    tab.page.locator("mark", has_text="persimmon").first.click()
    expect(tab.page.get_by_text("Remember the persimmon").first).to_be_visible()
    expect(tab.page.get_by_label("What AVATAR said").first).to_be_visible()


def test_the_language_changes_at_once_and_stays(open_tab: Open) -> None:
    tab = open_tab("/settings")
    tab.page.get_by_role("button", name="切換為繁體中文").click()
    expect(tab.page.get_by_role("heading", level=1)).to_have_text("設定")
    tab.page.reload()
    expect(tab.page.locator("html")).to_have_attribute("lang", "zh-Hant-TW")
    expect(tab.page.get_by_role("heading", level=1)).to_have_text("設定")


def test_pages_by_plain_http_sound_too(open_tab: Open) -> None:
    """Browsers keep the audio thread, and the microphone, from pages that aren't secure."""
    insecure = """
    Object.defineProperty(BaseAudioContext.prototype, "audioWorklet", {get: () => undefined});
    Object.defineProperty(navigator, "mediaDevices", {get: () => undefined});
    Object.defineProperty(window, "isSecureContext", {get: () => false});
    """
    tab = open_tab(prepare=lambda context: context.add_init_script(insecure))
    tab.page.get_by_label("Type a message").fill("What time is it?")
    tab.page.keyboard.press("Enter")
    is_stored(tab.page)
    expect(tab.page.locator("[data-interrupted]")).to_have_count(0)
    tab.until(lambda: bool(tab.loudest() > AUDIBLE))
    tab.page.get_by_role("button", name="Hold to talk").click()
    expect(
        tab.page.get_by_text("Browsers give a microphone only to pages opened by https")
    ).to_be_visible()


def test_a_turn_is_deleted(open_tab: Open, avatar_url: str) -> None:
    tab = open_tab()
    tab.page.get_by_label("Type a message").fill("Repeat after me: celadon")
    tab.page.keyboard.press("Enter")
    expect(tab.page.locator('[data-turn="1"] [data-answer]')).to_be_visible(timeout=TURN_MS)
    is_stored(tab.page)
    tab.page.get_by_role("link", name="History").click()
    tab.page.get_by_label("Search what was said").fill("celadon")
    tab.page.locator("mark", has_text="celadon").first.click()
    tab.page.on("dialog", lambda dialog: dialog.accept())
    tab.page.get_by_role("button", name="Delete this turn").click()
    expect(tab.page.get_by_role("button", name="Delete this turn")).to_have_count(0)
    found = httpx.get(f"{avatar_url}/api/conversations", params={"q": "celadon"}).json()
    assert found["items"] == []


def test_a_page_that_could_not_be_loaded_says_so_and_can_be_tried_again(open_tab: Open) -> None:
    tab = open_tab()
    expect(tab.page.get_by_text("Ready", exact=True)).to_be_visible(timeout=TURN_MS)
    away = ["**/assets/StatusPage*", "**/health"]
    for address in away:
        tab.page.context.route(address, lambda route: route.abort())
    tab.page.get_by_role("link", name="Status").click()
    note = tab.page.get_by_role("alert")
    expect(note).to_contain_text("the server can't be reached", timeout=TURN_MS)
    for address in away:
        tab.page.context.unroute(address)
    note.get_by_role("button", name="Try again").click()
    expect(tab.page.get_by_role("heading", name="Status")).to_be_visible(timeout=TURN_MS)
    # The browser complains about each file that it did not get.
    tab.complaints.clear()
