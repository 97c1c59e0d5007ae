"""Where speech is in a whole recording."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from stt_service.hearing.ears import WINDOW_BYTES
from stt_service.hearing.silero import WINDOW, WINDOW_MS, Silero, States

_VOICE = 0.4
_JOIN_MS = 700.0
_MARGIN_MS = 300.0
_LONGEST_MS = 15_000.0


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of speech with its margins, ms."""

    start_ms: float
    end_ms: float

    @property
    def start_byte(self) -> int:
        """In mono 16 kHz ``pcm_s16le``."""
        return int(self.start_ms * 16) * 2

    @property
    def end_byte(self) -> int:
        """Likewise."""
        return int(self.end_ms * 16) * 2


class Spotter:
    """Finds speech off the event loop, one recording at a time."""

    def __init__(self, model: Silero) -> None:
        self._model = model
        self._worker = ThreadPoolExecutor(1, "spotter")

    async def find(self, pcm: bytes) -> list[Span]:
        """The spoken spans of mono 16 kHz ``pcm_s16le``, in order, 15 s at most each."""
        loop = asyncio.get_running_loop()
        voices = await loop.run_in_executor(self._worker, self._listen, pcm)
        return spans_of(voices, len(pcm) / 32)

    def close(self) -> None:
        """Ends its thread."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _listen(self, pcm: bytes) -> list[float]:
        padded = pcm + b"\0" * (-len(pcm) % WINDOW_BYTES)
        samples = np.frombuffer(padded, np.int16).astype(np.float32).reshape(-1, 1, WINDOW) / 32768
        states, row = States.zeros(1), np.zeros(1, np.intp)
        return [float(self._model(window, states, row)[0]) for window in samples]


def spans_of(voices: list[float], total_ms: float) -> list[Span]:
    """Spans from the probability of speech of each window."""
    spans: list[Span] = []
    for n, voice in enumerate(voices):
        if voice < _VOICE:
            continue
        start = max(0.0, n * WINDOW_MS - _MARGIN_MS)
        end = min(total_ms, (n + 1) * WINDOW_MS + _MARGIN_MS)
        last = spans[-1] if spans else None
        if last and start - last.end_ms < _JOIN_MS - 2 * _MARGIN_MS and _short(last, end):
            spans[-1] = Span(last.start_ms, end)
        else:
            spans.append(Span(max(start, last.end_ms) if last else start, end))
    return spans


def _short(span: Span, end_ms: float) -> bool:
    return end_ms - span.start_ms < _LONGEST_MS
