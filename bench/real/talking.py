"""People who talk hands-free with a product, in real time, and note what comes back.

::

    microphone: one frame each 20 ms, a clip or near silence     ──▶ product
    say(clips and pauses) ─▶ the last voiced sample is sent: `ended` ◀── words, sound
                          ─▶ the answer was played to its end, or `PATIENCE_S` passed
"""

import asyncio
import json
import random
from dataclasses import dataclass, field
from typing import Any, Protocol

from avatar_bench.player import Player, now_ms
from websockets.asyncio.client import ClientConnection, connect

from real.scoring import Clip

FRAME_MS = 20
FRAME_BYTES = 32 * FRAME_MS
PATIENCE_S = 20.0
"""After the last sound of an utterance, for the answer to begin; and again for it to end."""
REST_S = 1.0
"""Between the end of an answer and the next utterance."""
_REPORT_MS = 250.0
_QUIET_BYTES = 16


@dataclass(frozen=True)
class Part:
    """A clip, and how long the person is silent after it, ms."""

    clip: Clip
    pause_ms: float = 0.0


@dataclass
class Utterance:
    """What was said in one go, and what came of it. Times are ms of the shared clock."""

    parts: list[Part]
    ended: float = 0.0
    final: float | None = None
    """When the last final words came."""
    first_sound: float | None = None
    texts: dict[str, str] = field(default_factory=dict)
    """Final words by turn, in order."""
    finals: set[str] = field(default_factory=set)
    """Turns whose words are final."""
    errors: list[str] = field(default_factory=list)
    interrupted: int = 0

    @property
    def words(self) -> str:
        """All that was understood."""
        return " ".join(self.texts.values())


class Wire(Protocol):
    """One product's way to be talked to."""

    url: str

    def hello(self) -> list[str]:
        """What is sent first."""

    def text(self, person: "Person", message: str) -> None:
        """A text frame came."""

    def binary(self, person: "Person", message: bytes) -> None:
        """A binary frame came."""

    def report(self, played_ms: float) -> str | None:
        """What is said of the sound that was played, if the product asks for it."""

    def over(self) -> bool:
        """Whether nothing more is to come."""


class Avatar:
    """``WS /ws/chat``, hands-free; the language is left to the recogniser."""

    def __init__(self, port: int, locale: str) -> None:
        self.url = f"ws://127.0.0.1:{port}/ws/chat"
        self._locale = locale
        self._rate = 24_000
        self._open: set[str] = set()
        self._numbers: dict[int, str] = {}
        self._sounding = ""

    def hello(self) -> list[str]:
        wish = {
            "type": "configure",
            "version": 1,
            "turn_detection": "server_vad",
            "audio_out": "binary",
            "locale": self._locale,
        }
        return [json.dumps(wish)]

    def text(self, person: "Person", message: str) -> None:
        m: dict[str, Any] = json.loads(message)
        said = person.utterance
        turn_id = m.get("turn_id")
        match m["type"]:
            case "accepted":
                self._open.add(turn_id)
                self._numbers[m["turn_number"]] = turn_id
            case "transcription" if said is not None:
                said.texts[turn_id] = m["text"]
                if m.get("is_final"):
                    said.finals.add(turn_id)
                    said.final = now_ms()
            case "audio_response":
                self._rate = m["sample_rate"] or self._rate
            case "playback_control":
                person.control(m["action"])
            case "turn_done":
                self._open.discard(turn_id)
                if said is not None:
                    said.interrupted += m["interrupted"]
            case "error":
                if turn_id:
                    self._open.discard(turn_id)
                if said is not None:
                    said.errors.append(m["code"])

    def binary(self, person: "Person", message: bytes) -> None:
        self._sounding = self._numbers[int.from_bytes(message[4:8], "little")]
        person.heard((len(message) - 12) / 2 / self._rate * 1000)

    def report(self, played_ms: float) -> str | None:
        if self._sounding not in self._open:
            return None
        played = {
            "type": "playback",
            "turn_id": self._sounding,
            "revision": 0,
            "played_ms": round(played_ms, 1),
        }
        return json.dumps(played)

    def over(self) -> bool:
        return not self._open


class Pipecat:
    """`peers/pipecat_server.py`: raw PCM both ways, and a note of each interruption."""

    _RATE = 24_000

    def __init__(self, port: int) -> None:
        self.url = f"ws://127.0.0.1:{port}/ws"

    def hello(self) -> list[str]:
        return []

    def text(self, person: "Person", message: str) -> None:
        if json.loads(message)["type"] == "interrupted":
            person.control("flush")

    def binary(self, person: "Person", message: bytes) -> None:
        person.heard(len(message) / 2 / self._RATE * 1000)

    def report(self, played_ms: float) -> str | None:
        return None

    def over(self) -> bool:
        return True


class Person:
    """One microphone and one loudspeaker."""

    def __init__(self, wire: Wire, seed: int = 0, patience_s: float = PATIENCE_S) -> None:
        self.utterance: Utterance | None = None
        self.said: list[Utterance] = []
        self._wire = wire
        self._player = Player()
        self._sound = bytearray()
        self._patience_ms = 1000 * patience_s
        self._tail_ms = 0.0
        dice = random.Random(seed)
        self._silence = bytes(dice.choice((0, 1)) if n % 2 == 0 else 0 for n in range(FRAME_BYTES))
        self._ended = asyncio.Event()

    async def talk(self, script: list[list[Part]], begin_s: float = 0.0) -> list[Utterance]:
        """Says all of it; returns what came of each utterance.

        Args:
            begin_s: is silent for so long first.
        """
        async with connect(self._wire.url, compression=None, max_size=2**24) as socket:
            for message in self._wire.hello():
                await socket.send(message)
            jobs = [
                asyncio.ensure_future(self._listen(socket)),
                asyncio.ensure_future(self._speak(socket)),
                asyncio.ensure_future(self._report(socket)),
            ]
            try:
                await asyncio.sleep(begin_s + 1.0)
                for parts in script:
                    await self._say(parts)
            finally:
                for job in jobs:
                    job.cancel()
                await asyncio.gather(*jobs, return_exceptions=True)
        return self.said

    async def _say(self, parts: list[Part]) -> None:
        said = self.utterance = Utterance(parts)
        self.said.append(said)
        self._player = Player()
        pcm = bytearray()
        for part in parts:
            pcm += part.clip.pcm + self._silence * int(part.pause_ms / FRAME_MS)
        last = parts[-1]
        self._tail_ms = last.clip.tail_ms + last.pause_ms
        self._ended.clear()
        self._sound += pcm + self._silence
        await self._ended.wait()
        end = now_ms() + self._patience_ms
        while now_ms() < end and not self._is_over(said):
            await asyncio.sleep(0.05)
            if self._player.played(now_ms()) < self._player.got_ms:
                end = max(end, now_ms() + self._patience_ms / 4)
        await asyncio.sleep(REST_S)

    def _is_over(self, said: Utterance) -> bool:
        if said.first_sound is None:
            return bool(said.errors) and self._wire.over()
        return self._wire.over() and self._player.over(now_ms())

    def heard(self, ms: float) -> None:
        """So much sound of an answer came."""
        now, said = now_ms(), self.utterance
        if said is None:
            return
        # Sound that comes while the person speaks answers what was said before a pause.
        if said.first_sound is None or (said.ended and said.first_sound < said.ended):
            said.first_sound = now
        self._player.add(ms, now)

    def control(self, action: str) -> None:
        """The product wants the loudspeaker to pause, go on, or be silent."""
        if action == "pause":
            self._player.pause(now_ms())
        elif action == "resume":
            self._player.resume(now_ms())
        else:
            self._player = Player()

    async def _speak(self, socket: ClientConnection) -> None:
        began, frames = now_ms(), 0
        while True:
            frame = bytes(self._sound[:FRAME_BYTES])
            if frame:
                del self._sound[:FRAME_BYTES]
                frame += bytes(FRAME_BYTES - len(frame))
            await socket.send(frame or self._silence)
            if frame and not self._sound and self.utterance is not None:
                self.utterance.ended = now_ms() - self._tail_ms - FRAME_MS
                self._ended.set()
            frames += 1
            await asyncio.sleep(max(0.0, began + frames * FRAME_MS - now_ms()) / 1000)

    async def _listen(self, socket: ClientConnection) -> None:
        async for message in socket:
            if isinstance(message, str):
                self._wire.text(self, message)
            else:
                self._wire.binary(self, message)

    async def _report(self, socket: ClientConnection) -> None:
        while True:
            await asyncio.sleep(_REPORT_MS / 1000)
            if self._player.got_ms:
                report = self._wire.report(self._player.played(now_ms()))
                if report is not None:
                    await socket.send(report)
