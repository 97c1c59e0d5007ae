"""The service on both databases: a test that takes `settings`, or what needs it, runs twice."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import numpy as np
import pytest
from sqlalchemy import make_url, text

from avatar_contract.audio import wav_bytes
from avatar_contract.ids import turn_id
from avatar_contract.records import TurnRecord
from profile_service import app as service
from profile_service import migrate
from profile_service.api.common import Parts
from profile_service.database import create_engine, sqlite_url
from profile_service.settings import Settings

HERE = Path(__file__).parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))  # `turn_steps`


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of an empty Postgres that lives as long as this run, and no longer."""
    keeper = subprocess.Popen(
        [sys.executable, str(HERE / "pg_keeper.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with keeper:
        url = keeper.stdout.readline().strip()
        assert url, "Postgres did not start"
        yield url
        keeper.stdin.close()
        keeper.wait(100)


async def _in_postgres(url: str, statement: str) -> None:
    engine = create_engine(url)
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text(statement))
    await engine.dispose()


async def _migrated(url: str) -> None:
    engine = create_engine(url)
    await migrate.upgrade(engine)
    await engine.dispose()


def _database_of(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    async def make() -> None:
        await _in_postgres(postgres_server, "CREATE DATABASE migrated")
        await _migrated(_database_of(postgres_server, "migrated"))

    asyncio.run(make())
    return "migrated"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "migrated.sqlite3"
    asyncio.run(_migrated(sqlite_url(path)))
    return path


@pytest.fixture(params=["sqlite", "postgres"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def new_database(
    request: pytest.FixtureRequest, database_kind: str, tmp_path: Path
) -> Callable[..., str]:
    """Makes databases of the kind under test; `migrated` ones have the newest schema, empty."""

    def make(*, migrated: bool = True) -> str:
        name = f"t{uuid4().hex}"
        if database_kind == "sqlite":
            path = tmp_path / f"{name}.sqlite3"
            if migrated:
                shutil.copy(request.getfixturevalue("sqlite_template"), path)
            return sqlite_url(path)
        server = request.getfixturevalue("postgres_server")
        template = request.getfixturevalue("postgres_template") if migrated else "template0"
        _run_apart(_in_postgres(server, f"CREATE DATABASE {name} TEMPLATE {template}"))
        return _database_of(server, name)

    return make


def _run_apart(work: Any) -> None:
    """Run a coroutine also where a loop runs already."""
    import threading

    thread = threading.Thread(target=asyncio.run, args=(work,))
    thread.start()
    thread.join()


@pytest.fixture
def database_url(new_database: Callable[..., str]) -> str:
    return new_database()


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(
        database_url=database_url,
        home=tmp_path / "home",
        min_free_mib=0,
        reserve_mib=0,
        housekeeping_s=3600,
    )


@pytest.fixture
async def parts(settings: Settings) -> AsyncIterator[Parts]:
    async with service.running(settings) as built:
        yield built


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The service's HTTP, in this process."""
    app = service.build(settings)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://profile") as made,
    ):
        yield made


@pytest.fixture
def make_wav() -> Callable[..., bytes]:
    """A tone as wav: seconds and rate."""

    def make(seconds: float = 0.4, rate: int = 16_000) -> bytes:
        tone = np.sin(np.arange(int(seconds * rate)) * (440 * 2 * np.pi / rate)) * 9_000
        return wav_bytes(tone.astype("<i2").tobytes(), rate)

    return make


@pytest.fixture
def make_record() -> Callable[..., TurnRecord]:
    """A turn's record; anything about it can be given."""

    def make(session_id: UUID | None = None, utterance_id: UUID | None = None, **given: Any) -> Any:
        session, utterance = session_id or uuid4(), utterance_id or uuid4()
        fields: dict[str, Any] = {
            "session_id": session,
            "turn_id": turn_id(session, utterance),
            "utterance_id": utterance,
            "turn_number": 1,
            "recognised_text": "What is the weather like?",
            "ai_text": "It is fine.",
            "heard_text": "It is fine.",
            "timings": {"stt": 120.5, "llm": 300.0},
            "created_at": datetime.now(UTC),
        }
        return TurnRecord.model_validate(fields | given)

    return make


@pytest.fixture
def files_of() -> Callable[[Path], set[str]]:
    """The audio files under a state folder, staged ones included, by their relative names."""

    def names(home: Path) -> set[str]:
        folders = [home / name for name in ("raw", "tts", "profiles", "staging")]
        return {
            str(path.relative_to(home))
            for folder in folders
            for path in folder.rglob("*")
            if path.is_file() and not path.name.startswith(".")
        }

    return names
