"""Hands-free through the real socket, the real Silero and the real embedded recogniser."""

import numpy as np
import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")


SECOND = 32_000


def quiet(seconds: float) -> bytes:
    return bytes(int(seconds * SECOND))


async def test_turns_follow_each_other_without_a_button(stt, clips):
    async with stt.socket() as socket:
        await socket.configure(turn_detection="server_vad")
        for number, name in enumerate(("hello", "time", "coffee"), 1):
            await socket.audio(clips.pcm(name) + quiet(1.0))
            final = await socket.ending()
            assert (final.type, final.utterance, final.text) == ("final", number, clips.text(name))
            kinds = [one.type for one in socket.seen if one.utterance == number]
            assert kinds[0] == "speech_started"
            assert kinds.count("speech_started") == 1
            assert kinds.count("final") == 1


async def test_a_pause_reports_the_words_that_the_final_repeats(stt, clips):
    async with stt.socket() as socket:
        await socket.configure(turn_detection="server_vad")
        await socket.audio(clips.pcm("time")[: int(1.75 * SECOND)])
        await socket.until("pause")
        await socket.audio(quiet(1.0))
        final = await socket.ending()
        last_pause = [one for one in socket.seen if one.type == "pause"][-1]
        assert last_pause.text == final.text
        assert last_pause.audio_ms == final.audio_ms
        assert final.revision == last_pause.revision


async def test_places_are_on_audio_time(stt, clips):
    async with stt.socket() as socket:
        await socket.configure(turn_detection="server_vad")
        await socket.audio(quiet(2.0) + clips.pcm("time") + quiet(1.0))
        final = await socket.ending()
        started = socket.seen[0]
        # 2000 ms, and 300 ms of silence in the clip before its 1.13 s of words.
        assert 1700 <= started.audio_ms <= 2400
        assert 2300 + 900 <= final.audio_ms <= 2300 + 1250


async def test_noise_makes_no_utterance(stt):
    rng = np.random.default_rng(7)
    noise = (rng.normal(size=48_000) * 400).astype(np.int16).tobytes()
    async with stt.socket() as socket:
        await socket.configure(turn_detection="server_vad")
        await socket.audio(noise)
        await socket.send(type="commit")
        assert (await socket.event()).type == "no_speech"


async def test_an_unfinished_sentence_goes_on_after_a_silence(stt, clips):
    """ "i want to go to the" waits long enough for what follows; both are one utterance."""
    async with stt.socket() as socket:
        await socket.configure(turn_detection="server_vad")
        first, at = clips.pcm("unfinished"), int(1.9 * SECOND)
        await socket.audio(first[:at])
        while (await socket.until("partial")).text != clips.text("unfinished"):
            pass
        await socket.audio(first[at:] + clips.pcm("homework") + quiet(1.0))
        final = await socket.ending()
        assert final.text.startswith("i want to go to the")
        assert final.utterance == 1
