"""The parts of bench/engines, on small shapes: what they force, plan and tell."""

import asyncio
from pathlib import Path

import psutil
import pytest
from engines import hearing, report, speaking, together, whisper_shapes
from engines.speaking import Cost

from avatar_contract.errors import TtsUnavailable
from stt_service.backends.faster_whisper import FasterWhisper, WhisperOptions
from stt_service.hearing.silero import Silero
from stt_service.hearing.spans import Spotter

SMALL = whisper_shapes.Shape(64, 2, 2, 2, text_tokens=400)


@pytest.mark.parametrize("beam", [1, 5])
async def test_random_weights_say_the_forced_tokens_whatever_they_hear(
    tmp_path: Path, beam: int
) -> None:
    folder = tmp_path / "whisper"
    numbers = whisper_shapes.make(SMALL, folder, "int8")
    assert numbers > 64 * 64 * 12 * 4
    options = WhisperOptions(str(folder), tmp_path, device="cpu", beam=beam)
    engine = FasterWhisper(options, Spotter(Silero.load()))
    await engine.start()
    try:
        for sound in (bytes(2 * 16_000), b"\x00\x10\xff\xe0" * 8_000):
            asked = await hearing.heard(engine, sound)
            assert asked.audio_s == 1.0
    finally:
        await engine.close()


async def test_other_words_than_the_forced_ones_end_the_measurement(tmp_path, monkeypatch) -> None:
    whisper_shapes.make(SMALL, tmp_path / "whisper", "int8")
    options = WhisperOptions(str(tmp_path / "whisper"), tmp_path, device="cpu")
    engine = FasterWhisper(options, Spotter(Silero.load()))
    monkeypatch.setattr(whisper_shapes, "words", lambda: ["w99"])
    await engine.start()
    try:
        with pytest.raises(RuntimeError, match="not the forced tokens"):
            await hearing.heard(engine, bytes(2 * 16_000))
    finally:
        await engine.close()


@pytest.mark.parametrize(("name", "size"), [("small", 51_865), ("large-v3", 51_866)])
def test_vocabularies_have_the_published_size_and_order(name: str, size: int) -> None:
    tokens = whisper_shapes.vocabulary(whisper_shapes.SHAPES[name])
    assert len(tokens) == len(set(tokens)) == size
    assert tokens.index("<|endoftext|>") == whisper_shapes.TEXT_TOKENS
    assert tokens[-1] == "<|30.00|>"


async def test_a_level_counts_what_was_refused() -> None:
    turn = asyncio.Semaphore(2)
    asked = 0

    async def ask() -> together.Asked:
        nonlocal asked
        asked += 1
        if turn.locked():
            raise TtsUnavailable("busy")
        async with turn:
            await asyncio.sleep(0)
        return together.Asked(float(asked), 10.0 * asked, 2.0)

    found = await together.level(ask, at_once=3, rounds=2, pid=psutil.Process().pid)
    assert (found.requests, found.refused) == (6, ["TTS_UNAVAILABLE"] * 2)
    assert found.max_ms >= found.p50_ms > 0
    assert found.peak_mib >= found.resident_mib > 10


async def test_a_level_of_nothing_but_refusals_has_no_figures() -> None:
    async def ask() -> together.Asked:
        raise TtsUnavailable("busy")

    found = (await together.level(ask, 2, 1, psutil.Process().pid)).plain()
    assert found["refused"] == ["TTS_UNAVAILABLE"] * 2
    assert (found["p50_ms"], found["rtf"], found["requests_a_s"]) == (None, None, 0)


def test_the_cost_of_a_step_is_foretold_and_decides_what_is_asked() -> None:
    cost = speaking.foretold({1: 5.5, 3: 15.5})
    assert cost == Cost(0.5, 5.0)
    chosen = speaking.plan(cost, budget_s=150.0)
    assert chosen.asked == [(1, 1), (1, 2), (7, 1), (16, 1)]
    assert (32, 1) in chosen.left_out
    everything = speaking.plan(Cost(0.01, 0.01), budget_s=150.0)
    assert everything.left_out == []
    assert len(everything.asked) == 16


def test_the_page_tells_what_was_not_measured() -> None:
    machine = {
        "cpu": "a CPU",
        "cores": 2,
        "system": "Linux",
        "python": "3.11",
        "commit": "abc",
        "date": "today",
        "load_before": 0.1,
        "gpus": [],
    }
    refused = together.Level(8, 8, ["TTS_UNAVAILABLE"] * 8, *[None] * 5, 0.0, 10.0, 20.0).plain()
    f5 = {
        "numbers": 10,
        "device": "cpu",
        "gpu": None,
        "text": "x",
        "audio_s": 4.0,
        "load_s": 1.0,
        "fixed_s": 0.5,
        "a_step_s": 5.0,
        "levels": [{"steps": 7, **refused}],
        "left_out": [[32, 8, 1284]],
        "impatient": {"wait_timeout_s": 10.0, "steps": 1, **refused},
    }
    page = report.page({"a CPU": {"machine": machine, "versions": {"f5-tts": "1"}, "f5": f5}})
    assert "| 7 | 8 | 0 of 8 | – | – |" in page
    assert "**calculated**" in page
    assert "32 steps, 8 at once: 1284 s" in page
    assert "none was lent" in page
    machine["gpus"] = ["a GPU"]
    assert "none was lent" not in report.page({"cuda: a GPU": {"machine": machine, "versions": {}}})
