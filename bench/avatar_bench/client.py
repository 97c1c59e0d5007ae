"""The real-time client: many people with microphones, one process, real sockets.

A microphone has a frame when its last sample was spoken; every frame is due then. How late frames
left is measured: a client that is late itself proves nothing about the server.
"""

import asyncio
import gc
import json
import random
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from avatar_bench import clips, dialects, ws
from avatar_bench.plan import Plan, Say, Turn
from avatar_bench.player import Player, now_ms

_RATE = 16
"""Samples a millisecond."""
_DONE_WAIT_MS = 6000.0


class Person:
    """One session: speaks its lines, listens, and notes what happens when."""

    def __init__(self, number: int, plan: Plan, voice: clips.Clips, noise: bytes) -> None:
        self._plan = plan
        self._voice = voice
        self._noise = noise
        self._frame = plan.frame_ms * _RATE
        self._lines = list(plan.sessions[number])
        self._number = number
        self._dialect = dialects.make(plan.dialect, self)
        self._socket: ws.Socket
        self._sent = 0
        self._began = 0.0
        self._sound = np.zeros(0, np.int16)
        self._at = 0
        self._speak_at: float | None = 0.0
        self._heard_by: float | None = None
        self._reported = 0.0
        self.player = Player()
        self.turns: list[Turn] = []
        self.replying: Turn | None = None
        self.pressing = False
        self.late: list[float] = []
        self.finished = asyncio.Event()
        self.conversation_id = ""

    # --- what the dialect tells -------------------------------------------------------------

    @property
    def turn(self) -> Turn | None:
        """The newest utterance."""
        return self.turns[-1] if self.turns else None

    def audio(self, ms: float, turn: Turn) -> None:
        """Sound of the reply to `turn` came."""
        now = now_ms()
        if turn is self.turn and now < turn.ended:
            turn.early_audio += 1
        if turn.first_audio is None:
            turn.first_audio = now
            self.player = Player()
            self.replying = turn
        if turn.clauses:
            text, had = turn.clauses[-1]
            turn.clauses[-1] = (text, had + ms)
        if turn is self.replying:
            self.player.add(ms, now)

    def control(self, action: str) -> None:
        """`pause`, `resume` or `flush`."""
        now = now_ms()
        turn = self.turn
        if turn is None:
            return
        if action == "resume":
            turn.resumes += 1
            self.player.resume(now)
            return
        if turn.first_control is None:
            turn.first_control = now
        turn.pauses += action == "pause"
        self.player.pause(now)
        if self.replying is not None:
            self.replying.played_ms = self.player.played(now)

    # --- the microphone ---------------------------------------------------------------------

    async def run(self, begin: float, first_words_at: float) -> None:
        """Connects and speaks until all lines are said."""
        self._socket = await ws.connect(
            self._plan.port, self._plan.path, self._dialect.text, self._dialect.binary
        )
        for message in self._dialect.hello(self._plan.configure):
            self._socket.send(message, text=True)
        loop = asyncio.get_running_loop()
        self._began = begin
        self._speak_at = first_words_at
        loop.call_at(begin / 1000 + self._plan.frame_ms / 1000, self._tick)
        await self.finished.wait()
        self._socket.close()

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        now = now_ms()
        self._sent += 1
        due = self._began + self._sent * self._plan.frame_ms
        self.late.append(now - due)
        if self._socket.lost:
            self._fail("the socket closed")
            return
        self._step(now)
        self._socket.send(self._next_frame())
        if not self.finished.is_set():
            loop.call_at((due + self._plan.frame_ms) / 1000, self._tick)

    def _next_frame(self) -> bytes:
        size = self._frame
        at = (self._sent * size * 2) % (len(self._noise) - size * 2)
        hiss = self._noise[at : at + size * 2]
        if self._at >= len(self._sound):
            return hiss
        piece = self._sound[self._at : self._at + size]
        self._at += size
        mixed = np.frombuffer(hiss, np.int16).copy()
        mixed[: len(piece)] += piece
        return mixed.tobytes()

    # --- the course of the conversation -----------------------------------------------------

    def _step(self, now: float) -> None:
        if self._speak_at is not None:
            if now >= self._speak_at:
                self._speak(now)
            return
        turn = self.turn
        if turn is None or now < turn.ended:
            return
        self._dialect.report(now)
        if turn.first_audio is None:
            if now > turn.ended + self._plan.timeout_s * 1000:
                self._fail("no sound came")
            return
        following = self._lines[0] if self._lines else None
        if following and following.barge_after_ms is not None and not self.pressing:
            if self.player.played(now) >= following.barge_after_ms:
                self._barge(following, now)
            elif self.player.over(now):
                self._speak_at = now
            return
        over = self.player.over(now) or (self.pressing and self._dialect.done(turn))
        if not over:
            return
        if not self._dialect.done(turn):
            if now > self.player.last_came + self.player.got_ms + _DONE_WAIT_MS:
                turn.error = "the turn never ended"
                self._next(now)
            return
        self._next(now)

    def _barge(self, following: Say, now: float) -> None:
        turn = self.turn
        assert turn is not None
        turn.played_ms = self.player.played(now)
        if following.press_stop:
            self.pressing = True
            self.player.pause(now)
            for message in self._dialect.interrupt(turn):
                self._socket.send(message, text=True)
        else:
            self._speak_at = now

    def _next(self, now: float) -> None:
        if self.replying is not None and not self.pressing:
            self.replying.played_ms = self.player.played(now)
        self.pressing = False
        if not self._lines:
            self.finished.set()
            return
        self._speak_at = now + self._lines[0].gap_ms

    def _speak(self, now: float) -> None:
        self._speak_at = None
        line = self._lines.pop(0)
        pieces = []
        for word, pause in zip(line.words, line.pauses_ms, strict=True):
            pieces += [np.zeros(int(pause * _RATE), np.int16), self._voice.pcm[word]]
        self._sound = np.concatenate(pieces)
        self._at = 0
        # The frame that leaves now holds the samples of the last frame_ms.
        first = (self._sent - 1) * self._frame
        last = first + len(self._sound)
        self.turns.append(
            Turn(
                self._number,
                line.words,
                self._began + first / _RATE,
                self._began + last / _RATE,
                last,
                self._began,
            )
        )

    def _fail(self, why: str) -> None:
        if self.turn is not None:
            self.turn.error = self.turn.error or why
        else:
            self.turns.append(Turn(self._number, [], error=why))
        self.finished.set()

    def send_text(self, message: bytes) -> None:
        """For the dialect."""
        self._socket.send(message, text=True)


async def run(plan: Plan) -> dict[str, Any]:
    """All sessions of a plan; their turns, and how late frames were, ms."""
    voice = clips.load()
    rng = np.random.default_rng(1)
    level = 10 ** (plan.noise_db / 20) * 32768
    noise = rng.normal(0, level, 16_000 * 3).astype(np.int16).tobytes()
    people = [Person(n, plan, voice, noise) for n in range(len(plan.sessions))]
    gc.collect()
    gc.freeze()
    gc.disable()
    begin = now_ms() + 300 + 15 * len(people)
    dice = random.Random(7)
    count = len(people)
    jobs = []
    for n, person in enumerate(people):
        # Frames of the sessions are spread over the frame's time, as unrelated people's are.
        start = begin + plan.frame_ms * n / count
        first = begin + 500 + plan.spread_ms * dice.random()
        jobs.append(asyncio.ensure_future(person.run(start, first)))
        if n % 8 == 7:
            await asyncio.sleep(0.1)
    await asyncio.wait(jobs)
    refused = [str(job.exception()) for job in jobs if job.exception() is not None]
    late = np.array([ms for person in people for ms in person.late[5:]] or [0.0])
    return {
        "turns": [asdict(turn) for person in people for turn in person.turns],
        "conversations": [person.conversation_id for person in people],
        "refused": refused,
        "late_p50": float(np.percentile(late, 50)),
        "late_p99": float(np.percentile(late, 99)),
        "began": begin,
        "ended": now_ms(),
    }


def read_plan(text: str) -> Plan:
    """The plan in JSON."""
    fields = json.loads(text)
    fields["sessions"] = [[Say(**line) for line in lines] for lines in fields["sessions"]]
    return Plan(**fields)


Sink = Callable[[str], None]


def main() -> None:
    """A plan on stdin, the outcome on stdout."""
    outcome = asyncio.run(run(read_plan(sys.stdin.read())))
    sys.stdout.write(json.dumps(outcome))


if __name__ == "__main__":
    main()
