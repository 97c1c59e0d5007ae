"""A disk that is really full: words before sound, sound before nothing, and deleting works.

The service runs with a tmpfs of a few MiB as its state folder, in a mount namespace of its own: no
mount is left behind, whatever ends the test. That needs root, or user namespaces.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO

import httpx
import numpy as np
import pytest
from turn_steps import send

from avatar_contract.audio import read_wav, wav_bytes
from avatar_contract.records import TurnRecord

HERE = Path(__file__).parent
SPEECH = HERE.parent / "data" / "speech"
DISK_MIB, RESERVE_MIB = 16, 1

Records = Callable[..., TurnRecord]
Waves = Callable[..., bytes]


class SmallDisk:
    """A service whose state folder is a disk of 16 MiB, and what this test sees of that disk."""

    def __init__(self, zygote: subprocess.Popen, home: Path, sockets: Path) -> None:
        self._zygote = zygote
        self._sockets = sockets
        self._lives = 0
        self.home = Path(f"/proc/{zygote.pid}/root{home}")

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[httpx.AsyncClient]:
        self._lives += 1
        path = str(self._sockets / f"{self._lives}.sock")
        self._tell(path)
        pid = int(self._zygote.stdout.readline())
        transport = httpx.AsyncHTTPTransport(uds=path, verify=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://p", timeout=60) as made:
            while True:
                try:
                    await made.get("/health")
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.01)
            yield made
        os.kill(pid, 9)
        self._tell("killed")

    def _tell(self, line: str) -> None:
        self._zygote.stdin.write(line + "\n")

    def fill(self) -> None:
        """Take all that is free, to the last page."""
        with (self.home / "filler").open("ab", buffering=0) as filler:
            for piece in (1 << 16, 1 << 12):
                with pytest.raises(OSError, match="No space"):
                    _write_on(filler, bytes(piece))

    def empty(self) -> None:
        (self.home / "filler").unlink()


@pytest.fixture
def disk(database_kind: str, database_url: str, tmp_path: Path) -> Iterator[SmallDisk]:
    home = tmp_path / "home"
    home.mkdir()
    settings = {
        "AVATAR_HOME": str(home),
        "PROFILE_MIN_FREE_MIB": "0",
        "PROFILE_RESERVE_MIB": str(RESERVE_MIB),
        "PROFILE_PULSE_S": "0.05",
        "LOG_LEVEL": "CRITICAL",
        # Temporary files have no room either.
        "TMPDIR": str(home),
    }
    if database_kind == "postgres":
        settings["PROFILE_DATABASE_URL"] = database_url
    namespace = ["unshare", "--mount"]
    if os.geteuid() != 0:
        namespace += ["--user", "--map-root-user"]
    mount = f'mount -t tmpfs -o size={DISK_MIB}m tmpfs "$0" && echo mounted && exec "$1" "$2"'
    zygote = str(HERE / "crash_zygote.py")
    with subprocess.Popen(
        [*namespace, "sh", "-c", mount, str(home), sys.executable, zygote],
        env=os.environ | settings,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as process:
        assert process.stdout.readline() == "mounted\n", "needs root, or user namespaces"
        yield SmallDisk(process, home, tmp_path)
        process.stdin.close()


def _write_on(file: BinaryIO, piece: bytes) -> None:
    while True:
        file.write(piece)


async def until(found: Callable[[], Awaitable[Any]]) -> Any:
    """What `found` gives, once it gives something."""
    async with asyncio.timeout(20):
        while not (result := await found()):
            await asyncio.sleep(0.02)
        return result


async def health(client: httpx.AsyncClient, status: str) -> dict[str, Any]:
    async def found() -> dict[str, Any] | None:
        answer = (await client.get("/health")).json()
        return answer if answer["status"] == status else None

    return await until(found)


@pytest.fixture
def noise() -> bytes:
    """Two seconds that no codec makes small: about 10 KiB."""
    samples = np.random.default_rng(1).integers(-9_000, 9_000, 32_000)
    return wav_bytes(samples.astype("<i2").tobytes(), 16_000)


def new_voice() -> dict[str, Any]:
    clips = [
        read_wav((SPEECH / f"{n}.wav").read_bytes())[0] for n in ("hello", "weather", "coffee")
    ]
    consent = '{"by": "Ann", "at": "2026-05-04T12:00:00Z", "text": "yes"}'
    return {
        "data": {"name": "Ann", "consent": consent},
        "files": {"file": wav_bytes(b"".join(clips), 16_000)},
    }


async def test_words_are_kept_and_their_sound_comes_later(
    disk: SmallDisk, database_kind: str, make_record: Records, noise: bytes
) -> None:
    async with disk.serving() as client:
        await health(client, "ok")
        before = make_record(recognised_text="before it was full")
        assert (await send(client, before, user_audio=noise, ai_audio=noise)).status_code == 200
        voice = await client.post("/v1/voice-profiles", **new_voice())
        assert voice.status_code == 201, voice.text

        disk.fill()
        records = [make_record(recognised_text=f"words {n}") for n in range(12)]
        for record in records:
            opened = record.model_copy(update={"state": "open", "ai_text": ""})
            assert (await send(client, opened)).status_code == 200
            # So large a form would not fit into a temporary file.
            answer = await send(client, record, user_audio=noise, ai_audio=wav_of(40))
            view = answer.json()
            assert answer.status_code == 200, view
            assert view["state"] == "closed"
            assert (view["user_audio_ms"], view["ai_audio_ms"]) == (None, None)
            disk.fill()
        assert "without their sound" in (await health(client, "degraded"))["detail"]
        found = await client.get("/v1/conversations", params={"q": "words"})
        assert len(found.json()["items"]) == 12
        of_bob = {"name": "Bob", "consent": new_voice()["data"]["consent"]}
        another = await client.post("/v1/voice-profiles", **new_voice() | {"data": of_bob})
        assert (another.status_code, another.json()["code"]) == (507, "STORAGE_FULL")

        disk.empty()
        await health(client, "ok")
        answer = await send(client, records[0], user_audio=noise, ai_audio=noise)
        view = answer.json()
        assert (view["user_audio_ms"], view["ai_audio_ms"]) == (2000, 2000)
        if database_kind == "sqlite":
            sizes = [path.stat().st_size for path in (disk.home / "reserve").iterdir()]
            assert sizes == [RESERVE_MIB * 2**20] * 2, "made whole again"


async def test_deleting_works_on_a_full_disk_and_frees_it(
    disk: SmallDisk, make_record: Records, noise: bytes
) -> None:
    async with disk.serving() as client:
        await health(client, "ok")
        voice = (await client.post("/v1/voice-profiles", **new_voice())).json()
        turns = [make_record() for _ in range(12)]
        session = turns[0].session_id
        turns += [make_record(session) for _ in range(12)]
        for record in turns:
            answer = await send(client, record, user_audio=noise, ai_audio=noise)
            assert answer.json()["ai_audio_ms"] == 2000
        paths = [f"/v1/turns/{record.turn_id}" for record in turns[1:12]]
        paths += [f"/v1/conversations/{session}", f"/v1/voice-profiles/{voice['id']}"]
        for path in paths:
            disk.fill()
            answer = await client.delete(path)
            assert answer.status_code == 200, (path, answer.text)
            assert (await client.get(path)).status_code == 404
        left = [disk.home / name for name in ("raw", "tts", "profiles")]
        assert [path for folder in left for path in folder.rglob("*") if path.is_file()] == []


async def test_words_end_only_when_nothing_is_left_and_deleting_goes_on(
    disk: SmallDisk, database_kind: str, make_record: Records
) -> None:
    async with disk.serving() as client:
        await health(client, "ok")
        disk.fill()
        kept = []
        for n in range(40):
            record = make_record(recognised_text=f"{n}", ai_text="word " * 5_000)
            answer = await send(client, record)
            if answer.status_code != 200:
                break
            kept.append(record)
            disk.fill()
        if database_kind == "postgres":
            assert len(kept) == 40, "its disk is another one"
        else:
            assert len(kept) > 5
            assert (answer.status_code, answer.json()["code"]) == (507, "STORAGE_FULL")
            assert answer.json()["retryable"]
            assert (disk.home / "reserve" / "words").stat().st_size == 0
        for record in kept:
            view = (await client.get(f"/v1/turns/{record.turn_id}")).json()
            assert view["recognised_text"] == record.recognised_text
        for record in kept:
            path = f"/v1/conversations/{record.session_id}"
            assert (await client.delete(path)).status_code == 200
            disk.fill()
        assert (await send(client, make_record())).status_code == 200, "in the room of what is gone"


async def test_starting_on_a_full_disk(disk: SmallDisk, make_record: Records, noise: bytes) -> None:
    record, other = make_record(), make_record()
    async with disk.serving() as client:
        await health(client, "ok")
        assert (await send(client, record, user_audio=noise)).status_code == 200
        disk.fill()
    async with disk.serving() as client:
        await health(client, "degraded")
        assert (await client.get(f"/v1/turns/{record.turn_id}/audio/user")).status_code == 200
        assert (await send(client, other, user_audio=noise)).status_code == 200
        assert (await client.delete(f"/v1/turns/{record.turn_id}")).status_code == 200
        disk.empty()
        await health(client, "ok")


def wav_of(seconds: int) -> bytes:
    return wav_bytes(bytes(seconds * 32_000), 16_000)
