"""The accounts of the resilience bench: what it would not notice, nobody does."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from resilience.account import Line, Resumption
from resilience.books import Row, audit
from resilience.client import Person
from resilience.crowd import Texts, line
from resilience.proxy import Wire


def person(*lines: Line) -> Person:
    one = Person("somebody", lambda: "")
    one.lines += lines
    return one


def answered(text: str, number: int = 1) -> Line:
    return Line(
        text, accepted=1.0, ended=2.0, words=text, heard="Yes.", turn_number=number, dones=1
    )


def row_of(said: Line) -> Row:
    return Row(
        said.utterance_id,
        "t",
        "s",
        said.turn_number,
        "closed",
        said.text,
        "Yes.",
        said.heard,
        False,
        None,
    )


@pytest.fixture
def said() -> Line:
    return answered("one two")


def test_what_is_as_it_was_told_is_no_complaint(said: Line) -> None:
    assert audit([person(said)], [row_of(said)]).complaints() == []


def test_a_turn_without_a_row_is_lost_unless_it_is_on_its_way(said: Line) -> None:
    assert audit([person(said)], []).lost
    on_its_way = audit([person(said)], [], {said.utterance_id})
    assert (on_its_way.lost, len(on_its_way.waiting)) == ([], 1)


def test_two_rows_for_one_thing_said_are_seen(said: Line) -> None:
    row = row_of(said)
    assert audit([person(said)], [row, replace(row, turn_id="other")]).doubled
    assert audit([person(said)], [row, replace(row, utterance_id="nobody's")]).doubled
    said.dones = 2
    assert audit([person(said)], [row]).doubled


def test_a_row_that_says_something_else_is_seen(said: Line) -> None:
    row = row_of(said)
    assert audit([person(said)], [replace(row, state="open")]).unclosed
    assert audit([person(said)], [replace(row, heard="No.")]).otherwise
    said.words = "one"
    assert audit([person(said)], [row]).misheard


def test_order_and_memory_are_looked_at(said: Line) -> None:
    second = answered("three four", 2)
    rows = [replace(row_of(said), number=2), replace(row_of(second), number=1, turn_id="u")]
    assert audit([person(said, second)], rows).out_of_order
    one = person(said)
    one.resumptions.append(Resumption(lost_at=1.5, refused="NOT_FOUND"))
    assert audit([one], [row_of(said)]).memory_lost == 1


def test_a_hole_in_the_numbers_and_a_repeat_are_faults() -> None:
    one = person()
    for seq in (1, 2, 4, 4):
        one._take({"type": "status", "seq": seq})
    assert len(one.faults) == 2


def test_people_say_only_what_the_stand_in_can_read() -> None:
    texts = iter(Texts(1))
    first = [next(texts) for _ in range(5)]
    assert len(set(first)) == 5
    assert line(first[0], spoken=True).samples > 0
    assert line(first[0], spoken=False).samples == 0


async def test_a_wire_passes_on_is_silent_and_is_cut() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    wire = Wire(server.sockets[0].getsockname()[1])
    await wire.open()
    reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
    writer.write(b"a")
    assert await reader.readexactly(1) == b"a"
    second = await asyncio.open_connection("127.0.0.1", wire.port)
    second[1].write(b"b")
    await second[0].readexactly(1)
    wire.hush()
    third = await asyncio.open_connection("127.0.0.1", wire.port)
    third[1].write(b"c")
    await third[0].readexactly(1)
    writer.write(b"nobody hears this")
    wire.cut()
    with pytest.raises(ConnectionError):
        await third[0].readexactly(1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.2)
    await wire.close()
    for one in (writer, second[1], third[1]):
        one.close()
    server.close()
