"""What strangers may send, sockets that vanish, and workers that die."""

import asyncio

import psutil
import pytest

from avatar_contract.listen import NoSpeech
from stt_service.api import Outbox

pytestmark = pytest.mark.asyncio(loop_scope="module")


def own_workers() -> list[psutil.Process]:
    """The recogniser's workers here; other tests may have children of their own running."""
    children = psutil.Process().children()
    return [
        one
        for one in children
        if "stt_service.backends.sphinx_worker:SphinxEngine" in one.cmdline()
    ]


async def test_bad_messages_are_errors_and_the_socket_goes_on(stt, clips):
    async with stt.socket() as socket:
        for text in ("no json", "[]", '{"type":"fly"}', '{"type":"configure","patience":9}', "{}"):
            await socket.connection.send(text)
            error = await socket.event()
            assert (error.type, error.code, error.utterance) == ("error", "BAD_MESSAGE", 0)
        await socket.connection.send(b"odd")
        assert (await socket.event()).code == "BAD_AUDIO"
        await socket.connection.send(b"")
        await socket.audio(clips.pcm("stop"))
        await socket.send(type="commit")
        assert (await socket.ending()).text == clips.text("stop")


@pytest.mark.parametrize(
    "wrong", [{"sample_rate": 48_000}, {"codec": "webm_opus"}, {"channels": 2}]
)
async def test_another_format_is_refused(stt, wrong):
    async with stt.socket() as socket:
        await socket.configure(format=wrong)
        assert (await socket.event()).code == "BAD_AUDIO"


async def test_chinese_is_refused_with_what_to_do(stt, clips):
    async with stt.socket() as socket:
        await socket.configure(language="zh")
        error = await socket.event()
        assert error.code == "UNSUPPORTED_LANGUAGE"
        assert "STT_BACKEND=faster_whisper" in error.message
        await socket.audio(clips.pcm("stop"))
        await socket.send(type="commit")
        assert (await socket.ending()).code == "UNSUPPORTED_LANGUAGE"
        await socket.configure(language="en")
        await socket.audio(clips.pcm("stop"))
        await socket.send(type="commit")
        assert (await socket.ending()).text == clips.text("stop")


async def test_one_speaker_too_many_is_refused_and_may_try_again(serve, clips):
    stt = await serve(workers=1)
    async with stt.socket() as first, stt.socket() as second:
        await first.audio(clips.pcm("hello"))
        await first.until("partial")
        await second.audio(clips.pcm("stop"))
        await second.send(type="commit")
        refusal = await second.ending()
        assert (refusal.code, refusal.retryable) == ("STT_UNAVAILABLE", True)
        await first.send(type="commit")
        assert (await first.ending()).text == clips.text("hello")
        await second.audio(clips.pcm("stop"))
        await second.send(type="commit")
        assert (await second.ending()).text == clips.text("stop")


async def test_a_refused_speaker_hears_so_at_once_in_hands_free(serve, clips):
    stt = await serve(workers=1)
    async with stt.socket() as first, stt.socket() as second:
        await first.audio(clips.pcm("hello"))
        await first.until("partial")
        await second.configure(turn_detection="server_vad")
        await second.audio(clips.pcm("coffee") + bytes(64_000))
        assert (await second.ending()).code == "STT_UNAVAILABLE"
        await first.send(type="commit")
        await first.ending()
        await second.audio(clips.pcm("stop") + bytes(64_000))
        assert (await second.ending()).text == clips.text("stop")
        kinds = [(one.type, one.utterance) for one in second.seen]
        assert kinds.count(("error", 1)) == 1
        assert kinds.count(("speech_started", 1)) == 1


async def test_a_dead_worker_is_an_error_and_the_next_utterance_works(stt, clips):
    async with stt.socket() as socket:
        # Cut in a word: in a silence its words would be settled, and need no worker any more.
        await socket.audio(clips.pcm("hello")[: int(1.3 * 32_000)])
        await socket.until("partial")
        workers = own_workers()
        assert workers
        for worker in workers:
            worker.kill()
        await socket.send(type="commit")
        error = await socket.ending()
        assert (error.code, error.retryable) == ("STT_UNAVAILABLE", True)
        await socket.audio(clips.pcm("stop"))
        await socket.send(type="commit")
        assert (await socket.ending()).text == clips.text("stop")


async def test_clear_forgets_the_open_utterance(stt, clips):
    async with stt.socket() as socket:
        await socket.send(type="clear")
        assert (await socket.event()).utterance == 0
        await socket.audio(clips.pcm("hello"))
        await socket.send(type="clear")
        cleared = await socket.ending()
        assert (cleared.type, cleared.utterance) == ("cleared", 1)
        await socket.audio(clips.pcm("stop"))
        await socket.send(type="commit")
        final = await socket.ending()
        assert (final.text, final.utterance) == (clips.text("stop"), 2)


async def test_clear_after_commit_ends_it_once(stt, clips):
    async with stt.socket() as socket:
        await socket.audio(clips.pcm("hello"))
        await socket.send(type="commit")
        await socket.send(type="clear")
        first = await socket.ending()
        assert first.utterance == 1
        await socket.audio(clips.pcm("stop"))
        await socket.send(type="commit")
        await socket.ending()
        ends = [one for one in socket.seen if one.utterance == 1 and one.type != "partial"]
        assert len(ends) == 1


async def test_an_endless_utterance_overflows_once(serve, clips):
    stt = await serve(workers=1, max_utterance_s=2)
    for detection in ("none", "server_vad"):
        async with stt.socket() as socket:
            await socket.configure(turn_detection=detection)
            await socket.audio(clips.pcm("homework")[: 3 * 32_000])
            if detection == "none":
                await socket.send(type="commit")
            assert (await socket.ending()).code == "BUFFER_OVERFLOW"
            await socket.audio(bytes(2 * 32_000))
            await socket.audio(clips.pcm("stop") + bytes(0 if detection == "none" else 32_000))
            if detection == "none":
                await socket.send(type="commit")
            assert (await socket.ending()).text == clips.text("stop")


@pytest.mark.parametrize("step", ["open", "audio", "partial", "commit", "hands-free"])
async def test_a_socket_that_vanishes_leaves_nothing(stt, clips, step):
    service = stt.app.state.service
    before = len(asyncio.all_tasks())
    for _ in range(3):
        async with stt.socket() as socket:
            if step == "hands-free":
                await socket.configure(turn_detection="server_vad")
            if step != "open":
                await socket.audio(clips.pcm("hello"))
            if step == "partial":
                await socket.until("partial")
            if step == "commit":
                await socket.send(type="commit")
            socket.connection.transport.abort()
    async with asyncio.timeout(10):
        while service.ears.open_ears or service.recogniser.load()["workers_busy"]:
            await asyncio.sleep(0.01)
        while len(asyncio.all_tasks()) > before + 2:  # idle workers have a reader and a timer
            await asyncio.sleep(0.01)
    async with stt.socket() as socket:
        await socket.audio(clips.pcm("stop"))
        await socket.send(type="commit")
        assert (await socket.ending()).text == clips.text("stop")


async def test_a_peer_that_does_not_read_is_let_go():
    """Events are bounded; losing one would break the promise of one ending, so the socket ends."""
    outbox = Outbox()
    for number in range(1001):
        outbox.put(NoSpeech(utterance=number, audio_ms=0))
    async with asyncio.timeout(1):
        await outbox.overflow()
