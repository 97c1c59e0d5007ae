"""What a conversation outlives: short forms of `make bench-resilience`, with the same accounts.

All services run as processes of their own, with stand-in engines, and are started again when they
die. Each test ends with the database set against what every person was told.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

BENCH = str(Path(__file__).resolve().parents[2] / "bench")
if BENCH not in sys.path:
    sys.path.insert(0, BENCH)

from resilience import cuts, kills, outages, restarts  # noqa: E402 (bench/ is no installed package)
from resilience.house import ENGINES, SERVICES, House  # noqa: E402

pytestmark = pytest.mark.asyncio(loop_scope="module")

WORKS_AGAIN_S = 5.0
RESUMED_S = 3.0
DELIVERED_S = 30.0
BUSY_MACHINE = 3
"""Tests share their machine: the bench measures, these only notice what is out of proportion."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house() -> AsyncIterator[House]:
    async with House().kept() as running:
        yield running


def keeps_its_word(found: dict[str, Any]) -> None:
    assert found["complaints"] == []
    assert found["audit"]["accepted"] > 0


async def test_kill_9_of_any_service_loses_no_turn_and_doubles_none(house: House) -> None:
    found = await kills.kill_in(house, SERVICES, people=2)
    keeps_its_word(found)
    assert found["delivered"]
    assert max(found["again_s"]) < WORKS_AGAIN_S * BUSY_MACHINE


async def test_a_recogniser_killed_in_mid_utterance_costs_no_word(house: House) -> None:
    found = await kills.kill_while_spoken(house, 3)
    keeps_its_word(found)
    assert found["audit"]["failures"] == []
    assert len(found["spoken"]) >= 3
    assert [line.words for line in found["spoken"]] == [line.text for line in found["spoken"]]


async def test_cut_sockets_are_resumed_with_the_memory_of_an_uncut_run(house: House) -> None:
    found = await cuts.cut_in(house, 8, people=4, lines=3)
    keeps_its_word(found)
    assert found["memory_differs"] == []
    assert found["audit"]["failures"] == []
    assert len(found["cuts"]) >= 4
    assert max(cut["s"] for cut in found["cuts"]) < RESUMED_S * BUSY_MACHINE


@pytest.mark.parametrize("kind", ["profile", "locked"])
async def test_storage_that_is_away_gets_all_turns_later(house: House, kind: str) -> None:
    found = await outages.outage_in(house, kind, 4, people=3)
    stored_later(found)
    assert found["records_waiting"] > 0


async def test_a_full_disk_keeps_all_words() -> None:
    found = await asyncio.to_thread(outages.on_a_small_disk, 4, 3)
    stored_later(found)
    assert found["audit"]["failures"] == []


def stored_later(found: dict[str, Any]) -> None:
    keeps_its_word(found)
    assert found["turns_during"] > 0
    assert found["failed_during"] == 0
    assert found["out_of_order"] == 0
    assert "NOT_STORED" not in found["notices"]
    assert found["delivered_after_s"] is not None
    assert found["delivered_after_s"] < DELIVERED_S


async def test_a_rolling_restart_loses_no_turn(house: House) -> None:
    found = await restarts.restart_in(house, people=4)
    keeps_its_word(found)
    assert [one["service"] for one in found["restarts"]] == list(SERVICES)


async def test_people_are_told_of_hung_engines_and_talk_on_when_they_are_back(house: House) -> None:
    found = await restarts.hang_in(house, [ENGINES], people=2)
    keeps_its_word(found)
    assert max(found["told_s"]) < min(restarts.LIMITS_S.values())
    assert max(found["again_s"]) < WORKS_AGAIN_S * BUSY_MACHINE
