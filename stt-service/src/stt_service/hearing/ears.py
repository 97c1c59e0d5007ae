"""All ears of the service: one call of the model per tick for those that hear something.

::

    ear.feed(pcm) ─▶ windows of 32 ms ─▶ gate ─┬─ closed ────────────────▶ on_window(window)
                                               └─ open ─▶ tick: one call ─▶ on_window(window)

Windows and marks of an ear are reported in the order they were fed.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from avatar_contract.service import get_logger
from stt_service.hearing.level import Gate, levels_db
from stt_service.hearing.silero import WINDOW, Floats, Silero, States

log = get_logger(__name__)

WINDOW_BYTES = WINDOW * 2
BYTES_PER_MS = 32
_FIRST_ROWS = 16
_MOST_WAITING = 300
"""Windows of one ear that may wait for the model, 9.6 s."""


@dataclass(slots=True)
class Window:
    """32 ms of one ear's audio and what is known of it."""

    pcm: bytes
    """1024 bytes of mono 16 kHz ``pcm_s16le``."""
    levels_db: tuple[float, ...]
    """Of its four parts, dBFS."""
    floor_db: float
    """The noise it stands out of, dBFS."""
    gated: bool
    """True: too quiet to ask the model."""
    voice: float = 0.0
    """The model's probability of speech."""


Mark = Callable[[], None]


class Ear:
    """One stream's hearing. Not for use by several tasks at once."""

    def __init__(self, ears: "Ears", row: int, on_window: Callable[[Window], None]) -> None:
        self._ears = ears
        self._row = row
        self._on_window = on_window
        self._odd = bytearray()
        self._gate = Gate()
        self.waiting: deque[Window | Mark] = deque()
        self._forget = False
        self._room = asyncio.Event()
        self._room.set()

    async def room(self) -> None:
        """Waits while more audio has come than the model keeps up with."""
        await self._room.wait()

    def feed(self, pcm: bytes) -> None:
        """Takes mono 16 kHz ``pcm_s16le`` of any length."""
        self._odd += pcm
        whole = len(self._odd) - len(self._odd) % WINDOW_BYTES
        if not whole:
            return
        taken = bytes(self._odd[:whole])
        del self._odd[:whole]
        samples = np.frombuffer(taken, np.int16).reshape(-1, WINDOW)
        levels = levels_db(samples.astype(np.float32) / 32768.0).tolist()
        for n, parts in enumerate(levels):
            open_now = self._gate.step(max(parts), min(parts))
            window = Window(
                taken[n * WINDOW_BYTES : (n + 1) * WINDOW_BYTES],
                tuple(parts),
                self._gate.floor_db,
                gated=not open_now,
            )
            self._enqueue(window)

    def mark(self, reached: Callable[[float], None]) -> None:
        """Calls `reached` once everything fed before is reported.

        The last part of a window is filled up with silence for that; `reached` is told how much,
        ms.
        """
        lacking = -len(self._odd) % WINDOW_BYTES
        self.feed(bytes(lacking))
        self._enqueue(partial(reached, lacking / BYTES_PER_MS))

    @property
    def behind(self) -> int:
        """Windows that wait for the model."""
        return len(self.waiting)

    def close(self) -> None:
        """Forgets everything. Nothing is reported any more."""
        self.waiting.clear()
        self._room.set()
        self._ears.release(self, self._row)

    def _enqueue(self, item: Window | Mark) -> None:
        self.waiting.append(item)
        if len(self.waiting) >= _MOST_WAITING:
            self._room.clear()
        if len(self.waiting) == 1:
            self.drain()
            if self.waiting:
                self._ears.wake(self)

    def drain(self) -> None:
        """Reports what needs no model, up to the first window that does."""
        while self.waiting:
            item = self.waiting[0]
            if isinstance(item, Window):
                if not item.gated:
                    return
                self._forget = True
                self.waiting.popleft()
                self._on_window(item)
            else:
                self.waiting.popleft()
                item()

    def judged(self, voice: float) -> None:
        """Reports the first waiting window, whose probability is known now."""
        if not self.waiting:
            return
        window = self._head()
        self.waiting.popleft()
        window.voice = voice
        self._on_window(window)
        self.drain()
        if len(self.waiting) < _MOST_WAITING:
            self._room.set()

    def ask(self, states: States) -> tuple[int, Window]:
        """The window to ask about and the row of its state, made fresh after a silence."""
        if self._forget:
            states.forget(self._row)
            self._forget = False
        return self._row, self._head()

    def _head(self) -> Window:
        head = self.waiting[0]
        if not isinstance(head, Window):
            raise TypeError("a mark was left at the head of the queue")
        return head


class Ears:
    """The shared model and its ticking. `run` it as one task."""

    def __init__(self, model: Silero, *, tick_ms: float = 10.0) -> None:
        self._model = model
        self._tick_s = tick_ms / 1000
        self._states = States.zeros(_FIRST_ROWS)
        self._free = list(range(_FIRST_ROWS))
        self._eager: set[Ear] = set()
        self._woken = asyncio.Event()
        self._asking: frozenset[int] = frozenset()
        self._released: list[int] = []
        self._worker = ThreadPoolExecutor(1, "silero")
        self.failure: Exception | None = None
        self.open_ears = 0
        self.calls = 0
        self.windows = 0

    def open(self, on_window: Callable[[Window], None]) -> Ear:
        """A new ear; `on_window` is called on the event loop for each of its windows."""
        if not self._free:
            rows = len(self._states.hidden)
            self._states = self._states.grown(2 * rows)
            self._free = list(range(rows, 2 * rows))
        row = self._free.pop()
        self._states.forget(row)
        self.open_ears += 1
        return Ear(self, row, on_window)

    def release(self, ear: Ear, row: int) -> None:
        """Takes an ear's row back, once no call uses it."""
        self._eager.discard(ear)
        self.open_ears -= 1
        (self._released if row in self._asking else self._free).append(row)

    def wake(self, ear: Ear) -> None:
        """Says that `ear` has a window to ask about."""
        self._eager.add(ear)
        self._woken.set()

    async def run(self) -> None:
        """Ticks until cancelled. When the model fails, `failure` says so and nothing is heard."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                await self._woken.wait()
                began = loop.time()
                behind = await self._ask(loop)
                if not self._eager:
                    self._woken.clear()
                if not behind:
                    # Waiting gathers the windows of many ears into one call. An ear that is
                    # behind (a file, a stalled network) is let catch up without it.
                    await asyncio.sleep(max(0.0, self._tick_s - (loop.time() - began)))
        except Exception as cause:
            self.failure = cause
            log.error("ears.failed", exc=cause)
            raise
        finally:
            self._worker.shutdown(wait=False, cancel_futures=True)

    async def _ask(self, loop: asyncio.AbstractEventLoop) -> bool:
        asked = [ear for ear in self._eager if ear.waiting]
        if not asked:
            self._eager.clear()
            return False
        heads = [ear.ask(self._states) for ear in asked]
        rows = np.array([row for row, _ in heads], np.intp)
        samples = _samples([window.pcm for _, window in heads])
        states = self._states
        self._asking = frozenset(rows.tolist())
        voices = await loop.run_in_executor(
            self._worker, partial(self._model, samples, states, rows)
        )
        self._keep(states, rows)
        self.calls += 1
        self.windows += len(asked)
        for ear, voice in zip(asked, voices.tolist(), strict=True):
            self._tell(ear, voice)
        self._eager = {ear for ear in self._eager if ear.waiting}
        return any(len(ear.waiting) > 1 for ear in self._eager)

    def _tell(self, ear: Ear, voice: float) -> None:
        try:
            ear.judged(voice)
        except Exception as cause:  # noqa: BLE001 - one listener's fault must not deafen the others
            log.error("ear.crashed", exc=cause)
            ear.waiting.clear()

    def _keep(self, asked: States, rows: NDArray[np.intp]) -> None:
        if asked is not self._states:  # it grew during the call
            self._states.hidden[rows] = asked.hidden[rows]
            self._states.cell[rows] = asked.cell[rows]
            self._states.context[rows] = asked.context[rows]
        self._asking = frozenset()
        self._free += self._released
        self._released.clear()


def _samples(pieces: list[bytes]) -> Floats:
    joined = np.frombuffer(b"".join(pieces), np.int16).reshape(-1, WINDOW)
    samples: Floats = joined.astype(np.float32) / 32768.0
    return samples
