"""Turn-taking on audio time: what is reported, when, and exactly once."""

import dataclasses

import pytest

from avatar_contract.errors import SttUnavailable
from stt_service.hearing.patience import Patience
from stt_service.listening.policy import Policy
from stt_service.listening.scribe import Pace


def waited(event) -> float:
    """Silence before the endpoint, ms of audio."""
    return event.timings["endpoint_wait"]


async def test_the_order_of_events(studios):
    script = studios.Script().rest(400).say("what", "time", "is", "it").rest(1500)
    async with studios.studio(script) as studio:
        await studio.play()
        kinds = studio.kinds()
        assert (kinds[0], kinds[-1]) == ("speech_started", "final")
        assert kinds.index("partial") < kinds.index("pause") < kinds.index("final")
        final = studio.of("final")[0]
        assert (final.text, final.revision, final.utterance) == ("what time is it", 1, 1)
        assert studio.of("pause")[0].audio_ms == pytest.approx(400 + 4 * 192, abs=8)


async def test_words_of_half_a_second_are_not_shown_before_a_pause(studios):
    """What a recogniser makes of half a word is mostly invented."""
    script = studios.Script().rest(600).say("stop").rest(40).say("talking").rest(2000)
    async with studios.studio(script) as studio:
        await studio.play((600 + 192 + 36) * 32)
        assert studio.recogniser.settles == 1
        assert studio.of("partial") == []
        await studio.play()
        assert studio.of("final")[0].text == "stop talking"


async def test_doubtful_words_are_told_when_they_are_final_only(studios):
    script = studios.Script().rest(600).say("what", "time", "is", "it", "now").rest(2000)
    async with studios.studio(script, doubtful=True) as studio:
        await studio.play()
        assert studio.kinds() == ["speech_started", "final"]


async def test_an_ending_is_hurried(studios):
    script = studios.Script().rest(600).say("what", "time", "is", "it").rest(2000)
    async with studios.studio(script) as studio:
        await studio.play((600 + 4 * 192 + 200) * 32)
        assert not studio.recogniser.opened[0].hurried
        await studio.play()
        assert studio.recogniser.opened[0].hurried


async def test_a_pause_comes_within_tens_of_milliseconds(studios):
    script = studios.Script().rest(400).say("tell", "me", "a", "story").rest(400)
    async with studios.studio(script) as studio:
        end_byte = (400 + 4 * 192 + 100) * 32
        await studio.play(end_byte)
        assert studio.of("pause")[0].text == "tell me a story"


@pytest.mark.parametrize(
    ("finished", "unfinished"),
    [
        (["what", "time", "is", "it"], ["i", "want", "to", "go", "to", "the"]),
        (["今", "天", "天", "氣", "怎", "麼", "樣"], ["我", "想", "要"]),
        (["my", "number", "is", "0912345678"], ["my", "number", "is", "zero", "nine"]),
        (["我", "的", "電", "話", "0912345678"], ["我", "的", "電", "話", "是", "零", "九"]),
    ],
)
async def test_an_unfinished_sentence_waits_longer(studios, finished, unfinished):
    waits = []
    for words in (finished, unfinished):
        async with studios.studio(studios.Script().rest(300).say(*words).rest(4000)) as studio:
            await studio.play()
            waits.append(waited(studio.of("final")[0]))
    assert waits[0] <= 640
    assert waits[1] >= 1200


async def test_patience_goes_from_eager_to_patient(studios):
    waits = []
    for patience in (0.0, 0.5, 1.0):
        script = studios.Script().rest(300).say("what", "time", "is", "it").rest(4000)
        configure = {"turn_detection": "server_vad", "patience": patience}
        async with studios.studio(script, configure=configure) as studio:
            await studio.play()
            waits.append(waited(studio.of("final")[0]))
    assert waits == sorted(waits)
    assert waits[2] > 3 * waits[0]


async def test_a_speaker_who_goes_on_voids_the_pause(studios):
    script = studios.Script().rest(300).say("what", "time", "is", "it").rest(300)
    script.say("in", "tokyo").rest(2000)
    async with studios.studio(script) as studio:
        await studio.play()
        assert [one for one in studio.kinds() if one != "partial"] == [
            "speech_started",
            "pause",
            "resumed",
            "pause",
            "final",
        ]
        assert [one.text for one in studio.of("pause")] == [
            "what time is it",
            "what time is it in tokyo",
        ]
        assert [one.revision for one in studio.of("pause")] == [1, 2]
        assert studio.of("final")[0].revision == 2


async def test_words_that_will_go_on_are_no_pause_at_once(studios):
    """Each report costs the gateway a speculative answer."""
    script = studios.Script().rest(300).say("and", "then").rest(400).say("we", "left").rest(2000)
    async with studios.studio(script) as studio:
        await studio.play()
        assert [one.text for one in studio.of("pause")] == ["and then we left"]
        assert studio.of("resumed") == []


async def test_commit_wins_in_hands_free_too(studios):
    script = studios.Script().rest(300).say("i", "want", "to", "go", "to", "the").rest(64)
    async with studios.studio(script) as studio:
        await studio.play()
        studio.listener.commit()
        await studio.heard_out()
        assert [one.type for one in studio.endings()] == ["final"]
        script.rest(3000)
        await studio.play()
        assert len(studio.endings()) == 1


async def test_push_to_talk_never_ends_by_itself(studios):
    script = studios.Script().rest(300).say("stop").rest(6000).say("now").rest(300)
    async with studios.studio(script, configure={"turn_detection": "none"}) as studio:
        await studio.play()
        assert set(studio.kinds()) == {"partial"}
        studio.listener.commit()
        await studio.heard_out()
        assert studio.of("final")[0].text == "stop now"


async def test_silence_never_reaches_the_recogniser(studios):
    for detection in ("none", "server_vad"):
        script = studios.Script().rest(3000)
        async with studios.studio(script, configure={"turn_detection": detection}) as studio:
            await studio.play()
            studio.listener.commit()
            await studio.heard_out()
            assert studio.kinds() == ["no_speech"]
            assert studio.recogniser.opened == []


async def test_a_cough_is_no_speech(studios):
    async with studios.studio(studios.Script().rest(300).cough().rest(2500)) as studio:
        await studio.play()
        assert studio.kinds() == ["speech_started", "no_speech"]


async def test_the_first_syllable_is_kept(studios):
    """The recogniser hears what came before the verdict of voice."""
    async with studios.studio(studios.Script().rest(500).say("go").rest(2000)) as studio:
        await studio.play()
        started = studio.of("speech_started")[0]
        assert started.audio_ms == pytest.approx(500 - 300, abs=32)
        assert studio.of("final")[0].text == "go"


async def test_utterances_never_share_audio(studios):
    script = studios.Script().rest(300).say("stop").rest(700).say("go").rest(2000)
    async with studios.studio(script) as studio:
        await studio.play()
        assert [one.text for one in studio.of("final")] == ["stop", "go"]
        assert [one.utterance for one in studio.of("speech_started")] == [1, 2]


async def test_chinese_partials_grow_without_spaces(studios):
    script = studios.Script().rest(300).say(*"今天天氣怎麼樣呢我們出去走走吧").rest(2000)
    policy = dataclasses.replace(Policy(), pace=Pace(glance_ms=200))
    async with studios.studio(script, policy) as studio:
        await studio.play()
        partials = studio.of("partial")
        stable = [one.stable_chars for one in partials]
        assert len(partials) > 5
        assert stable == sorted(stable)
        assert stable[-1] >= 10
        final = studio.of("final")[0].text
        assert all(final.startswith(one.text[: one.stable_chars]) for one in partials)


async def test_simplified_words_come_in_the_locales_script(studios):
    for locale, wanted in (("zh-TW", "這個軟體"), ("en", "这个软件")):
        script = studios.Script().rest(300).say("这", "个", "软", "件").rest(3000)
        configure = {"turn_detection": "server_vad", "locale": locale}
        async with studios.studio(script, configure=configure) as studio:
            await studio.play()
            assert studio.of("final")[0].text == wanted


async def test_a_failing_recogniser_ends_the_utterance_once(studios):
    script = studios.Script().rest(300).say("stop").rest(300).say("now").rest(2000)
    failure = SttUnavailable("it is down")
    async with studios.studio(script, failure=failure) as studio:
        await studio.play()
        assert [one.type for one in studio.endings()] == ["error"]
        assert studio.recogniser.opened[0].closed
        studio.recogniser.failure = None
        script.say("go").rest(2000)
        await studio.play()
        assert studio.of("final")[0].text == "go"


async def test_what_is_configured_holds_from_the_next_utterance(studios):
    from avatar_contract.listen import ListenConfigure

    script = studios.Script().rest(300).say("stop").rest(64)
    async with studios.studio(script) as studio:
        await studio.play()
        studio.listener.configure(ListenConfigure(turn_detection="none", prompt="Ada"))
        script.rest(2000).say("go").rest(300)
        await studio.play()
        assert [one.text for one in studio.of("final")] == ["stop"]
        studio.listener.commit()
        await studio.heard_out()
        assert [one.text for one in studio.of("final")] == ["stop", "go"]
        assert [one.prompt for one in studio.recogniser.hints] == ["", "Ada"]


async def test_at_the_endpoint_nothing_is_left_to_do(studios):
    """The words of the pause are the final's: no call is made between the two."""
    script = studios.Script().rest(300).say("what", "time", "is", "it").rest(200)
    async with studios.studio(script) as studio:
        await studio.play()
        settles = studio.recogniser.settles
        script.rest(1500)
        await studio.play()
        assert studio.of("final")
        assert studio.recogniser.settles == settles


async def test_a_fixed_wait_can_be_set(studios):
    patience = Patience(finished_ms=200, unfinished_ms=200)
    script = studios.Script().rest(300).say("and", "then").rest(2000)
    async with studios.studio(script, Policy(patience=patience)) as studio:
        await studio.play()
        assert waited(studio.of("final")[0]) == pytest.approx(200, abs=32)


@pytest.mark.parametrize(("patience", "sooner"), [(0.0, True), (0.5, False)])
async def test_rolling_words_make_an_eager_pause_sooner(studios, patience, sooner):
    """The look at the end of the window before the last has heard most of the last word."""
    script = studios.Script().rest(320).say("what", "time", "is", "it").rest(2000)
    configure = {"turn_detection": "server_vad", "patience": patience}
    policy = dataclasses.replace(Policy(), pace=Pace(400, rolling_ms=32), tail_ms=64)
    options = {"configure": configure, "at_once": 4, "slow_settles": True}
    async with studios.studio(script, policy, **options) as studio:
        await studio.play((320 + 4 * 192 + 128) * 32)
        assert [one.text for one in studio.of("pause")] == ["what time is it"] * sooner
        studio.recogniser.answer_settles()
        await studio.play()
        assert studio.of("final")[0].text == "what time is it"
        assert len(studio.of("pause")) == 1
