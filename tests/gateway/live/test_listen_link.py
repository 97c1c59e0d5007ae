"""The way to a recogniser that is lost again and again: what it is told, and what that takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from avatar_contract import listen
from avatar_contract.audio import pcm_bytes, pcm_ms
from avatar_contract.errors import AvatarError, SttUnavailable
from gateway.live.listen_link import ListenLink
from gateway.session import inputs as on
from gateway.session.conversation import step
from gateway.session.memory import Memory
from gateway.session.speculation import SpeculationPolicy
from gateway.session.state import Conversation, Tools
from gateway.session.tape import LOOKBACK_MS
from gateway.text.script import ScriptStream

LOST = SttUnavailable("killed")


class Unchanged:
    def convert(self, text: str) -> str:
        return text


@dataclass
class Socket:
    """Keeps what it is told."""

    on_event: Callable[[listen.ListenEvent], None]
    on_lost: Callable[[AvatarError], None]
    pcm: bytearray = field(default_factory=bytearray)
    commands: list[str] = field(default_factory=list)

    def send_audio(self, pcm: bytes) -> None:
        self.pcm += pcm

    def send(self, command: listen.ListenCommand) -> None:
        self.commands.append(command.type)

    def close(self) -> None:
        pass


class Rig:
    """A session's link on a clock that the test turns; the reducer takes what is posted."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sockets: list[Socket] = []
        self.there = True
        self.fault: Exception | None = None
        self.tries = 0
        self.posted: list[on.Input] = []
        tools = Tools(
            clock=lambda: self.now,
            wall=lambda: datetime(2026, 1, 1, tzinfo=UTC),
            new_id=uuid4,
            new_script=lambda _locale: ScriptStream(Unchanged(), Unchanged()),
            speculation=SpeculationPolicy(lambda: False),
        )
        self.c = Conversation(UUID(int=1), tools, Memory(2000), "Be brief.")
        self.link = ListenLink(self.c, self, self.post)

    def post(self, event: on.Input) -> None:
        self.posted.append(event)
        step(self.c, event, self.now)

    async def open(
        self,
        on_event: Callable[[listen.ListenEvent], None],
        on_lost: Callable[[AvatarError], None],
    ) -> Socket:
        self.tries += 1
        if self.fault:
            raise self.fault
        if not self.there:
            raise LOST
        self.sockets.append(Socket(on_event, on_lost))
        return self.sockets[-1]

    def hands_free(self) -> None:
        self.post(on.Configured({"turn_detection": "server_vad"}))

    def sound(self, ms: float, value: int = 0) -> None:
        """As time goes by, in pieces of 100 ms."""
        for _ in range(int(ms / 100)):
            self.now += 100
            pcm = value.to_bytes(2, "little") * (pcm_bytes(100) // 2)
            self.c.tape.append(pcm)
            self.link.send_audio(pcm)

    @property
    def kept_ms(self) -> float:
        return self.c.tape.end_ms - self.c.tape.from_ms


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.01)


@pytest.fixture
async def rig() -> Rig:
    rig = Rig()
    rig.link.start()
    await until(lambda: bool(rig.sockets))
    return rig


async def lose(rig: Rig) -> Socket:
    """The next socket, once it was told what is to be told again."""
    count = len(rig.sockets)
    rig.sockets[-1].on_lost(LOST)
    await until(lambda: len(rig.sockets) > count and "configure" in rig.sockets[-1].commands)
    return rig.sockets[-1]


async def test_what_is_said_again_stays_bounded_however_often_a_recogniser_is_lost(rig) -> None:
    rig.hands_free()
    longest_ms = rig.c.limits.max_binary_s * 1000
    for _ in range(40):
        rig.sound(6000)
        again = await lose(rig)
        assert pcm_ms(len(again.pcm)) <= longest_ms
        assert rig.kept_ms <= longest_ms + 100
    rig.sound(20_000)
    assert rig.kept_ms <= 2 * LOOKBACK_MS


async def test_without_a_recogniser_sound_is_kept_until_it_is_given_up(rig) -> None:
    rig.hands_free()
    rig.there = False
    rig.sockets[-1].on_lost(LOST)
    rig.sound(20_000)
    assert rig.kept_ms >= 20_000
    rig.sound(15_000)
    await until(lambda: any(isinstance(p, on.ListenLost) and p.for_good for p in rig.posted))
    assert rig.kept_ms <= 2 * LOOKBACK_MS
    rig.there = True
    rig.sound(2000, 7)
    await until(lambda: len(rig.sockets) == 2)
    assert b"\x07\0" in rig.sockets[-1].pcm


async def test_with_the_button_nothing_is_said_again_that_is_no_utterance(rig) -> None:
    rig.sound(1000, 5)
    again = await lose(rig)
    assert not again.pcm
    rig.post(on.ChunkArrived(None))
    rig.sound(1000, 6)
    again = await lose(rig)
    assert bytes(again.pcm) == b"\x06\0" * 16_000
    rig.post(on.UtteranceEnded(None))
    again = await lose(rig)
    assert bytes(again.pcm) == b"\x06\0" * 16_000
    assert again.commands == ["configure", "commit"]


async def test_a_session_that_ended_opens_no_socket(rig) -> None:
    rig.hands_free()
    rig.link.close()
    rig.sound(1000)
    await asyncio.sleep(0)
    assert rig.tries == 1


async def test_a_defect_while_connecting_is_told_and_tried_again(rig: Rig) -> None:
    rig.sockets[-1].on_lost(LOST)
    rig.fault = ValueError("a defect")
    await until(lambda: any(isinstance(e, on.ListenLost) and e.for_good for e in rig.posted))
    rig.fault = None
    known = len(rig.sockets)
    rig.sound(1500)
    await until(lambda: len(rig.sockets) > known)
