"""Somebody talks to the page: words show, sound comes out, and all of it is stored."""

import re
from collections.abc import Callable
from typing import Any

import httpx
from playwright.sync_api import Locator, Page, expect

AUDIBLE = 0.02
"""Peak of full scale that no silence or dither reaches."""

TURN_MS = 30_000
ANSWER = re.compile(r"\w+ \w+")

Open = Callable[..., Any]
Spoken = Callable[..., Any]


def said(page: Page, turn: int = 1) -> Locator:
    """What the page understood in a turn."""
    return page.locator(f'[data-turn="{turn}"] [data-said]')


def answered(page: Page, turn: int = 1) -> Locator:
    """What it answered."""
    return page.locator(f'[data-turn="{turn}"] [data-answer]')


def idle(page: Page) -> None:
    expect(page.get_by_role("status").get_by_text("Ready", exact=True)).to_be_visible(
        timeout=TURN_MS
    )


def stored(url: str, words: str) -> dict[str, Any] | None:
    """The turn in which `words` were said, as the store has it."""
    for item in httpx.get(f"{url}/api/conversations").json()["items"]:
        for turn in httpx.get(f"{url}/api/conversation/{item['id']}").json()["turns"]:
            if turn["user_text"] == words:
                return dict(turn)
    return None


def test_hold_to_talk(open_tab: Open, spoken: Spoken) -> None:
    clip = spoken("hello")
    tab = open_tab(microphone=clip)
    idle(tab.page)
    tab.hold(clip)
    tab.expect_words("hello how are you today")
    expect(answered(tab.page)).to_contain_text(ANSWER)
    idle(tab.page)
    assert tab.loudest() > AUDIBLE


def test_words_show_while_one_speaks(open_tab: Open, spoken: Spoken) -> None:
    clip = spoken("homework")
    tab = open_tab(microphone=clip)
    idle(tab.page)
    tab.page.get_by_role("button", name="Hold to talk").hover()
    tab.page.mouse.down()
    # The button stays down meanwhile, so the words are none of the final ones.
    expect(said(tab.page)).to_contain_text("can", timeout=TURN_MS)
    expect(said(tab.page)).to_have_attribute("data-final", "false")
    tab.page.mouse.up()
    tab.understood()


def test_the_space_bar_talks(open_tab: Open, spoken: Spoken) -> None:
    clip = spoken("time")
    tab = open_tab(microphone=clip)
    idle(tab.page)
    tab.page.keyboard.down("Space")
    tab.speak(clip)
    tab.page.keyboard.up("Space")
    tab.expect_words("what time is it")


def test_the_keyboard_alone_talks(open_tab: Open, spoken: Spoken) -> None:
    clip = spoken("time")
    tab = open_tab(microphone=clip)
    idle(tab.page)
    tab.page.get_by_role("button", name="Hold to talk").focus()
    tab.page.keyboard.press("Enter")
    expect(tab.page.get_by_role("button", name="Press again to send")).to_be_visible()
    tab.speak(clip)
    tab.page.keyboard.press("Enter")
    tab.expect_words("what time is it")


def test_webm_gives_the_same_words(open_tab: Open, spoken: Spoken) -> None:
    clip = spoken("weather")
    settings = '{"processed": false, "locale": "en", "microphone": "webm"}'
    tab = open_tab(microphone=clip, settings=settings)
    idle(tab.page)
    tab.hold(clip)
    tab.expect_words("what is the weather like today")


def test_json_sound_both_ways(open_tab: Open, spoken: Spoken) -> None:
    clip = spoken("time")
    settings = '{"processed": false, "locale": "en", "transport": "json"}'
    tab = open_tab(microphone=clip, settings=settings)
    idle(tab.page)
    tab.hold(clip)
    tab.expect_words("what time is it")
    idle(tab.page)
    assert tab.loudest() > AUDIBLE


def test_chinese_is_typed_and_spoken_back(open_tab: Open) -> None:
    tab = open_tab(settings='{"locale": "zh-TW"}')
    tab.page.get_by_label("輸入訊息").fill("現在幾點？")
    tab.page.keyboard.press("Enter")
    expect(answered(tab.page)).to_contain_text(re.compile(r"[一-鿿]{4}"), timeout=TURN_MS)
    expect(tab.page.get_by_text("就緒", exact=True)).to_be_visible(timeout=TURN_MS)
    assert tab.loudest() > AUDIBLE


def test_hands_free_turns_follow_one_another(open_tab: Open, spoken: Spoken) -> None:
    clip = spoken("time", "hello", between_s=9)
    tab = open_tab(microphone=clip)
    idle(tab.page)
    tab.page.get_by_role("switch", name="Hands-free").click()
    tab.expect_words("what time is it", turn=1)
    expect(answered(tab.page, 1)).to_contain_text(ANSWER, timeout=TURN_MS)
    tab.expect_words("hello how are you today", turn=2)
    expect(answered(tab.page, 2)).to_contain_text(ANSWER, timeout=TURN_MS)
    assert tab.loudest() > AUDIBLE


def test_page_and_store_agree_on_what_was_heard(open_tab: Open, avatar_url: str) -> None:
    tab = open_tab()
    tab.page.get_by_label("Type a message").fill("Tell me a story")
    tab.page.keyboard.press("Enter")
    tab.until(lambda: bool(tab.loudest() > AUDIBLE))
    # The person listens for a moment: of a word that was only begun nothing counts as heard.
    tab.page.wait_for_timeout(1500)
    tab.page.get_by_role("switch", name="Hands-free").focus()
    tab.page.keyboard.press("Escape")
    expect(tab.page.locator("[data-interrupted]")).to_be_visible(timeout=TURN_MS)
    heard = answered(tab.page).evaluate("words => words.firstChild.textContent")

    tab.until(lambda: stored(avatar_url, "Tell me a story") is not None)
    turn = stored(avatar_url, "Tell me a story")
    assert turn
    assert turn["interrupted"]
    assert turn["heard_text"]
    assert turn["heard_text"].strip() == heard.strip()
    assert len(turn["heard_text"]) < len(turn["ai_text"])


def test_hands_free_in_webm(open_tab: Open, spoken: Spoken) -> None:
    clip = spoken("time", "sum", between_s=7)
    settings = '{"processed": false, "locale": "en", "microphone": "webm"}'
    tab = open_tab(microphone=clip, settings=settings)
    idle(tab.page)
    tab.page.get_by_role("switch", name="Hands-free").click()
    tab.expect_words("what time is it", turn=1)
    tab.expect_words("what is two plus two", turn=2)


def test_speaking_over_the_answer_stops_it(open_tab: Open, spoken: Spoken) -> None:
    clip = spoken("story", "weather", between_s=4)
    tab = open_tab(microphone=clip)
    idle(tab.page)
    tab.page.get_by_role("switch", name="Hands-free").click()
    tab.expect_words("tell me a story", turn=1)
    tab.expect_words("what is the weather like today", turn=2)
    expect(tab.page.locator('[data-turn="1"] [data-interrupted]')).to_be_visible(timeout=TURN_MS)
    expect(answered(tab.page, 2)).to_contain_text(ANSWER, timeout=TURN_MS)


def test_hands_free_goes_on_when_the_page_is_loaded_again(open_tab: Open, spoken: Spoken) -> None:
    clip = spoken("time", before_s=2)
    tab = open_tab(
        microphone=clip,
        settings='{"processed": false, "locale": "en", "handsFree": true}',
        prepare=lambda context: context.grant_permissions(["microphone"]),
    )
    # Nobody touches the page.
    tab.expect_words("what time is it")
    expect(answered(tab.page)).to_contain_text(ANSWER, timeout=TURN_MS)
    tab.until(lambda: bool(tab.loudest() > AUDIBLE))
