"""The embedded recogniser's words depend on the sound alone."""

import numpy as np
import pytest
import soxr

from stt_service.backends.sphinx_worker import AUDIO, START, SphinxEngine

WINDOW_BYTES = 1024


@pytest.fixture(scope="module")
def engine() -> SphinxEngine:
    engine = SphinxEngine({})
    engine.load(lambda _: None)
    return engine


def words(engine: SphinxEngine, pcm: bytes, settles: set[int]) -> tuple[str, float]:
    """What is made of `pcm` when the words are settled at some windows on the way: the words, and
    their score, which tells far smaller differences apart."""
    engine.tell(START, {}, b"")
    for index, at in enumerate(range(0, len(pcm), WINDOW_BYTES)):
        engine.tell(AUDIO, {}, pcm[at : at + WINDOW_BYTES])
        if index in settles:
            engine._sentence.settle()
    text = " ".join(word for word, _, _ in engine._sentence.settle()["words"])
    return text, engine._decoder.hyp().score


def test_not_on_how_often_they_were_settled(engine: SphinxEngine, clips) -> None:
    telephone = _without_sibilants(clips.pcm("weather"))
    once = words(engine, telephone, set())
    assert "weather" in once[0]
    assert words(engine, telephone, {20, 45}) == once
    assert words(engine, telephone, {10, 30, 50, 70}) == once


@pytest.mark.parametrize("before", ["quiet", "loud", "noise", "left off"])
def test_not_on_who_spoke_before(engine: SphinxEngine, clips, before: str) -> None:
    telephone = _without_sibilants(clips.pcm("weather"))[: 40 * WINDOW_BYTES]
    first = words(engine, telephone, set())
    other = np.frombuffer(clips.pcm("coffee"), "<i2")[8_000:24_000].astype(np.float64)
    if before == "left off":
        engine.tell(START, {}, b"")
        engine.tell(AUDIO, {}, other.astype("<i2").tobytes())
    else:
        noise = np.random.default_rng(1).normal(0, 300, len(other))
        heard = {"quiet": other / 30, "loud": other * 3, "noise": noise}[before]
        words(engine, heard.clip(-32_768, 32_767).astype("<i2").tobytes(), {20})
    assert words(engine, telephone, set()) == first


def _without_sibilants(pcm: bytes) -> bytes:
    """`pcm` as a telephone carries it: 8 kHz and back."""
    samples = np.frombuffer(pcm, "<i2")
    narrow = soxr.resample(samples, 16_000, 8_000)
    return soxr.resample(narrow, 8_000, 16_000).astype("<i2").tobytes()
