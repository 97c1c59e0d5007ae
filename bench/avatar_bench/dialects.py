"""How a simulated person talks with each product."""

import json
import struct
from typing import Any, Protocol

from avatar_bench.plan import Turn
from avatar_bench.player import Player, now_ms

_REPORT_EVERY_MS = 250.0


class Person(Protocol):
    """Who talks: `client.Person`, as far as a dialect needs it."""

    player: Player
    conversation_id: str
    turns: list[Turn]

    @property
    def turn(self) -> Turn | None:
        """The newest utterance."""

    def audio(self, ms: float, turn: Turn) -> None:
        """Sound of the reply to `turn` came."""

    def control(self, action: str) -> None:
        """`pause`, `resume` or `flush`."""

    def send_text(self, message: bytes) -> None:
        """Sends a text message."""


class Dialect(Protocol):
    """One product's wire."""

    def hello(self, configure: dict[str, object]) -> list[bytes]:
        """What is said first."""

    def text(self, message: bytes) -> None:
        """A text message came."""

    def binary(self, message: bytes) -> None:
        """A binary message came."""

    def report(self, now: float) -> None:
        """Once a frame: tell what was played, where the product asks for it."""

    def done(self, turn: Turn) -> bool:
        """Whether the server has nothing more to say of a turn."""

    def interrupt(self, turn: Turn) -> list[bytes]:
        """Press stop."""


class Avatar:
    """``WS /ws/chat``."""

    def __init__(self, person: Person) -> None:
        self._p = person
        self._rate = 24_000
        self._of: dict[str, Turn] = {}
        self._done: set[str] = set()
        self._reported = 0.0
        self._numbers: dict[int, str] = {}

    def hello(self, configure: dict[str, object]) -> list[bytes]:
        fields = {
            "type": "configure",
            "version": 1,
            "turn_detection": "server_vad",
            "audio_out": "binary",
            "language": "en",
            "locale": "en",
            **configure,
        }
        return [json.dumps(fields).encode()]

    def text(self, message: bytes) -> None:
        m = json.loads(message)
        kind = m["type"]
        if kind == "session":
            self._p.conversation_id = m["session_id"]
            return
        if kind == "error":
            if self._p.turn is not None:
                self._p.turn.error = f"{m['code']}: {m['message']}"
            return
        turn = self._turn(m, kind)
        if turn is None:
            return
        if kind == "transcription":
            turn.transcript = m["text"]
            if m.get("is_final"):
                turn.final = now_ms()
        elif kind == "llm_response":
            turn.answer = m["text"]
        elif kind == "audio_response":
            self._sound(m, turn)
        elif kind == "playback_control":
            self._p.control(m["action"])
        elif kind == "turn_done":
            turn.heard = m["heard_text"]
            turn.interrupted = m["interrupted"]
            turn.timings = m["timings"]
            self._done.add(m["turn_id"])

    def binary(self, message: bytes) -> None:
        number = struct.unpack_from("<I", message, 4)[0]
        turn = self._of[self._numbers[number]]
        self._p.audio((len(message) - 12) / 2 / self._rate * 1000, turn)

    def report(self, now: float) -> None:
        turn = self._p.turn
        if turn is None or not turn.turn_id or turn.turn_id in self._done:
            return
        if turn.first_audio is None or now - self._reported < _REPORT_EVERY_MS:
            return
        self._reported = now
        fields = {
            "type": "playback",
            "turn_id": turn.turn_id,
            "revision": 0,
            "played_ms": round(self._p.player.played(now), 1),
        }
        self._p.send_text(json.dumps(fields).encode())

    def done(self, turn: Turn) -> bool:
        return turn.turn_id in self._done

    def interrupt(self, turn: Turn) -> list[bytes]:
        fields = {
            "type": "interrupt",
            "turn_id": turn.turn_id,
            "revision": 0,
            "played_ms": round(turn.played_ms, 1),
        }
        return [json.dumps(fields).encode()]

    def _turn(self, m: dict[str, Any], kind: str) -> Turn | None:
        turn_id = m.get("turn_id")
        if turn_id is None:
            return None
        if kind == "accepted" and turn_id not in self._of and self._p.turn is not None:
            newest = self._p.turn
            if newest.turn_id:
                newest.error = newest.error or "answered twice: the utterance was cut in two"
            newest.turn_id, newest.turn_number = turn_id, m["turn_number"]
            self._of[turn_id] = newest
            self._numbers[m["turn_number"]] = turn_id
        return self._of.get(turn_id)

    def _sound(self, m: dict[str, Any], turn: Turn) -> None:
        self._rate = m["sample_rate"] or self._rate
        if m.get("text"):
            turn.clauses.append((m["text"], 0.0))


class Pipecat:
    """The peers' server (`peers/pipecat_server.py`): raw PCM both ways, and JSON notes."""

    def __init__(self, person: Person) -> None:
        self._p = person
        self._rate = 24_000

    def hello(self, configure: dict[str, object]) -> list[bytes]:
        return []

    def text(self, message: bytes) -> None:
        m = json.loads(message)
        turn = self._p.turn
        if turn is None:
            return
        if m["type"] == "user":
            turn.transcript += m["text"]
            turn.final = now_ms()
        elif m["type"] == "answer":
            turn.answer += m["text"]
        elif m["type"] == "interrupted":
            self._p.control("flush")

    def binary(self, message: bytes) -> None:
        turns = self._p.turns
        if not turns:
            return
        # Sound that comes while the newest is still being spoken answers the one before it.
        speaking = now_ms() < turns[-1].ended
        turn = turns[-2] if speaking and len(turns) > 1 else turns[-1]
        self._p.audio(len(message) / 2 / self._rate * 1000, turn)

    def report(self, now: float) -> None:
        """It asks for none."""

    def done(self, turn: Turn) -> bool:
        return True

    def interrupt(self, turn: Turn) -> list[bytes]:
        return []


def make(name: str, person: Person) -> Dialect:
    """The dialect of that name."""
    return Avatar(person) if name == "avatar" else Pipecat(person)
