"""How long lists, searches and conversations take among 100,000 turns.

    python bench/storage/measure.py [--turns 100000] [--questions 100] [sqlite postgres]

Runs the service as a process of its own on each database, asks over HTTP one question at a time,
and writes the figures as a Markdown table to standard output.
"""

import argparse
import asyncio
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx

from profile_service import migrate
from profile_service.database import Database, create_engine, sqlite_url

sys.path.insert(0, str(Path(__file__).parent))
import data

KEEPER = Path(__file__).parents[2] / "tests" / "profile_service" / "pg_keeper.py"
LIMITS_MS = {"list": 30, "search": 300, "conversation": 50}
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
async def service(url: str) -> AsyncIterator[httpx.AsyncClient]:
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
                yield client
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


async def timed(client: httpx.AsyncClient, questions: list[dict[str, object]]) -> list[float]:
    """Milliseconds of each question, from asking to the last byte."""
    taken = []
    for question in questions:
        began = time.perf_counter()
        answer = await client.get(**question)
        taken.append((time.perf_counter() - began) * 1000)
        answer.raise_for_status()
    return taken


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
    return made


def line(kind: str, limit: str, name: str, taken: list[float]) -> str:
    ordered = sorted(taken)
    p50, p95 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.95)]
    allowed = LIMITS_MS[limit] * (2 if kind == "sqlite" else 1)
    verdict = "yes" if p95 <= allowed else "NO"
    return (
        f"| {kind} | {limit}: {name} | {p50:.1f} | {p95:.1f} | {ordered[-1]:.1f} "
        f"| {allowed} | {verdict} |"
    )


async def measure(kind: str, turns: int, count: int) -> None:
    with {"sqlite": sqlite, "postgres": postgres}[kind]() as url:
        engine = create_engine(url)
        await migrate.upgrade(engine)
        began = time.perf_counter()
        await data.fill(Database(engine), turns)
        print(f"{kind}: filled in {time.perf_counter() - began:.0f} s", file=sys.stderr)
        await engine.dispose()
        async with service(url) as client:
            for (limit, name), asked in (await questions(client, count)).items():
                await timed(client, asked[:3])
                print(line(kind, limit, name, await timed(client, asked)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", default=["postgres", "sqlite"])
    parser.add_argument("--turns", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=100)
    arguments = parser.parse_args()
    print("| database | what | p50 ms | p95 ms | max ms | limit ms | within |")
    print("|---|---|---|---|---|---|---|")
    for kind in arguments.kinds:
        asyncio.run(measure(kind, arguments.turns, arguments.questions))


if __name__ == "__main__":
    main()
