"""Push-to-talk through the real socket and the real embedded recogniser."""

import httpx
import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("name", ["hello", "time", "story"])
async def test_words_come_back_word_for_word(stt, clips, name):
    async with stt.socket() as socket:
        await socket.configure(turn_detection="none")
        await socket.audio(clips.pcm(name))
        await socket.send(type="commit")
        final = await socket.ending()
        assert (final.type, final.text, final.language) == ("final", clips.text(name), "en")
        partials = [one for one in socket.seen if one.type == "partial"]
        assert partials
        assert all(one.stable_chars <= len(one.text) for one in partials)
        assert {one.type for one in socket.seen} == {"partial", "final"}


async def test_utterances_follow_each_other_and_are_numbered(stt, clips):
    async with stt.socket() as socket:
        for number, name in enumerate(("stop", "weather"), 1):
            await socket.audio(clips.pcm(name), chunk=641 * 2)
            await socket.send(type="commit")
            final = await socket.ending()
            assert (final.utterance, final.text) == (number, clips.text(name))


async def test_silence_is_no_speech(stt):
    async with stt.socket() as socket:
        await socket.audio(bytes(64_000))
        await socket.send(type="commit")
        assert (await socket.ending()).type == "no_speech"
        await socket.send(type="commit")
        assert (await socket.ending()).utterance == 2


async def test_endings_are_counted(stt, clips):
    async with stt.socket() as socket:
        await socket.audio(clips.pcm("stop"))
        await socket.send(type="commit")
        await socket.ending()
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"{stt.url}/metrics")).text
    assert 'avatar_stt_utterances_total{ending="final",service="stt-service"}' in text
    assert clips.text("stop") not in text
