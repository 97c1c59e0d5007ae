"""A person whose conversation outlives its socket, and who keeps account of what they were told.

::

    socket ─▶ resume {token, last_seq, turn, played} ─▶ session {resumed, offset}
                ├─ refused for now ─▶ again            what was missed, or the turn anew
                └─ NOT_FOUND ─▶ a new conversation     then the unfinished line again, under its id

The sound of an utterance is kept until its turn is done, and goes on from the server's `offset`.
Every message's `seq` is checked: no hole, nothing twice.
"""

import asyncio
import json
from base64 import b64decode
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar

from avatar_bench.player import Player, now_ms
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from resilience.account import Line, Patience, Resumption

RATE = 16
"""Samples a millisecond."""
_FRAME_MS = 40
_REPORT_S = 0.1
_SETTLE_S = 0.1
"""What was missed follows `session` at once; so long after it, it has come."""
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.05, 0.5
_RESUME_AGAIN_S = 0.25


class Person:
    """Says lines one after another over as many sockets as it takes."""

    def __init__(
        self,
        name: str,
        url: Callable[[], str],
        *,
        patience: Patience | None = None,
        limit_s: float = 40.0,
    ) -> None:
        self.name = name
        self.limit_s = limit_s
        self.lines: list[Line] = []
        self.resumptions: list[Resumption] = []
        self.faults: list[str] = []
        """What the server must never do."""
        self.sessions: list[str] = []
        """The conversations that this one became; more than one: memory was lost."""
        self.notices: list[tuple[float, str, str]] = []
        """When, code, stage."""
        self.online = asyncio.Event()
        self.closing = False
        self._url = url
        self._patience = patience or Patience()
        self._socket: ClientConnection | None = None
        self._token = ""
        self._last_seq = 0
        self._new_seq = 0
        """Of the conversation that a socket begins with, until another one is resumed."""
        self._new_session: dict[str, Any] = {}
        self._resuming = False
        self._lost_at = 0.0
        self._offset = 0
        self._samples = 0
        self._player = Player()
        self._played_ms = 0.0
        """What the last `resume` said was heard."""
        self._line: Line | None = None
        self._saying: asyncio.Task[None] | None = None
        self._jobs: list[asyncio.Task[None]] = []

    # --- the person -------------------------------------------------------------------------

    def start(self) -> None:
        """Connects, and stays connected."""
        self._jobs = [
            asyncio.ensure_future(self._stay_connected()),
            asyncio.ensure_future(self._report()),
        ]

    async def say(self, line: Line) -> Line:
        """Says a line and listens until its turn is over, or for `limit_s`."""
        line.began = now_ms()
        line.start = self._samples
        self._samples += line.samples
        self.lines.append(line)
        self._line, self._player = line, Player()
        if self.online.is_set():
            self._say()
        try:
            await asyncio.wait_for(line.over.wait(), self.limit_s)
        except TimeoutError:
            line.stuck = True
        self._line = None
        return line

    async def leave(self) -> None:
        """Closes the socket on purpose."""
        self.closing = True
        for job in [*self._jobs, *([self._saying] if self._saying else [])]:
            job.cancel()
            with suppress(asyncio.CancelledError):
                await job
        if self._socket is not None:
            with suppress(WebSocketException, OSError):
                await self._socket.close()

    def abort(self) -> None:
        """The network cable is pulled."""
        if self._socket is not None:
            self._socket.transport.abort()

    @property
    def line(self) -> Line | None:
        """What is being said or answered."""
        return self._line

    @property
    def lost_at(self) -> float:
        """When the last socket was found to be lost, ms."""
        return self._lost_at

    # --- the socket -------------------------------------------------------------------------

    async def _stay_connected(self) -> None:
        wait_s = _FIRST_WAIT_S
        while not self.closing:
            try:
                async with connect(
                    self._url(),
                    open_timeout=3,
                    close_timeout=0.1,
                    max_size=2**24,
                    compression=None,
                    ping_interval=self._patience.ping_s,
                    ping_timeout=self._patience.pong_s,
                ) as socket:
                    wait_s = _FIRST_WAIT_S
                    await self._serve(socket)
            except (OSError, WebSocketException, TimeoutError):
                pass
            finally:
                self._gone()
            await asyncio.sleep(wait_s)
            wait_s = min(_LONGEST_WAIT_S, wait_s * 2)

    async def _serve(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._new_seq, self._new_session = 0, {}
        self._resuming = bool(self._token)
        if self._resuming:
            await self._resume()
        async for raw in socket:
            self._take(json.loads(raw))

    def _gone(self) -> None:
        if self.online.is_set() or not self._lost_at:
            self._lost_at = now_ms()
        self.online.clear()
        self._socket = None
        if self._saying is not None:
            self._saying.cancel()

    async def _send(self, **message: Any) -> None:
        if self._socket is not None:
            with suppress(WebSocketException):
                await self._socket.send(json.dumps(message))

    async def _resume(self) -> None:
        about: dict[str, Any] = {}
        line = self._line
        if line is not None and line.turn_id:
            self._played_ms = self._player.played(now_ms())
            about = {
                "turn_id": line.turn_id,
                "revision": line.revision,
                "played_ms": self._played_ms,
            }
        await self._send(type="resume", resume_token=self._token, last_seq=self._last_seq, **about)

    async def _resume_later(self) -> None:
        await asyncio.sleep(_RESUME_AGAIN_S)
        await self._resume()

    def _settled(self) -> None:
        """All that was missed has come: the unfinished line is said again, under its id."""
        if self._socket is not None:
            self.online.set()
            self._say()

    # --- what is said -----------------------------------------------------------------------

    def _say(self) -> None:
        line = self._line
        if line is not None and not line.over.is_set():
            self._saying = asyncio.ensure_future(self._say_line(line))

    async def _say_line(self, line: Line) -> None:
        if not line.pcm:
            await self._send(type="text", utterance_id=line.utterance_id, text=line.text)
            return
        at = max(0, min(self._offset - line.start, line.samples))
        await self._send(type="audio_start", utterance_id=line.utterance_id, sample=line.start + at)
        while at < line.samples:
            spoken = min(line.samples, int((now_ms() - line.began) * RATE))
            if spoken > at:
                if self._socket is None:
                    return
                with suppress(WebSocketException):
                    await self._socket.send(line.pcm[at * 2 : spoken * 2])
                at = spoken
            await asyncio.sleep(_FRAME_MS / 1000)
        await self._send(type="audio_end", utterance_id=line.utterance_id)

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(_REPORT_S)
            line = self._line
            if line is not None and line.first_sound is not None and self.online.is_set():
                played = self._player.played(now_ms())
                await self._send(
                    type="playback", turn_id=line.turn_id, revision=line.revision, played_ms=played
                )

    # --- what is told -----------------------------------------------------------------------

    def _take(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "session":
            self._on_session(message)
        elif self._resuming:
            self._count_new(message)
            if kind == "error":
                self._on_refused(message["code"])
            return
        else:
            self._count(message)
        if handler := self._HANDLERS.get(kind):
            handler(self, message)

    def _count(self, message: dict[str, Any]) -> None:
        if message["seq"] != self._last_seq + 1:
            self.faults.append(f"seq {message['seq']} ({message['type']}) after {self._last_seq}")
        self._last_seq = message["seq"]

    def _count_new(self, message: dict[str, Any]) -> None:
        if message["seq"] != self._new_seq + 1:
            self.faults.append(f"seq {message['seq']} after {self._new_seq} in a new session")
        self._new_seq = message["seq"]

    def _on_session(self, message: dict[str, Any]) -> None:
        if not message["resumed"]:
            if self._resuming:
                self._count_new(message)
                self._new_session = message
            else:
                self._last_seq = message["seq"]
                self._enter(message)
            return
        if message["session_id"] != self.sessions[-1]:
            self.faults.append("another conversation was resumed")
        retold = message["seq"] != self._last_seq
        if message["seq"] < self._last_seq:
            self.faults.append(f"resumed at {message['seq']}, {self._last_seq} was had")
        if retold:
            self._player.start_from(self._played_ms)
        self._last_seq = message["seq"]
        self._resuming = False
        self.resumptions.append(Resumption(self._lost_at, now_ms(), retold))
        self._enter(message)

    def _enter(self, message: dict[str, Any]) -> None:
        self._token, self._offset = message["resume_token"], message["offset"]
        if message["session_id"] not in self.sessions:
            self.sessions.append(message["session_id"])
        asyncio.get_running_loop().call_later(_SETTLE_S, self._settled)

    def _on_refused(self, code: str) -> None:
        if code == "NOT_FOUND":
            self.resumptions.append(Resumption(self._lost_at, now_ms(), refused=code))
            self._resuming = False
            self._last_seq = self._new_seq
            self._enter(self._new_session)
        elif code != "SERVER_FULL":
            self._jobs.append(asyncio.ensure_future(self._resume_later()))

    def _of_line(self, message: dict[str, Any]) -> Line | None:
        named = message.get("turn_id")
        found = (line for line in reversed(self.lines) if line.turn_id == named)
        return next(found, None) if named else None

    def _on_accepted(self, message: dict[str, Any]) -> None:
        named = message["utterance_id"]
        line = next((x for x in reversed(self.lines) if x.utterance_id == named), None)
        if line is None:
            self.faults.append("a turn that nobody asked for was accepted")
            return
        if line.turn_id not in {"", message["turn_id"]} and len(self.sessions) == 1:
            self.faults.append("an utterance became a second turn")
        line.turn_id, line.revision = message["turn_id"], message["revision"]
        line.turn_number = message["turn_number"]
        line.accepted = line.accepted or now_ms()

    def _on_transcription(self, message: dict[str, Any]) -> None:
        line = self._of_line(message)
        if line is not None and message["is_final"]:
            line.words = message["text"]

    def _on_answer(self, message: dict[str, Any]) -> None:
        if (line := self._of_line(message)) is not None:
            line.answer = message["text"]

    def _on_sound(self, message: dict[str, Any]) -> None:
        line = self._of_line(message)
        if line is not None and line is self._line and message.get("data"):
            now = now_ms()
            line.first_sound = line.first_sound or now
            ms = len(b64decode(message["data"])) / 2 / message["sample_rate"] * 1000
            self._player.add(ms, now)

    def _on_done(self, message: dict[str, Any]) -> None:
        line = self._of_line(message)
        if line is None:
            self.faults.append("a turn ended that was not known")
            return
        line.dones += 1
        line.ended = now_ms()
        line.heard, line.interrupted = message["heard_text"], message["interrupted"]
        line.over.set()

    def _on_notice(self, message: dict[str, Any]) -> None:
        self.notices.append((now_ms(), message["code"], message.get("stage") or ""))
        line = self._line
        if line is not None and message["code"] == "ENGINE_AWAY":
            line.told_at = line.told_at or now_ms()

    def _on_error(self, message: dict[str, Any]) -> None:
        code, line = message["code"], self._of_line(message)
        if line is None and code in {"BAD_MESSAGE", "SERVER_FULL"}:
            self.notices.append((now_ms(), code, message["message"]))
            return
        line = line or self._line
        if line is None:
            self.notices.append((now_ms(), code, message["message"]))
            return
        line.errors.append(f"{code}@{now_ms():.0f}")
        line.told_at = line.told_at or now_ms()
        if line.accepted is None:
            line.ended = now_ms()
            line.over.set()

    _HANDLERS: ClassVar[dict[str, Callable[["Person", dict[str, Any]], None]]] = {
        "accepted": _on_accepted,
        "transcription": _on_transcription,
        "llm_response": _on_answer,
        "audio_response": _on_sound,
        "turn_done": _on_done,
        "notice": _on_notice,
        "error": _on_error,
    }
