"""A recogniser that dies in the middle of speech, over real sockets: no word is lost, no turn
doubled.

The scripted stt reads words out of samples: a run of one value is the word of that number.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from avatar_contract import listen
from avatar_contract.errors import SttUnavailable
from gateway.services.caller import Address
from gateway.services.stt import ListenClient
from gateway.session.ports import Listener
from gateway.session.state import Policy

FRAME = 320
"""Samples of 20 ms."""
QUIET_MS = 300
"""That ends an utterance."""


@dataclass
class Hearing:
    """One socket's state at the scripted stt."""

    socket: ServerConnection
    free: bool = False
    samples: int = 0
    number: int = 0
    words: list[int] = field(default_factory=list)
    quiet: int = 0
    began: bool = False

    async def say(self, kind: type[listen.OfUtterance], *, before: int = 0, **fields: Any) -> None:
        at = (self.samples - before) / 16
        event = kind(utterance=self.number, audio_ms=at, **fields)
        await self.socket.send(event.model_dump_json())

    @property
    def text(self) -> str:
        return " ".join(f"word{n}" for n in self.words)


Die = Callable[[Hearing, str], bool]


@dataclass
class ScriptedStt:
    """Dies by its `plans`, one for each socket: whether to die after the last frame or message."""

    plans: list[Die]
    sockets: int = 0
    died: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, socket: ServerConnection) -> None:
        plan = self.plans[self.sockets] if self.sockets < len(self.plans) else lambda *_: False
        self.sockets += 1
        hearing = Hearing(socket)
        try:
            async for frame in socket:
                did = await self._take(hearing, frame)
                if plan(hearing, did):
                    socket.transport.abort()
                    self.died.set()
                    return
        except ConnectionClosed:
            return

    async def _take(self, h: Hearing, frame: str | bytes) -> str:
        if isinstance(frame, str):
            message = json.loads(frame)
            if message["type"] == "configure":
                h.free = message["turn_detection"] == "server_vad"
            elif message["type"] == "commit":
                h.number += 0 if h.began else 1
                h.began = False
            return str(message["type"])
        pcm = np.frombuffer(frame, np.int16)
        did = "heard"
        for at in range(0, len(pcm), FRAME):
            did = await self._hear(h, pcm[at : at + FRAME]) or did
        return did

    async def _hear(self, h: Hearing, pcm: np.ndarray) -> str | None:
        h.samples += len(pcm)
        voiced = [int(value) for value in dict.fromkeys(pcm.tolist()) if value]
        h.words += [value for value in voiced if value not in h.words[-1:]]
        if voiced and not h.began:
            h.began, h.number = True, h.number + 1
            if h.free:
                await h.say(listen.SpeechStarted, before=len(pcm))
        h.quiet = 0 if voiced else h.quiet + len(pcm)
        if h.free and h.began and h.quiet == 8 * FRAME:
            await h.say(listen.Pause, text=h.text, revision=1)
            return "paused"
        if h.free and h.began and h.quiet >= QUIET_MS * 16:
            await self.end(h)
        return None

    async def end(self, h: Hearing) -> None:
        await h.say(listen.Final, before=h.quiet, text=h.text, language="en")
        h.began, h.words = False, []


class Committing(ScriptedStt):
    """Answers a commit."""

    async def _take(self, h: Hearing, frame: str | bytes) -> str:
        did = await super()._take(h, frame)
        if did == "commit" and not self._dies_of(h, did):
            await self.end(h)
        return did

    def _dies_of(self, h: Hearing, did: str) -> bool:
        at = self.sockets - 1
        return at < len(self.plans) and self.plans[at](h, did)


@dataclass
class Recogniser:
    """Opens real sockets to a port."""

    port: int
    open_sockets: int = 0

    async def open(self, on_event: Any, on_lost: Any) -> Listener:
        url = f"http://127.0.0.1:{self.port}"
        client = ListenClient(Address("stt", "stt-service", url, SttUnavailable))
        return await client.open(on_event, on_lost)


@dataclass
class Rig:
    stt: ScriptedStt
    server: Server
    port: int
    gateway: Any
    chat: Any

    async def send(self, *words: int, ms: int = 200) -> None:
        """Sound of these words; 0 is silence."""
        for word in words:
            for _ in range(ms // 20):
                await self.chat.socket.send(np.full(FRAME, word, np.int16).tobytes())
                await asyncio.sleep(0)

    async def kept(self) -> list[Any]:
        """The records, once all are delivered: that is later than `turn_done`."""
        await until(lambda: not self.gateway.factory.spool.pending)
        return list(self.gateway.archive.records.values())


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.01)


@pytest.fixture
def rig(stack, tmp_path) -> Callable[..., Any]:
    @asynccontextmanager
    async def make(*plans: Die, final_timeout_ms: float = 20_000, **config: Any) -> AsyncIterator:
        stt = Committing(list(plans))
        server = await serve(stt.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        policy = Policy(final_timeout_ms=final_timeout_ms)
        gateway = type(stack)(tmp_path / "gateway", recogniser=Recogniser(port), policy=policy)
        async with server, gateway.serving(), gateway.client() as chat:
            if config:
                await chat.send(type="configure", **config)
            await until(lambda: stt.sockets > 0)
            yield Rig(stt, server, port, gateway, chat)

    return make


def once(when: Callable[[Hearing], bool]) -> Die:
    return lambda h, did: did != "configure" and when(h)


async def told(rig: Rig) -> str:
    """The words of the turn that ends next."""
    done = await asyncio.wait_for(rig.chat.until("turn_done"), 30)
    finals = [m for m in rig.chat.seen if m["type"] == "transcription" and m["is_final"]]
    assert finals[-1]["turn_id"] == done["turn_id"]
    return str(finals[-1]["text"])


def errors(rig: Rig) -> list[str]:
    return [m["code"] for m in rig.chat.seen if m["type"] == "error"]


async def test_killed_in_the_middle_of_speech(rig) -> None:
    async with rig(once(lambda h: h.words == [1, 2]), turn_detection="server_vad") as r:
        await r.send(*[0] * 10, 1, 2)
        await asyncio.wait_for(r.stt.died.wait(), 30)
        await r.send(3, 0, 0)
        assert await told(r) == "word1 word2 word3"
        assert errors(r) == []
        assert r.stt.sockets == 2
        (record,) = await r.kept()
        # By sound, not by the clock: the place of the last word, on the new socket, is moved.
        assert QUIET_MS <= record.timings["stt"] < 1000


async def test_killed_at_the_pause(rig) -> None:
    def paused(_: Hearing, did: str) -> bool:
        return did == "paused"

    async with rig(paused, turn_detection="server_vad") as r:
        await r.send(0, 1, 2, 0)
        await asyncio.wait_for(r.stt.died.wait(), 30)
        await r.send(0, 0)
        assert await told(r) == "word1 word2"
        assert len(await r.kept()) == 1


async def test_killed_before_it_reported_what_was_begun(rig) -> None:
    """Speech that the lost socket had no time to report, and speech while there was none."""

    def deaf(h: Hearing, _: str) -> bool:
        return h.samples > 6 * FRAME

    async with rig(deaf, turn_detection="server_vad") as r:
        await r.send(0)
        await asyncio.wait_for(r.stt.died.wait(), 30)
        await r.send(1, 2, 0, 0)
        assert await told(r) == "word1 word2"


async def test_a_held_utterance_killed_in_the_middle(rig) -> None:
    async with rig(once(lambda h: 2 in h.words)) as r:
        await r.send(1, 2)
        await asyncio.wait_for(r.stt.died.wait(), 30)
        await r.send(3)
        await r.chat.send(type="audio_end")
        assert await told(r) == "word1 word2 word3"
        assert len(await r.kept()) == 1


async def test_a_held_utterance_killed_after_the_commit(rig) -> None:
    def committed(_: Hearing, did: str) -> bool:
        return did == "commit"

    async with rig(committed, committed) as r:
        await r.send(1, 2)
        await r.chat.send(type="audio_end")
        assert await told(r) == "word1 word2"
        assert r.stt.sockets == 3
        assert errors(r) == []


async def test_sound_that_kills_is_told_three_times_and_then_given_up(rig) -> None:
    poison = once(lambda h: 7 in h.words)
    async with rig(*[poison] * 9, turn_detection="server_vad") as r:
        await r.send(0, 7, 0, ms=20)
        error = await r.chat.until("error")
        assert error["code"] == "STT_UNAVAILABLE"
        await r.chat.until("turn_done", turn_id=error["turn_id"])
        assert r.stt.sockets <= 4
        assert (await r.kept())[0].error == "STT_UNAVAILABLE"
        r.stt.plans = []
        await r.send(0, 1, 0, 0)
        assert await told(r) == "word1"


async def test_a_recogniser_that_is_away_for_a_while(rig) -> None:
    async with rig(once(lambda h: h.words == [1]), turn_detection="server_vad") as r:
        r.server.close(close_connections=False)
        await r.send(0, 1)
        await asyncio.wait_for(r.stt.died.wait(), 30)
        await r.send(2)
        async with await serve(r.stt.serve, "127.0.0.1", r.port):
            await r.send(3, 0, 0)
            assert await told(r) == "word1 word2 word3"
            assert errors(r) == []


async def test_a_recogniser_that_stays_away_ends_what_waited(rig) -> None:
    dies = once(lambda h: h.words == [1])
    async with rig(dies, final_timeout_ms=400, turn_detection="server_vad") as r:
        r.server.close(close_connections=False)
        await r.send(0, 1, 2)
        error = await r.chat.until("error")
        assert error["code"] == "STT_UNAVAILABLE"
        await r.chat.until("turn_done", turn_id=error["turn_id"])
        await r.chat.full_turn()
