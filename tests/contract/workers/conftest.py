"""Pools of the engines in odd.py."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from avatar_contract.workers.pool import PoolLimits, WorkerPool
from avatar_contract.workers.process import WorkerCommand

Make = Callable[..., AbstractAsyncContextManager[WorkerPool]]


@pytest.fixture
def command() -> Callable[..., WorkerCommand]:
    def make(engine: str = "Odd", load: str = "", **fields: object) -> WorkerCommand:
        return WorkerCommand(
            engine=f"odd:{engine}",
            settings=json.dumps({"load": load}),
            path=(str(Path(__file__).parent),),
            **fields,
        )

    return make


@pytest.fixture
def pool(command: Callable[..., WorkerCommand]) -> Make:
    @asynccontextmanager
    async def make(
        workers: int = 1,
        warm: int = 1,
        *,
        plan: object = None,
        engine: str = "Odd",
        load: str = "",
        times: dict[str, float] | None = None,
        **limits: object,
    ) -> AsyncIterator[WorkerPool]:
        made = WorkerPool(
            plan or command(engine, load, **(times or {})),
            PoolLimits(workers, warm, **{"waiting": 4, **limits}),
        )
        made.start()
        try:
            yield made
        finally:
            async with asyncio.timeout(20):
                await made.close()

    return make


@pytest.fixture
def until() -> Callable[..., object]:
    async def wait(condition: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.005)

    return wait
