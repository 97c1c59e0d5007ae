"""Many ears, one model: the same verdicts, in order, for little work."""

import asyncio
from contextlib import asynccontextmanager

import numpy as np
import pytest

from stt_service.hearing.ears import Ears
from stt_service.hearing.silero import WINDOW, Silero, States


@pytest.fixture(scope="module")
def silero():
    return Silero.load()


@asynccontextmanager
async def hearing(model):
    ears = Ears(model, tick_ms=1)
    task = asyncio.create_task(ears.run())
    yield ears
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def idle(*ears):
    while any(ear.waiting for ear in ears):
        await asyncio.sleep(0.001)


def alone(model, pcm):
    """The verdicts of the model on one stream, without gate and batch."""
    samples = np.frombuffer(pcm, np.int16).astype(np.float32)[: len(pcm) // 1024 * 512]
    states, row = States.zeros(1), np.zeros(1, np.intp)
    windows = samples.reshape(-1, 1, WINDOW) / 32768
    return [float(model(window, states, row)[0]) for window in windows]


def test_the_changed_graph_says_what_the_wheels_own_does(silero, clips):
    from faster_whisper.vad import get_vad_model

    pcm = clips.pcm("hello")
    samples = np.frombuffer(pcm, np.int16).astype(np.float32)[: len(pcm) // 1024 * 512] / 32768
    assert np.allclose(alone(silero, pcm), get_vad_model()(samples).ravel(), atol=1e-5)


async def test_many_ears_hear_what_each_would_alone(silero, clips):
    names = ["hello", "time", "coffee", "nihao"]
    heard = {name: [] for name in names}
    async with hearing(silero) as ears:
        opened = {}
        for name in names:
            opened[name] = ears.open(heard[name].append)
        for at in range(0, max(len(clips.pcm(name)) for name in names), 3000):
            for name in names:
                opened[name].feed(clips.pcm(name)[at : at + 3000])
        await idle(*opened.values())
        assert ears.calls < ears.windows
    for name in names:
        assert b"".join(w.pcm for w in heard[name]) == clips.pcm(name)[: len(heard[name]) * 1024]
        wanted = [voice > 0.5 for voice in alone(silero, clips.pcm(name))]
        found = [window.voice > 0.5 for window in heard[name]]
        # The gate cuts the silence before, and with it a little of the model's warming up.
        assert sum(a != b for a, b in zip(wanted, found, strict=True)) <= 3


async def test_silence_costs_no_call(silero):
    seen = []
    async with hearing(silero) as ears:
        ear = ears.open(seen.append)
        ear.feed(bytes(32_000 * 10))
        assert len(seen) == 312
        assert ears.calls == 0


async def test_a_steady_noise_closes_the_gate(silero):
    noise = (np.random.default_rng(1).normal(size=16_000 * 12) * 300).astype(np.int16).tobytes()
    seen = []
    async with hearing(silero) as ears:
        ear = ears.open(seen.append)
        for at in range(0, len(noise), 6400):
            ear.feed(noise[at : at + 6400])
            await idle(ear)
        assert all(window.gated for window in seen[-60:])


async def test_a_mark_comes_after_what_was_fed_before_it(silero, clips):
    order = []
    async with hearing(silero) as ears:
        ear = ears.open(lambda _: order.append("window"))
        ear.feed(clips.pcm("stop")[10_000:20_000])
        ear.mark(order.append)
        await idle(ear)
        assert order == ["window"] * 10 + [pytest.approx((10 * 1024 - 10_000) / 32)]


async def test_a_model_that_fails_is_seen(silero):
    def broken(*_):
        raise RuntimeError("no")

    ears = Ears(broken, tick_ms=1)
    task = asyncio.create_task(ears.run())
    ears.open(lambda _: None).feed(b"\xff\x3f" * 512)
    with pytest.raises(RuntimeError):
        await task
    assert isinstance(ears.failure, RuntimeError)


async def test_closing_in_the_middle_frees_the_row_and_reports_nothing(silero, clips):
    seen = []
    async with hearing(silero) as ears:
        for _ in range(40):
            ear = ears.open(seen.append)
            ear.feed(clips.pcm("stop")[12_000:30_000])
            before = len(seen)
            ear.close()
            await asyncio.sleep(0)
            assert len(seen) == before
        assert ears.open_ears == 0
        rows = {ears.open(seen.append)._row for _ in range(40)}
        assert len(rows) == 40
