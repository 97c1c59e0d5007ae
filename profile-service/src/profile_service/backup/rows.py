"""Rows of the database as lines of JSON, the same for SQLite and Postgres.

A line ``{"table": name, "columns": [...]}`` is followed by one JSON array for each row.
"""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import IO, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from profile_service.tables import UtcDateTime, audio_trash, metadata, search_entries

DERIVED = {search_entries, audio_trash}
"""Tables that are not backed up: the search is made anew, trash belongs to one store."""

TABLES = [table for table in metadata.sorted_tables if table not in DERIVED]
"""In an order in which no row comes before one that it points to."""

_CHUNK = 500

Code = Callable[[Any], Any]


async def write(connection: AsyncConnection, file: IO[str]) -> dict[str, int]:
    """Write all rows that `connection` sees; gives how many each table has."""
    counts = {}
    for table in TABLES:
        columns = list(table.columns)
        file.write(_line({"table": table.name, "columns": [column.name for column in columns]}))
        encoders = [_encoder(column) for column in columns]
        counts[table.name] = 0
        rows = await connection.stream(
            sa.select(*columns).order_by(*table.primary_key.columns),
            execution_options={"yield_per": _CHUNK},
        )
        async for row in rows:
            values = zip(encoders, row, strict=True)
            file.write(_line([None if value is None else code(value) for code, value in values]))
            counts[table.name] += 1
    return counts


async def read(connection: AsyncConnection, file: IO[str]) -> dict[str, int]:
    """Insert the rows of `file` into empty tables; gives how many each table got.

    Raises:
        ValueError: it names a table or a column that there is not.
    """
    counts: dict[str, int] = {}
    for table, rows in _chunks(file):
        if rows:
            await connection.execute(sa.insert(table), rows)
        counts[table.name] = counts.get(table.name, 0) + len(rows)
    return counts


async def count(connection: AsyncConnection) -> dict[str, int]:
    """How many rows each table has, of those that its schema has, which may be an older one."""
    there = await connection.run_sync(lambda sync: sa.inspect(sync).get_table_names())
    return {
        table.name: await connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
        for table in TABLES
        if table.name in there
    }


def _chunks(file: IO[str]) -> Iterator[tuple[sa.Table, list[dict[str, Any]]]]:
    table: sa.Table | None = None
    columns: list[tuple[str, Code]] = []
    rows: list[dict[str, Any]] = []
    for line in file:
        data = json.loads(line)
        if table is not None and (isinstance(data, dict) or len(rows) == _CHUNK):
            yield table, rows
            rows = []
        if isinstance(data, dict):
            table, columns = _heading(data)
            continue
        named = zip(columns, data, strict=True)
        rows.append({name: None if value is None else code(value) for (name, code), value in named})
    if table is not None:
        yield table, rows


def _heading(data: dict[str, Any]) -> tuple[sa.Table, list[tuple[str, Code]]]:
    table = metadata.tables.get(data["table"])
    if table is None or not set(data["columns"]) <= set(table.columns.keys()):
        raise ValueError(f"This backup has a table or columns that are not known here: {data}")
    return table, [(name, _decoder(table.columns[name])) for name in data["columns"]]


def _line(data: object) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n"


def _encoder(column: sa.Column[Any]) -> Code:
    if isinstance(column.type, sa.Uuid):
        return str
    if isinstance(column.type, UtcDateTime):
        return datetime.isoformat
    if isinstance(column.type, sa.LargeBinary):
        return lambda value: base64.b64encode(value).decode()
    return lambda value: value


def _decoder(column: sa.Column[Any]) -> Code:
    if isinstance(column.type, sa.Uuid):
        return UUID
    if isinstance(column.type, UtcDateTime):
        return datetime.fromisoformat
    if isinstance(column.type, sa.LargeBinary):
        return base64.b64decode
    return lambda value: value
