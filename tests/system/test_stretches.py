"""Hands-free speech with pauses, before recognisers that are slower than the pauses are long.

The whole product over real sockets; the recogniser, model and voice are stand-ins with set delays
behind the real stt-service. Each word carries its number as quiet tones, so a word that was cut or
lost is not read.
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

BENCH = str(Path(__file__).resolve().parents[2] / "bench")
if BENCH not in sys.path:
    sys.path.insert(0, BENCH)

from avatar_bench import clips, stack  # noqa: E402 (bench/ is no installed package)
from avatar_bench.standins.delays import FAST  # noqa: E402
from resilience.house import House  # noqa: E402

RATE = 16_000
FRAME_MS = 40
ENDPOINT_MS = 300.0
"""Shorter than all pauses: each stretch is an utterance of stt's."""
LIMIT_S = 60
STRETCHES = (3, 2, 2)
"""Words of each."""


@pytest.fixture(scope="module")
def side() -> Iterator[stack.Side]:
    with stack.avatar(silence_ms=ENDPOINT_MS, pinned=False) as running:
        yield running


@dataclass
class Speaker:
    """Somebody whose microphone is always open."""

    socket: ClientConnection
    session_id: str = ""
    accepted: set[str] = field(default_factory=set)
    done: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    words: dict[str, str] = field(default_factory=dict)

    async def listen(self) -> None:
        async for raw in self.socket:
            message: dict[str, Any] = json.loads(raw)
            kind = message["type"]
            if kind == "session":
                self.session_id = message["session_id"]
            elif kind == "accepted":
                self.accepted.add(message["turn_id"])
            elif kind == "transcription" and message["is_final"]:
                self.words[message["turn_id"]] = message["text"]
            elif kind == "turn_done":
                self.done.append(message["turn_id"])
            elif kind == "error":
                self.errors.append(message["code"])

    async def speak(self, pcm: bytes, words: Sequence[str]) -> None:
        """In real time; then silence until all words came back and all turns ended."""
        began = time.monotonic()
        step = RATE * FRAME_MS // 1000 * 2
        for at in range(0, RATE * 2 * LIMIT_S, step):
            if at > len(pcm) and self._complete(words):
                return
            late = began + at / 2 / RATE - time.monotonic()
            await asyncio.sleep(max(0.0, late))
            await self.socket.send(pcm[at : at + step].ljust(step, b"\0"))

    def _complete(self, words: Sequence[str]) -> bool:
        heard = " ".join(self.words.values()).split()
        return set(words) <= set(heard) and self.accepted == set(self.done)


@asynccontextmanager
async def speaker(side: stack.Side) -> AsyncIterator[Speaker]:
    url = f"ws://127.0.0.1:{side.port('gateway')}/ws/chat"
    async with connect(url, max_size=2**24, compression=None) as socket:
        person = Speaker(socket)
        listening = asyncio.ensure_future(person.listen())
        await socket.send(json.dumps({"type": "configure", "turn_detection": "server_vad"}))
        yield person
        listening.cancel()


@dataclass
class Told:
    """What was said, and what came of it."""

    said: list[str]
    kept: list[str]
    """The words of all records."""
    errors: list[str]
    ended_once: bool
    """Whether each accepted turn was done once."""

    @property
    def complaints(self) -> list[str]:
        """In words; empty when nothing was lost."""
        found = [] if self.ended_once else ["a turn did not end once"]
        found += [] if self.kept == self.said else [f"{self.said} kept as {self.kept}"]
        return found + self.errors


async def converse(side: stack.Side, pause_ms: float, seed: int) -> Told:
    """Says some stretches with pauses between them, until all words came back."""
    voice = clips.load()
    words = random.Random(seed).sample(clips.WORDS, sum(STRETCHES))
    silence = bytes(int(RATE * pause_ms / 1000) * 2)
    pcm, at = bytearray(RATE), 0
    for count in STRETCHES:
        pcm += b"".join(voice.pcm[word].tobytes() for word in words[at : at + count]) + silence
        at += count
    async with speaker(side) as person:
        await person.speak(bytes(pcm), words)
    kept = await recorded(side, person.session_id, len(person.accepted))
    return Told(words, kept, person.errors, sorted(person.done) == sorted(person.accepted))


async def recorded(side: stack.Side, session_id: str, turns: int) -> list[str]:
    """All words of a conversation, as they are kept."""
    path = f"{side.url('gateway')}/api/conversation/{session_id}"
    found: list[dict[str, Any]] = []
    async with httpx.AsyncClient(timeout=20) as http, asyncio.timeout(LIMIT_S):
        # Records are delivered after `turn_done` was said.
        while sum(turn["state"] == "closed" for turn in found) < turns:
            await asyncio.sleep(0.1)
            found = (await http.get(path)).json().get("turns", [])
    return " ".join(turn["user_text"] for turn in found).split()


@pytest.mark.parametrize("recogniser_ms", [100, 900, 2000])
async def test_no_word_is_lost_between_pauses(side: stack.Side, recogniser_ms: float) -> None:
    delays = replace(FAST, recogniser_ms=recogniser_ms, char_ms=20)
    side.engines("/set", {"delays": delays.as_dict()})
    pauses = (600, 800, 1200)
    seed = int(recogniser_ms)
    talks = (converse(side, pause, seed + n) for n, pause in enumerate(pauses))
    assert [told.complaints for told in await asyncio.gather(*talks)] == [[], [], []]


async def test_no_word_is_lost_when_the_recogniser_is_killed_meanwhile() -> None:
    settings = {"STT_SILENCE_MS": "300", "STT_UNFINISHED_SILENCE_MS": "300"}
    async with House(**settings).kept() as house:
        talk = [asyncio.ensure_future(converse(house, pause, int(pause))) for pause in (500, 900)]
        for wait_s in (1.2, 2.3):
            await asyncio.sleep(wait_s)
            pid = house.processes["stt"].pid
            house.kill("stt")
            await house.back("stt", pid)
        assert [told.complaints for told in await asyncio.gather(*talk)] == [[], []]
