"""The process that decodes with pocketsphinx; run by `backends.pocketsphinx`, one decoder each.

pocketsphinx holds the interpreter lock while it decodes, so it lives in processes of its own.
"""

from collections.abc import Callable
from typing import Any

from pocketsphinx import Decoder

from stt_service.workers.frames import HELLO, Inbox

START, AUDIO, GLANCE, SETTLE, DROP = range(1, 6)

RATE = 16_000
FRAME_MS = 10.0
"""The decoder's own frame, ms: its word times count in these."""

REPLAY_LIMIT_BYTES = 10 * RATE * 2
"""After a settle in the middle, audio up to this much is decoded again with what follows, so that
a word that was cut by a short silence is heard whole. Beyond, its words are kept as they are."""


class Sentence:
    """One utterance in a decoder. A settle ends the decoder's own utterance, for only its second
    and third passes give its best words; audio after that begins another."""

    def __init__(self, decoder: Decoder, cmn: str) -> None:
        self._decoder = decoder
        # The decoder adapts its channel estimate to everything it hears: without this the words
        # of one person would depend on who spoke before.
        decoder.set_cmn(cmn)
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


def main() -> None:
    """Decodes until the pipe closes."""
    inbox = Inbox()
    inbox.start()
    decoder = Decoder(samprate=RATE, loglevel="FATAL")
    cmn = decoder.get_cmn(False)
    inbox.answer(HELLO, {})
    sentence = Sentence(decoder, cmn)
    answers: dict[int, Callable[[], dict[str, Any]]] = {}
    while True:
        operation, ask, payload = inbox.operations.get()
        if operation == START:
            sentence.end()
            sentence = Sentence(decoder, cmn)
            answers = {GLANCE: sentence.glance, SETTLE: sentence.settle}
        elif operation == AUDIO:
            sentence.audio(payload)
        elif operation == DROP:
            sentence.end()
            sentence = Sentence(decoder, cmn)
        elif operation in answers:
            inbox.answer(ask, answers[operation]())


if __name__ == "__main__":
    main()
