"""The parts of the measurement: if they lie, so does every figure."""

import asyncio
import random

import numpy as np
import pytest
from avatar_bench import clips, floor, goals, marks, measure, plots, scenes, talkover
from avatar_bench.client import Player
from avatar_bench.standins import __main__ as standins
from avatar_bench.standins.delays import BUDGET, FAST, Delays, first_clause_tokens, tokens
from avatar_bench.standins.link import RecogniserLink


@pytest.fixture(scope="module")
def voice() -> clips.Clips:
    return clips.load()


def _sound(voice: clips.Clips, words: list[str]) -> np.ndarray:
    said = np.concatenate([voice.pcm[word] for word in words]).astype(np.float32) / 32768
    noise = np.random.default_rng(1).normal(0, 0.0005, len(said) + 8000)
    return np.concatenate([said, np.zeros(8000, np.float32)]) + noise.astype(np.float32)


def _read(voice: clips.Clips, sound: np.ndarray) -> list[str]:
    return [clips.words_by_code()[code] for code, _ in marks.read(sound)]


@pytest.mark.parametrize("seed", range(5))
def test_marks_tell_the_words(voice: clips.Clips, seed: int) -> None:
    words = random.Random(seed).sample(voice.words, 8)
    assert _read(voice, _sound(voice, words)) == words


def test_a_word_whose_sound_was_cut_is_not_read(voice: clips.Clips) -> None:
    words = ["tomato", "window", "garden"]
    whole = sum(len(voice.pcm[word]) for word in words)
    half = len(voice.pcm["garden"]) // 2
    assert _read(voice, _sound(voice, words)[: whole - half]) == words[:2]


def test_silence_and_noise_hold_no_words(voice: clips.Clips) -> None:
    noise = np.random.default_rng(2).normal(0, 0.1, 16_000).astype(np.float32)
    assert _read(voice, noise) == []
    assert _read(voice, np.zeros(16_000, np.float32)) == []


def test_the_floor_adds_the_delays() -> None:
    # Ends at a window's end: the next window's first quiet part is known 40 ms on, with two frames.
    path = floor.path(512 * 10, 20, FAST, "short", 200)
    assert path.ear == pytest.approx((11 * 512 / 320).__ceil__() * 20 - 320)
    assert path.model == path.ear + 120
    assert path.clause == path.model + 150 + 3 * 20
    assert path.first_sound == path.clause + 100
    assert path.sure >= 200


def test_the_floor_with_rolling_looks() -> None:
    """The look at the end of the 9th window lacks 32 ms: allowed. The 10th ends with the voice."""
    rolling = floor.Rolling(tail_ms=32, pause_ms=48)
    path = floor.path(512 * 10, 16, FAST, "short", 200, rolling)
    assert path.ear == -32
    assert path.quiet == 64
    assert path.model == max(-32 + FAST.recogniser_ms, 64)
    assert floor.path(512 * 10, 16, FAST, "short", 200).model > path.model


def test_a_long_wait_is_the_floor() -> None:
    path = floor.path(5120, 20, FAST, "short", 900)
    assert path.first_sound == path.sure >= 900


def test_answers_repeat_the_last_word() -> None:
    for kind in ("short", "fifty", "long"):
        assert "tomato." in "".join(tokens("tomato", kind))
    assert first_clause_tokens("short") == 4
    assert 48 <= len("".join(tokens("elephant", "fifty")).strip()) <= 52
    assert BUDGET.recogniser_ms + BUDGET.first_token_ms + BUDGET.first_byte_ms == 2900


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({}, None),
        ({"answer": "You said potato."}, "lacks"),
        ({"early_audio": 1}, "before"),
        ({"first_audio": None}, "no sound"),
        ({"error": "answered twice"}, "twice"),
    ],
)
def test_a_run_fails_for_any_wrong_turn(change: dict[str, object], complaint: str | None) -> None:
    turn = {
        "words": ["tomato"],
        "answer": "You said tomato.",
        "early_audio": 0,
        "first_audio": 1.0,
        "error": "",
    }
    found = measure.complaints([turn | change])
    assert found == [] if complaint is None else complaint in found[0]


def test_the_player_stands_still_when_told() -> None:
    player = Player()
    player.add(1000, now=0)
    assert player.played(400) == 400
    player.pause(400)
    assert player.played(900) == 400
    player.resume(1000)
    assert player.played(1100) == 500
    assert player.played(5000) == 1000
    assert player.over(5000)


def test_the_truth_of_a_cut_is_within_its_clause() -> None:
    turn = {"clauses": [("You said it.", 1000.0), ("And then more.", 1000.0)], "played_ms": 1500.0}
    half, clause = len("Yousaidit.") + len("Andthenmore.") / 2, len("Andthenmore.")
    assert talkover._truth(turn) == (round(half - clause), round(half + clause))


def test_capacity_is_the_last_level_before_p95_grew_by_half() -> None:
    def level(sessions: int, p95: float, **more: object) -> dict[str, object]:
        return {
            "sessions": sessions,
            "first_sound": {"p95": p95},
            "failed": 0,
            "void": False,
            **more,
        }

    rising = [level(1, 400), level(10, 500), level(20, 590), level(30, 700)]
    assert measure.capacity(rising) == {"sessions": 20, "at_least": False, "p95_at_one": 400}
    late = [level(1, 400), level(10, 450), level(20, 460, void=True)]
    assert measure.capacity(late) == {"sessions": 10, "at_least": True, "p95_at_one": 400}


def test_scenes_are_the_same_for_a_seed() -> None:
    assert scenes.plain(2, 3, seed=1) == scenes.plain(2, 3, seed=1)
    pausing = scenes.hesitant(1, 4, seed=1, pause_ms=(150, 500))
    assert all(sum(pause > 0 for pause in line.pauses_ms) == 1 for line in pausing[0])


def test_plots_are_drawn() -> None:
    svg = plots.lines("T", "x", "y", [plots.Series("a", [(1, 400), (100, 9000)])], top=2000)
    assert svg.startswith("<svg")
    assert "polyline" in svg
    assert "rect" in plots.bars("T", "ms", [("ear", 3.0, -2.0)])


def test_a_figure_is_void_when_the_client_was_late() -> None:
    barge = {"silence_after": {"p95": 170.0, "n": 9}, "failures": [], "client_late_p99": 2.0}
    (row,) = goals.rows({"barge_in": barge})
    assert row.markdown().endswith("| reached |")
    (row,) = goals.rows({"barge_in": barge | {"client_late_p99": 40.0}})
    assert row.markdown().endswith("| void |")
    (row,) = goals.rows({"barge_in": barge | {"failures": ["answered twice"]}})
    assert row.markdown().endswith("| **missed** |")


async def test_looks_that_overlap_get_their_own_words(voice: clips.Clips) -> None:
    engines = standins.Engines(delays=Delays(recogniser_ms=30))
    recogniser = standins.Recogniser(engines)
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await recogniser.serve(reader, writer)
        ended.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    link = RecogniserLink(server.sockets[0].getsockname()[1])
    await link.connect()
    number = link.open()
    looks = []
    for word in ("tomato", "window"):
        link.feed(number, _pcm(voice, word))
        looks.append(asyncio.ensure_future(link.look(number)))
        await asyncio.sleep(0)
    assert [(await look)["text"] for look in looks] == ["tomato", "tomato window"]
    await link.close()
    await ended.wait()
    server.close()


def _pcm(voice: clips.Clips, word: str) -> bytes:
    return np.concatenate([voice.pcm[word], np.zeros(640, np.int16)]).tobytes()
