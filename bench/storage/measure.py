"""How long lists, searches, conversations and writing a turn take among 100,000 turns.

    python bench/storage/measure.py [--turns 100000] [--questions 100] [sqlite postgres]

Runs the service as a process of its own on each database, asks over HTTP one question at a time,
and writes the figures as a Markdown table to standard output. Beside the time that passes there is
the processor time that a question takes, of service and database together: questions are asked one
after another, so on a machine that does nothing else the two are nearly the same, and on a busy one
the second still holds.
"""

import argparse
import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx
import psutil
from sqlalchemy import make_url

from avatar_contract.ids import turn_id
from profile_service import migrate
from profile_service.database import Database, create_engine, sqlite_url

sys.path.insert(0, str(Path(__file__).parent))
import data

KEEPER = Path(__file__).parents[2] / "tests" / "profile_service" / "pg_keeper.py"
LIMITS_MS = {"list": 30, "search": 300, "conversation": 50, "write": 50}
"""p95 on Postgres; on SQLite within twice."""


@contextmanager
def postgres() -> Iterator[str]:
    """A Postgres of its own, with its usual settings but for the durability of commits."""
    with subprocess.Popen(
        [sys.executable, str(KEEPER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as keeper:
        yield keeper.stdout.readline().strip()
        keeper.stdin.close()


@contextmanager
def sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="avatar-bench-") as folder:
        yield sqlite_url(Path(folder) / "bench.sqlite3")


@asynccontextmanager
async def service(url: str) -> AsyncIterator["Asked"]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="avatar-bench-") as home:
        environment = os.environ | {
            "PROFILE_DATABASE_URL": url,
            "PROFILE_PORT": str(port),
            "PROFILE_MIN_FREE_MIB": "0",
            "AVATAR_HOME": home,
            "LOG_LEVEL": "ERROR",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "profile_service", env=environment
        )
        try:
            base = f"http://127.0.0.1:{port}"
            async with httpx.AsyncClient(base_url=base, timeout=60) as client:
                await _until_ready(client)
                yield Asked(client, [process.pid, *_database_processes(url)])
        finally:
            process.terminate()
            await process.wait()


async def _until_ready(client: httpx.AsyncClient) -> None:
    for _ in range(600):
        try:
            if (await client.get("/health")).status_code == 200:
                return
        except httpx.TransportError:
            await asyncio.sleep(0.1)
    raise RuntimeError("the service did not become ready")


def _database_processes(url: str) -> list[int]:
    """The Postgres server's pid, as its data folder says it; SQLite is part of the service."""
    folder = make_url(url).query.get("host")
    return [int((Path(folder) / "postmaster.pid").read_text().split()[0])] if folder else []


@dataclass(frozen=True)
class Taken:
    """What questions took: milliseconds of each, and of processor time on average."""

    wall: list[float]
    cpu: float


class Asked:
    """A service that is asked, and the processes that work for its answers."""

    def __init__(self, client: httpx.AsyncClient, pids: list[int]) -> None:
        self.client = client
        self._processes = [psutil.Process(pid) for pid in pids]

    def _worked(self) -> float:
        """Seconds of processor time until now."""
        family = [p for root in self._processes for p in (root, *root.children(recursive=True))]
        return sum(sum(process.cpu_times()[:2]) for process in family)

    async def timed(self, questions: list[dict[str, object]]) -> Taken:
        """Ask one after another, each from the asking to the last byte."""
        wall, worked = [], self._worked()
        for question in questions:
            began = time.perf_counter()
            answer = await self.client.request(**({"method": "GET"} | question))
            wall.append((time.perf_counter() - began) * 1000)
            answer.raise_for_status()
        return Taken(wall, (self._worked() - worked) * 1000 / len(questions))


async def questions(
    client: httpx.AsyncClient, count: int
) -> dict[tuple[str, str], list[dict[str, object]]]:
    """What is asked, by its limit and its name."""
    chance = random.Random(11)
    vocabulary = data.words(random.Random(7))
    path = "/v1/conversations"
    pages: list[dict[str, object]] = []
    cursor = None
    for _ in range(count):
        params = {"limit": 20} | ({"cursor": cursor} if cursor else {})
        pages.append({"url": path, "params": params})
        cursor = (await client.get(path, params=params)).json()["next_cursor"]

    def search(known: list[str], ranks: range, cut: int | None = None) -> list[dict[str, object]]:
        picked = chance.choices([known[rank] for rank in ranks], k=count)
        return [{"url": path, "params": {"q": word[:cut], "limit": 20}} for word in picked]

    common, usual, rare = range(20), range(20, 600), range(3_000, 4_000)
    long = {"url": f"{path}/{data.LONG_CONVERSATION}"}
    made: dict[tuple[str, str], list[dict[str, object]]] = {("list", "a page of 20"): pages}
    for name, ranks in (("common", common), ("usual", usual), ("rare", rare)):
        made["search", f"two Chinese characters, {name}"] = search(vocabulary.chinese, ranks)
        made["search", f"an English word, {name}"] = search(vocabulary.english, ranks)
    made["search", "one Chinese character"] = search(vocabulary.chinese, usual, 1)
    made["search", "nothing is found"] = [
        {"url": path, "params": {"q": f"zz{n}"}} for n in range(count)
    ]
    made["conversation", "one of 200 turns"] = [long] * count
    return made | writes(count)


def writes(count: int) -> dict[tuple[str, str], list[dict[str, object]]]:
    """Turns of one conversation as a gateway writes them, without their sound."""
    session, records = uuid4(), []
    for n in range(count):
        utterance = uuid4()
        records.append(
            {
                "session_id": str(session),
                "turn_id": str(turn_id(session, utterance)),
                "utterance_id": str(utterance),
                "turn_number": n + 1,
                "created_at": datetime.now(UTC).isoformat(),
                "state": "open",
                "session": {
                    "token_hash": "a" * 64,
                    "expires_at": "2100-01-01T00:00:00Z",
                    "config": {"language": "zh-TW"},
                },
            }
        )
    said = {"recognised_text": "今天天氣怎麼樣？"}
    answered = said | {"ai_text": "今天是晴天。", "heard_text": "今天是晴天。", "state": "closed"}
    stages = {"a turn is opened": {}, "its words": said, "it is closed": answered}
    return {
        ("write", name): [_put(record | more) for record in records]
        for name, more in stages.items()
    }


def _put(record: dict[str, object]) -> dict[str, object]:
    return {
        "method": "PUT",
        "url": f"/v1/turns/{record['turn_id']}",
        "files": {"record": (None, json.dumps(record))},
    }


def line(kind: str, limit: str, name: str, taken: Taken) -> str:
    ordered = sorted(taken.wall)
    p50, p95 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.95)]
    allowed = LIMITS_MS[limit] * (2 if kind == "sqlite" else 1)
    verdict = "yes" if p95 <= allowed else "NO"
    return (
        f"| {kind} | {limit}: {name} | {taken.cpu:.1f} | {p50:.1f} | {p95:.1f} "
        f"| {ordered[-1]:.1f} | {allowed} | {verdict} |"
    )


async def measure(kind: str, turns: int, count: int) -> None:
    with {"sqlite": sqlite, "postgres": postgres}[kind]() as url:
        engine = create_engine(url)
        await migrate.upgrade(engine)
        began = time.perf_counter()
        await data.fill(Database(engine), turns)
        print(f"{kind}: filled in {time.perf_counter() - began:.0f} s", file=sys.stderr)
        await engine.dispose()
        await ask(kind, url, count)


async def ask(kind: str, url: str, count: int) -> None:
    """Ask a database that is filled, and print a line for each kind of question."""
    async with service(url) as asked:
        for (limit, name), what in (await questions(asked.client, count)).items():
            await asked.timed(what[:3])
            print(line(kind, limit, name, await asked.timed(what)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", default=["postgres", "sqlite"])
    parser.add_argument("--turns", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=100)
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} when it began\n")
    print("| database | what | cpu ms | p50 ms | p95 ms | max ms | limit ms | within |")
    print("|---|---|---|---|---|---|---|---|")
    for kind in arguments.kinds:
        asyncio.run(measure(kind, arguments.turns, arguments.questions))


if __name__ == "__main__":
    main()
