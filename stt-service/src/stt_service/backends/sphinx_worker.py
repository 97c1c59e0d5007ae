"""The process that decodes with pocketsphinx; run by `backends.pocketsphinx`, one decoder each.

pocketsphinx holds the interpreter lock while it decodes, so it lives in processes of its own.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pocketsphinx import Decoder

from avatar_contract.workers.child import Job

START, AUDIO, DROP = "start", "audio", "drop"
"""What it is told."""

GLANCE, SETTLE = "glance", "settle"
"""What it is asked."""

RATE = 16_000
FRAME_MS = 10.0
"""The decoder's own frame, ms: its word times count in these."""

REPLAY_LIMIT_BYTES = 10 * RATE * 2
"""After a settle in the middle, audio up to this much is decoded again with what follows, so that
a word that was cut by a short silence is heard whole. Beyond, its words are kept as they are."""


class Sentence:
    """One utterance in a decoder. A settle ends the decoder's own utterance, for only its second
    and third passes give its best words; audio after that begins another."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._open = False
        self._audio = bytearray()
        self._kept: list[tuple[str, float, float]] = []
        self._kept_ms = 0.0

    def audio(self, pcm: bytes) -> None:
        """Decodes more."""
        if not self._open:
            self._reopen()
        self._audio += pcm
        self._decoder.process_raw(pcm)

    def glance(self) -> dict[str, Any]:
        """The first pass's words so far."""
        return self._answer()

    def settle(self) -> dict[str, Any]:
        """The words after all passes."""
        self.end()
        return self._answer()

    def end(self) -> None:
        """Ends the decoder's utterance."""
        if self._open:
            self._decoder.end_utt()
            self._open = False

    def _reopen(self) -> None:
        if len(self._audio) > REPLAY_LIMIT_BYTES:
            self._kept = self._words()
            self._kept_ms += len(self._audio) * 1000 / (2 * RATE)
            self._audio.clear()
        # The decoder's front end adapts to everything it hears: its estimates of the channel and
        # of the noise. Without a new one the words would depend on who spoke before, and on how
        # often this utterance was settled.
        self._decoder.reinit_feat()
        self._decoder.start_utt()
        self._open = True
        if self._audio:
            self._decoder.process_raw(bytes(self._audio))

    def _words(self) -> list[tuple[str, float, float]]:
        if not self._audio or self._decoder.hyp() is None:
            return list(self._kept)
        found = [
            (part.word.partition("(")[0], part.start_frame, part.end_frame + 1)
            for part in self._decoder.seg()
            if not part.word.startswith(("<", "["))
        ]
        times = (
            (word, self._kept_ms + start * FRAME_MS, self._kept_ms + end * FRAME_MS)
            for word, start, end in found
        )
        return [*self._kept, *times]

    def _answer(self) -> dict[str, Any]:
        return {"words": self._words()}


class SphinxEngine:
    """The worker's side: the utterance that was started last."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._open: Sentence | None = None

    def load(self, progress: Callable[[float], None]) -> Mapping[str, Any]:
        self._decoder = Decoder(samprate=RATE, loglevel="FATAL")
        self._open = Sentence(self._decoder)
        return {}

    def tell(self, op: str, meta: Mapping[str, Any], blob: bytes) -> None:
        if op == AUDIO:
            self._sentence.audio(blob)
        elif op in (START, DROP):
            self._sentence.end()
            self._open = Sentence(self._decoder)

    def work(self, job: Job) -> Mapping[str, Any]:
        return self._sentence.glance() if job.op == GLANCE else self._sentence.settle()

    @property
    def _sentence(self) -> Sentence:
        if self._open is None:
            raise RuntimeError("asked before it was loaded")
        return self._open
