"""A measurement from end to end: real services, real sockets, one person."""

import pytest
from avatar_bench import floor, measure, scenes, stack
from avatar_bench.standins.delays import FAST


@pytest.fixture(scope="module")
def side():
    with stack.avatar(pinned=False) as running:
        yield running


def test_a_person_is_answered_by_their_last_word(side: stack.Side) -> None:
    outcome = side.run(
        measure.plan_for(side, scenes.plain(2, 2, seed=5, gap_ms=(100, 300)), spread_ms=200)
    )
    assert measure.complaints(outcome["turns"]) == []
    assert len(outcome["turns"]) == 4
    first = min(measure.first_sounds(outcome["turns"]))
    assert first > FAST.first_token_ms + FAST.first_byte_ms


def test_the_log_tells_where_time_went(side: stack.Side) -> None:
    side.engines("/reset", {})
    outcome = side.run(
        measure.plan_for(side, scenes.plain(1, 2, seed=6, gap_ms=(100, 300)), spread_ms=100)
    )
    found = measure.overheads(
        outcome["turns"], side.engines("/log"), FAST, "short", measure.SILENCE_MS
    )
    assert found["overhead"]["n"] == 2
    assert set(found["stages"]) == set(floor.STAGES)


def test_costs_are_read(side: stack.Side) -> None:
    costs = side.costs(["gateway", "stt"])
    assert all(cost.cpu_s > 0 and cost.pss > 2**20 for cost in costs.values())
